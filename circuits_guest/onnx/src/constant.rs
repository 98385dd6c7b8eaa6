//! A constant of the file, decoded where an operator reads it.

use alloc::vec::Vec;
use core::cell::OnceCell;

use crate::engine::as_bytes;
use crate::tensor::{DType, Data, Tensor};

/// Copying a large model's weights would cost the guest more than many runs of it. Weights of one byte can be
/// read where they lie; they become a tensor when an operator asks for one.
#[derive(Debug)]
pub(crate) struct Constant<'a> {
    dims: Vec<usize>,
    dtype: DType,
    raw: &'a [u8],
    tensor: OnceCell<Tensor>,
}

impl<'a> Constant<'a> {
    /// `u8` or `i8` elements that fill the dims.
    pub(crate) fn lying(dims: Vec<usize>, dtype: DType, raw: &'a [u8]) -> Constant<'a> {
        Constant { dims, dtype, raw, tensor: OnceCell::new() }
    }

    pub(crate) fn dims(&self) -> &[usize] {
        &self.dims
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(crate) fn tensor(&self) -> &Tensor {
        self.tensor.get_or_init(|| {
            let data = match self.dtype {
                DType::I8 => Data::I8(self.raw.iter().map(|&b| b as i8).collect()),
                _ => Data::U8(self.raw.to_vec()),
            };
            Tensor::new(self.dims.clone(), data).expect("the reader compared the length with the dims")
        })
    }

    /// The elements as they lie, of a type of one byte.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self.tensor.get().map(Tensor::data) {
            None => Some(self.raw),
            Some(Data::U8(v)) => Some(v),
            Some(Data::I8(v)) => Some(as_bytes(v)),
            Some(_) => None,
        }
    }
}

impl From<Tensor> for Constant<'_> {
    fn from(tensor: Tensor) -> Self {
        let (dims, dtype) = (tensor.dims().to_vec(), tensor.dtype());
        Constant { dims, dtype, raw: &[], tensor: OnceCell::from(tensor) }
    }
}
