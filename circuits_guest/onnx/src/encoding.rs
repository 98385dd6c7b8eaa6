//! The canonical tensor encoding: the bytes whose SHA-256 is an input or output digest.
//!
//! All integers are little-endian: `u32 count`, then per tensor `u32 name_len | name (UTF-8) |
//! u32 dtype (ONNX TensorProto.DataType) | u32 rank | u32 dims[rank] | data`, row-major with no
//! padding. A list has one encoding only: decoding refuses every other byte string.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::Error;
use crate::tensor::{element_count, DType, Data, NamedTensor, Tensor, MAX_ELEMENTS};

pub const MAX_TENSORS: usize = 64;
pub const MAX_RANK: usize = 8;
pub const MAX_NAME: usize = 256;

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize, what: &str) -> Result<&'a [u8], Error> {
        if n > self.0.len() {
            return Err(Error::Encoding(format!("{what}: needs {n} bytes, {} are left", self.0.len())));
        }
        let (head, tail) = self.0.split_at(n);
        self.0 = tail;
        Ok(head)
    }

    fn u32(&mut self, what: &str) -> Result<usize, Error> {
        let b = self.take(4, what)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
    }

    fn capped(&mut self, what: &str, cap: usize) -> Result<usize, Error> {
        match self.u32(what)? {
            n if n > cap => Err(Error::Encoding(format!("{what} is {n}, at most {cap} allowed"))),
            n => Ok(n),
        }
    }
}

/// Reads one list of tensors and refuses anything that [`encode_tensors`] would not have written.
pub fn decode_tensors(bytes: &[u8]) -> Result<Vec<NamedTensor>, Error> {
    let mut input = Bytes(bytes);
    let count = input.capped("count", MAX_TENSORS)?;
    let mut tensors = Vec::with_capacity(count);
    for _ in 0..count {
        tensors.push(decode_one(&mut input)?);
    }
    if !input.0.is_empty() {
        return Err(Error::Encoding(format!("{} trailing bytes", input.0.len())));
    }
    Ok(tensors)
}

fn decode_one(input: &mut Bytes<'_>) -> Result<NamedTensor, Error> {
    let len = input.capped("name length", MAX_NAME)?;
    let name: String = core::str::from_utf8(input.take(len, "name")?)
        .map_err(|_| Error::Encoding("name is not UTF-8".to_string()))?
        .to_string();
    let fail = |reason: String| Error::Encoding(format!("tensor {name:?}: {reason}"));
    let code = input.u32("dtype")?;
    let dtype =
        DType::from_onnx(code as u32).ok_or_else(|| fail(format!("dtype {code} is not supported")))?;
    let rank = input.capped("rank", MAX_RANK)?;
    let dims = (0..rank).map(|_| input.u32("dims")).collect::<Result<Vec<_>, _>>()?;
    let elements = element_count(&dims)
        .ok_or_else(|| fail(format!("dims {dims:?} hold more than {MAX_ELEMENTS} elements")))?;
    let data = input.take(elements * dtype.item_size(), "data")?;
    let data =
        Data::from_le_bytes(dtype, data).ok_or_else(|| fail("a boolean is neither 0 nor 1".to_string()))?;
    let tensor = Tensor::new(dims, data).ok_or_else(|| fail("dims do not fit the data".to_string()))?;
    Ok(NamedTensor { name, tensor })
}

/// Writes a list of tensors. A list within the caps decodes to itself.
pub fn encode_tensors(tensors: &[NamedTensor]) -> Vec<u8> {
    let mut out = Vec::new();
    push_word(&mut out, tensors.len());
    for NamedTensor { name, tensor } in tensors {
        push_header(&mut out, name, tensor.dtype(), tensor.dims());
        tensor.data().extend_le_bytes(&mut out);
    }
    out
}

/// Writes what precedes the elements of one tensor.
pub(crate) fn push_header(out: &mut Vec<u8>, name: &str, dtype: DType, dims: &[usize]) {
    push_word(out, name.len());
    out.extend_from_slice(name.as_bytes());
    push_word(out, dtype as usize);
    push_word(out, dims.len());
    dims.iter().for_each(|&d| push_word(out, d));
}

fn push_word(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&(n as u32).to_le_bytes());
}
