//! What groups of operators read from a file: their attributes, and the types that they take and give.
//! [`crate::ops`] computes them.

pub(crate) mod data;
pub(crate) mod elementwise;
pub(crate) mod norm;
pub(crate) mod reduce;
pub(crate) mod resize;
