//! What groups of operators read from a file: their attributes, and the types that they take and give.
//! [`crate::ops`] computes them.

pub(crate) mod ensembles;
pub(crate) mod features;
pub(crate) mod linear;
pub(crate) mod ml;
pub(crate) mod trees;
