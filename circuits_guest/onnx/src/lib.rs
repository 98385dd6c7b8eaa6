//! An ONNX interpreter for statements that are proved.
//!
//! One source runs natively and inside a RISC Zero guest (`riscv32im`, soft float, no `std`), with the
//! same bits in every output: integer operators are exact and equal to ONNX Runtime, float operators
//! run in a defined order (`docs/operators.md`). A model is read from the ONNX protobuf itself, so the
//! digest of the file is the digest of what ran.
//!
//! A [`Model`] is parsed once and run on many inputs. Anything that cannot be run exactly is refused
//! by [`Model::parse`] with an [`Error`] that names all of it at once.
#![no_std]

extern crate alloc;

pub mod accelerator;
mod attributes;
mod build;
mod chunks;
mod constant;
mod encoding;
pub mod engine;
mod error;
mod exec;
mod infer;
mod model;
mod ops;
mod packed;
mod plan;
mod proto;
mod registry;
mod session;
mod spec;
mod tensor;
mod tensor_proto;
mod wire;

pub use encoding::{decode_tensors, encode_tensors, MAX_NAME, MAX_RANK, MAX_TENSORS};
pub use error::{Error, Problem};
pub use model::{Dim, Model, ValueInfo};
pub use registry::{operators, OperatorSupport, MAX_OPSET, MIN_OPSET};
pub use session::Session;
pub use tensor::{DType, Data, NamedTensor, Tensor, MAX_ELEMENTS};
