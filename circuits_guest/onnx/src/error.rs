//! What can go wrong, in words that tell a model's author what to change.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One reason why a node cannot be run, with where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Name of the node, or of its first output where it has none.
    pub node: String,
    /// Operator type, with its domain unless that is `ai.onnx`.
    pub op: String,
    /// Version of the operator set that the model imports for this operator.
    pub opset: u32,
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {:?} ({}, opset {}): {}", self.node, self.op, self.opset, self.reason)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The bytes are not a tensor list in the canonical encoding.
    Encoding(String),
    /// The bytes are not an ONNX file, or use a part of the format that is not read.
    Malformed(String),
    /// Every node, type and attribute of the model that cannot be run.
    Unsupported(Vec<Problem>),
    /// The inputs of a run do not fit the model.
    Input(String),
    /// A node could not be computed: shapes that do not fit, a possible overflow, a division by zero.
    Run(Problem),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Encoding(reason) => write!(f, "tensor encoding: {reason}"),
            Error::Malformed(reason) => write!(f, "ONNX file: {reason}"),
            Error::Unsupported(problems) => {
                write!(f, "model cannot be run exactly, {} problem(s)", problems.len())?;
                problems.iter().try_for_each(|p| write!(f, "; {p}"))
            }
            Error::Input(reason) => write!(f, "input: {reason}"),
            Error::Run(problem) => write!(f, "{problem}"),
        }
    }
}

impl core::error::Error for Error {}

/// Reason of a failure inside one operator; the interpreter adds the node.
pub(crate) type OpResult<T> = Result<T, String>;

macro_rules! refuse {
    ($($arg:tt)*) => { return Err(alloc::format!($($arg)*)) };
}
pub(crate) use refuse;
