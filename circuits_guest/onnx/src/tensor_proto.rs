//! `TensorProto`: constants stored in the file, decoded once into typed vectors.

use alloc::format;
use alloc::vec::Vec;

use crate::constant::Constant;
use crate::proto::{about, once};
use crate::tensor::{element_count, DType, Data, Tensor};
use crate::wire::{Fields, WireResult};

#[derive(Default)]
pub(crate) struct TensorProto<'a> {
    pub name: &'a str,
    dims: Vec<i64>,
    data_type: i64,
    floats: Vec<f32>,
    int32s: Vec<i64>,
    int64s: Vec<i64>,
    raw: Option<&'a [u8]>,
    /// Set where the data lies in another file or in a field of a type that is not computed with.
    elsewhere: Option<&'static str>,
}

impl<'a> TensorProto<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> WireResult<TensorProto<'a>> {
        let mut out = TensorProto::default();
        let (mut name, mut data_type) = (None, None);
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => value.push_ints(&mut out.dims)?,
                2 => once(&mut data_type, value.int()?, "tensor data_type")?,
                3 => out.elsewhere = Some("segments are not supported"),
                4 => value.push_floats(&mut out.floats)?,
                5 => value.push_ints(&mut out.int32s)?,
                7 => value.push_ints(&mut out.int64s)?,
                8 => once(&mut name, value.text()?, "tensor name")?,
                9 => once(&mut out.raw, value.bytes()?, "raw_data")?,
                12 | 16 => drop(value.bytes()?),
                13 => out.elsewhere = Some("external data is not supported, embed it in the file"),
                14 if value.int()? == 0 => {}
                14 => out.elsewhere = Some("external data is not supported, embed it in the file"),
                6 | 10 | 11 => out.elsewhere = Some("its element type is not supported"),
                other => return Err(format!("tensor: field {other} is not known")),
            }
        }
        out.name = name.unwrap_or("");
        out.data_type = data_type.unwrap_or(0);
        Ok(out)
    }

    /// The tensor, read where it lies if its elements are bytes.
    pub(crate) fn constant(&self) -> WireResult<Constant<'a>> {
        match (self.header()?, self.raw) {
            ((dims, dtype @ (DType::U8 | DType::I8), elements), Some(raw))
                if self.typed() == 0 && raw.len() == elements =>
            {
                Ok(Constant::lying(dims, dtype, raw))
            }
            _ => self.decode().map(Constant::from),
        }
    }

    /// The decoded tensor. Allocates no more than a small multiple of the file's bytes.
    pub(crate) fn decode(&self) -> WireResult<Tensor> {
        let fail = |reason: &str| about(self.name, reason);
        let ((dims, dtype, elements), typed) = (self.header()?, self.typed());
        let data = match self.raw {
            Some(raw) if typed == 0 && raw.len() == elements * dtype.item_size() => {
                Data::from_le_bytes(dtype, raw).ok_or_else(|| fail("a boolean is neither 0 nor 1"))?
            }
            Some(_) => return Err(fail("its raw_data does not fill its dims")),
            None => self.typed_data(dtype, typed).ok_or_else(|| fail("a value is outside its type"))?,
        };
        Tensor::new(dims, data).ok_or_else(|| fail("its data does not fill its dims"))
    }

    fn typed(&self) -> usize {
        self.floats.len() + self.int32s.len() + self.int64s.len()
    }

    /// Dims, type and number of elements.
    fn header(&self) -> WireResult<(Vec<usize>, DType, usize)> {
        let fail = |reason: &str| about(self.name, reason);
        if let Some(reason) = self.elsewhere {
            return Err(fail(reason));
        }
        let dtype = u32::try_from(self.data_type).ok().and_then(DType::from_onnx);
        let dtype =
            dtype.ok_or_else(|| fail(&format!("element type {} is not supported", self.data_type)))?;
        let dims: Option<Vec<usize>> = self.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
        let dims = dims.ok_or_else(|| fail("a dimension is out of range"))?;
        let elements = element_count(&dims).ok_or_else(|| fail("it has too many elements"))?;
        Ok((dims, dtype, elements))
    }

    fn typed_data(&self, dtype: DType, typed: usize) -> Option<Data> {
        let ints = |values: &Vec<i64>| (values.len() == typed).then(|| values.clone());
        let small = ints(&self.int32s);
        Some(match dtype {
            DType::F32 => Data::F32(self.floats.clone()).filter(typed)?,
            DType::I64 => Data::I64(ints(&self.int64s)?),
            DType::I32 => Data::I32(small?.iter().map(|&v| i32::try_from(v).ok()).collect::<Option<_>>()?),
            DType::I8 => Data::I8(small?.iter().map(|&v| i8::try_from(v).ok()).collect::<Option<_>>()?),
            DType::U8 => Data::U8(small?.iter().map(|&v| u8::try_from(v).ok()).collect::<Option<_>>()?),
            DType::Bool => Data::Bool(
                small?.iter().map(|&v| u8::try_from(v).ok().filter(|&b| b < 2)).collect::<Option<_>>()?,
            ),
        })
    }
}

impl Data {
    fn filter(self, len: usize) -> Option<Data> {
        (self.len() == len).then_some(self)
    }
}
