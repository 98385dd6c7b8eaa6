//! Constant weights of a node, put once into the order of the inner product.

use alloc::vec::Vec;

use crate::build::Op;
use crate::constant::Constant;
use crate::engine::{as_bytes, Coding, Engine, Matrix};
use crate::model::Node;
use crate::ops::{conv_integer, gemm_integer};
use crate::tensor::{DType, Data, Tensor};

#[derive(Debug)]
pub(crate) enum Packed {
    /// For the processor.
    Plain(Data),
    /// For the engine: one matrix a group, of the same depth and columns.
    Matrices(Vec<Matrix<'static>>),
}

impl Packed {
    pub(crate) fn plain(&self) -> Option<&Data> {
        match self {
            Packed::Plain(data) => Some(data),
            Packed::Matrices(_) => None,
        }
    }

    /// The matrix of a group, where the engine multiplies.
    pub(crate) fn matrix(&self, group: usize) -> Option<&Matrix<'static>> {
        match self {
            Packed::Plain(_) => None,
            Packed::Matrices(matrices) => matrices.get(group),
        }
    }

    /// Row-major weights of each group, for the engine if it pays and else for the processor.
    fn of(data: Data, groups: usize, shape: (usize, usize), engine: &mut dyn Engine) -> Packed {
        let each = shape.0 * shape.1;
        match (0..groups).map(|group| matrix_of(&data, group * each, shape, engine)).collect() {
            Some(matrices) => Packed::Matrices(matrices),
            None => Packed::Plain(data),
        }
    }
}

/// The matrix of weights from `start` on, where the engine is to multiply.
fn matrix_of(
    data: &Data,
    start: usize,
    shape: (usize, usize),
    engine: &mut dyn Engine,
) -> Option<Matrix<'static>> {
    let (bytes, coding) = match data {
        Data::U8(v) => (v.get(start..)?, Coding::of(DType::U8, 0)),
        Data::I8(v) => (as_bytes(v.get(start..)?), Coding::of(DType::I8, 0)),
        _ => return None,
    };
    Matrix::of(bytes, coding, shape, engine).map(Matrix::into_owned)
}

/// The packed weights of a node, or `None` where they are read as they are or come from another node.
pub(crate) fn pack_weights(
    node: &Node,
    constants: &[Option<Constant<'_>>],
    engine: &mut dyn Engine,
) -> Option<Packed> {
    let constant = |i: usize| {
        node.inputs.get(i).copied().flatten().and_then(|i| constants[i].as_ref()).map(Constant::tensor)
    };
    let as_it_is = |tensor: &Tensor, engine: &mut dyn Engine| match *tensor.dims() {
        [k, n] => matrix_of(tensor.data(), 0, (k, n), engine).map(|m| Packed::Matrices([m].into())),
        _ => None,
    };
    match &node.op {
        Op::QLinearConv(conv) => conv_packed(constant(3)?, conv.group, engine),
        Op::ConvInteger(conv) => conv_packed(constant(1)?, conv.group, engine),
        Op::MatMulInteger => as_it_is(constant(1)?, engine),
        Op::QLinearMatMul => as_it_is(constant(3)?, engine),
        Op::QGemm { trans_b: true, .. } => {
            let weights = constant(3)?;
            let &[n, k] = weights.dims() else { return None };
            Some(Packed::of(gemm_integer::pack_transposed(weights)?, 1, (k, n), engine))
        }
        Op::QGemm { .. } => as_it_is(constant(3)?, engine),
        _ => None,
    }
}

fn conv_packed(weights: &Tensor, groups: usize, engine: &mut dyn Engine) -> Option<Packed> {
    let packed = conv_integer::pack(weights, groups)?;
    let (&filters, rest) = weights.dims().split_first()?;
    Some(Packed::of(packed, groups, (rest.iter().product(), filters / groups), engine))
}
