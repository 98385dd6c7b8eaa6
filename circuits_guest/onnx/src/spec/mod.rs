//! What groups of operators read from a file: their attributes, and the types that they take and give.
//! [`crate::ops`] computes them.

pub(crate) mod data;
pub(crate) mod einsum;
pub(crate) mod elementwise;
pub(crate) mod ensembles;
pub(crate) mod features;
pub(crate) mod forest;
pub(crate) mod linear;
pub(crate) mod ml;
pub(crate) mod norm;
pub(crate) mod recurrent;
pub(crate) mod reduce;
pub(crate) mod resize;
pub(crate) mod select;
pub(crate) mod trees;
