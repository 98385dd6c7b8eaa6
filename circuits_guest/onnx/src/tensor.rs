//! Dense row-major tensors of the element types that the interpreter computes with.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{refuse, OpResult};

/// Most elements of one tensor: bounds what a hostile model can make a run allocate.
pub const MAX_ELEMENTS: usize = 1 << 24;

/// Element type; the values are those of ONNX `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum DType {
    F32 = 1,
    U8 = 2,
    I8 = 3,
    I32 = 6,
    I64 = 7,
    Bool = 9,
}

impl DType {
    pub fn from_onnx(code: u32) -> Option<DType> {
        Some(match code {
            1 => DType::F32,
            2 => DType::U8,
            3 => DType::I8,
            6 => DType::I32,
            7 => DType::I64,
            9 => DType::Bool,
            _ => return None,
        })
    }

    pub fn item_size(self) -> usize {
        match self {
            DType::U8 | DType::I8 | DType::Bool => 1,
            DType::F32 | DType::I32 => 4,
            DType::I64 => 8,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::F32 => "float32",
            DType::U8 => "uint8",
            DType::I8 => "int8",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::Bool => "bool",
        })
    }
}

/// Elements in row-major order. Booleans are bytes 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    F32(Vec<f32>),
    U8(Vec<u8>),
    I8(Vec<i8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    Bool(Vec<u8>),
}

impl Data {
    pub fn dtype(&self) -> DType {
        match self {
            Data::F32(_) => DType::F32,
            Data::U8(_) => DType::U8,
            Data::I8(_) => DType::I8,
            Data::I32(_) => DType::I32,
            Data::I64(_) => DType::I64,
            Data::Bool(_) => DType::Bool,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::U8(v) | Data::Bool(v) => v.len(),
            Data::I8(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::I64(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements from little-endian bytes, or `None` for a length that is no multiple of the item size
    /// or a boolean other than 0 and 1.
    pub fn from_le_bytes(dtype: DType, bytes: &[u8]) -> Option<Data> {
        if !bytes.chunks_exact(dtype.item_size()).remainder().is_empty() {
            return None;
        }
        let words = || bytes.chunks_exact(4).map(|c| [c[0], c[1], c[2], c[3]]);
        Some(match dtype {
            DType::F32 => Data::F32(words().map(f32::from_le_bytes).collect()),
            DType::I32 => Data::I32(words().map(i32::from_le_bytes).collect()),
            DType::U8 => Data::U8(bytes.to_vec()),
            DType::I8 => Data::I8(bytes.iter().map(|&b| b as i8).collect()),
            DType::Bool if bytes.iter().any(|&b| b > 1) => return None,
            DType::Bool => Data::Bool(bytes.to_vec()),
            DType::I64 => {
                let item = |c: &[u8]| i64::from_le_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]);
                Data::I64(bytes.chunks_exact(8).map(item).collect())
            }
        })
    }

    pub fn extend_le_bytes(&self, out: &mut Vec<u8>) {
        match self {
            Data::F32(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
            Data::I32(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
            Data::I64(v) => v.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes())),
            Data::U8(v) | Data::Bool(v) => out.extend_from_slice(v),
            Data::I8(v) => out.extend(v.iter().map(|&x| x as u8)),
        }
    }
}

/// A tensor whose data length is the product of its dims: the fields are private to keep that true.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    dims: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// `None` where the dims do not multiply to the number of elements.
    pub fn new(dims: Vec<usize>, data: Data) -> Option<Tensor> {
        (element_count(&dims) == Some(data.len())).then_some(Tensor { dims, data })
    }

    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    pub fn data(&self) -> &Data {
        &self.data
    }

    pub fn into_data(self) -> Data {
        self.data
    }

    /// The same elements under other dims.
    pub(crate) fn reshaped(self, dims: Vec<usize>) -> OpResult<Tensor> {
        if element_count(&dims) != Some(self.data.len()) {
            refuse!("shape {:?} does not hold the {} elements of {:?}", dims, self.data.len(), self.dims);
        }
        Ok(Tensor { dims, data: self.data })
    }

    /// The tensor of one operator result, checked in the same way as one from outside.
    pub(crate) fn of(dims: Vec<usize>, data: Data) -> OpResult<Tensor> {
        match Tensor::new(dims, data) {
            Some(tensor) => Ok(tensor),
            None => refuse!("result does not fill its shape"),
        }
    }
}

/// Product of the dims, or `None` above [`MAX_ELEMENTS`]. A zero does not excuse the other dims: their
/// products are strides.
pub(crate) fn element_count(dims: &[usize]) -> Option<usize> {
    let product =
        dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d.max(1)).filter(|&n| n <= MAX_ELEMENTS))?;
    Some(if dims.contains(&0) { 0 } else { product })
}

/// As [`element_count`], with the reason for operators.
pub(crate) fn checked_count(dims: &[usize]) -> OpResult<usize> {
    match element_count(dims) {
        Some(n) => Ok(n),
        None => refuse!("shape {:?} has more than {} elements", dims, MAX_ELEMENTS),
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    pub name: String,
    pub tensor: Tensor,
}

/// Element types seen as Rust types, so that operators are written once.
pub(crate) trait Element: Copy + PartialOrd + Default + 'static {
    fn wrap(values: Vec<Self>) -> Data;
    fn view(data: &Data) -> Option<&[Self]>;
}

macro_rules! element {
    ($type:ty, $variant:ident) => {
        impl Element for $type {
            fn wrap(values: Vec<Self>) -> Data {
                Data::$variant(values)
            }
            fn view(data: &Data) -> Option<&[Self]> {
                match data {
                    Data::$variant(v) => Some(v),
                    _ => None,
                }
            }
        }
    };
}
element!(f32, F32);
element!(u8, U8);
element!(i8, I8);
element!(i32, I32);
element!(i64, I64);
