//! Layers whose results are bytes again.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::convolution::Convolution;
use super::dense::{Dense, Finish, Weights};
use super::planner::{Planner, Value};
use super::Layer;
use crate::build::{ConvAttributes, Op};
use crate::engine::Coding;
use crate::model::Node;
use crate::ops::conv_float::Conv;
use crate::ops::gemm_float::bias_strides;
use crate::ops::gemm_integer::{check_range, transposed};
use crate::ops::quantize::{scalar_scale, scalar_zero, scales, zeros};
use crate::ops::requantize::Requantizer;
use crate::ops::Args;
use crate::tensor::{element_count, DType, Data, Tensor};

/// Which inputs of a node hold what, and the factor of all products.
struct Operands {
    weights: usize,
    bias: Option<usize>,
    y_scale: usize,
    alpha: Option<f32>,
}

/// What a layer's constants say.
struct Parts {
    zero: i32,
    signed: bool,
    coding: Coding,
    combined: Vec<f32>,
    y_zero: i32,
    dtype: DType,
}

impl Parts {
    /// `None` for what the operators refuse, and for weights with several zero points.
    fn of(
        args: &Args<'_>,
        operands: &Operands,
        (x, w_type): (DType, DType),
        (k, n): (usize, usize),
        bias: &[i32],
    ) -> Option<Parts> {
        let &Operands { weights: w, y_scale, alpha, .. } = operands;
        let zero = scalar_zero(args, 2).ok()?;
        let w_zeros = zeros(args, w + 2, n).ok()?;
        if w_zeros.iter().any(|&z| z != w_zeros[0]) {
            return None;
        }
        check_range(k, (x, &[zero]), (w_type, &w_zeros), bias).ok()?;
        let coding = Coding::of(w_type, *w_zeros.first()?);
        let (x_scale, y_scale) = (scalar_scale(args, 1).ok()?, scalar_scale(args, y_scale).ok()?);
        let x_scale = alpha.map_or(x_scale, |alpha| alpha * x_scale);
        let combined = scales(args, w + 1, n).ok()?.iter().map(|&w| (x_scale * w) / y_scale).collect();
        let y_zero = scalar_zero(args, operands.y_scale + 1).ok()?;
        let dtype = args.optional(operands.y_scale + 1).map_or(DType::U8, Tensor::dtype);
        Some(Parts { zero, signed: x == DType::I8, coding, combined, y_zero, dtype })
    }

    fn finish(&self, scales: &[f32]) -> Option<Finish> {
        let requantizer = match self.dtype {
            DType::I8 => Requantizer::new::<i8>(scales, self.y_zero),
            _ => Requantizer::new::<u8>(scales, self.y_zero),
        };
        requantizer.ok().map(Finish::Byte)
    }
}

impl<'m> Planner<'m, '_> {
    /// QGemm without transposed activations, or QLinearMatMul with a matrix of weights.
    pub(super) fn quantised_product(&mut self, node: &'m Node) -> Option<Value> {
        let (operands, turned) = match &node.op {
            Op::QGemm { alpha, trans_a: false, trans_b } => {
                (Operands { weights: 3, bias: Some(6), y_scale: 7, alpha: Some(*alpha) }, *trans_b)
            }
            Op::QLinearMatMul => (Operands { weights: 3, bias: None, y_scale: 6, alpha: None }, false),
            _ => return None,
        };
        let (source, x) = self.bytes(node)?;
        let args = self.arguments(node, None, operands.weights)?;
        let weights = self.constant(node, operands.weights)?;
        let (&[rows, columns], [lead @ .., depth]) = (weights.dims(), x.dims.as_slice()) else { return None };
        let (k, n) = if turned { (columns, rows) } else { (rows, columns) };
        let m = element_count(lead)?;
        let qgemm = matches!(node.op, Op::QGemm { .. });
        if *depth != k || k * n == 0 || lead.is_empty() || (qgemm && lead.len() != 1) {
            return None;
        }
        let bias = operands.bias.and_then(|i| args.optional(i));
        let values = match bias.map(Tensor::data) {
            None => &[],
            Some(Data::I32(values)) => values.as_slice(),
            Some(_) => return None,
        };
        if bias.is_some_and(|b| bias_strides(b.dims(), m, n).ok() != Some((0, 1))) {
            return None;
        }
        self.limit.spend(&[m, k, n]).ok()?;
        let parts = Parts::of(&args, &operands, (x.dtype, weights.dtype()), (k, n), values)?;
        let bytes = weights.bytes()?;
        let bytes = if turned { Cow::Owned(transposed(bytes, rows, columns)) } else { Cow::Borrowed(bytes) };
        let weights = Weights::of(bytes, parts.coding, (k, n), self.engine);
        let mut dense =
            Dense::new(weights, (k, n), (parts.zero, parts.signed), parts.finish(&parts.combined)?);
        dense.add(values, 1);
        let dims = lead.iter().copied().chain([n]).collect();
        self.layer(source, Layer::Rows(dense), parts.dtype, dims)
    }

    pub(super) fn convolution(&mut self, node: &'m Node, attributes: &ConvAttributes) -> Option<Value> {
        let (source, x) = self.bytes(node)?;
        let args = self.arguments(node, None, 3)?;
        let weights = self.constant(node, 3)?;
        let conv = Conv::of(attributes, &x.dims, weights.dims()).ok()?;
        conv.spend(|factors| self.limit.spend(factors)).ok()?;
        let operands = Operands { weights: 3, bias: Some(8), y_scale: 6, alpha: None };
        let filters = conv.groups * conv.filters;
        let bias = args.optional_slice::<i32>(8).ok()?;
        if bias.is_some_and(|bias| bias.len() != filters) {
            return None;
        }
        let types = (x.dtype, weights.dtype());
        let parts = Parts::of(&args, &operands, types, (conv.k, filters), bias.unwrap_or(&[]))?;
        let (each, dims) = (conv.filters, conv.dims.clone());
        element_count(&dims).filter(|&n| n <= super::planner::MAX_ELEMENTS)?;
        let finish = |group: usize, tile: usize| match parts.combined.as_slice() {
            [one] => parts.finish(&[*one]),
            all => {
                let own = all[group * each..(group + 1) * each].iter();
                parts.finish(&own.flat_map(|&s| core::iter::repeat_n(s, tile)).collect::<Vec<f32>>())
            }
        };
        let operand = (parts.zero, parts.signed);
        let mut convolution = Convolution::new(
            conv,
            (weights.bytes()?, parts.coding),
            operand,
            self.runs,
            self.engine,
            finish,
        )?;
        if let Some(bias) = bias {
            let tile = convolution.tile();
            let groups = convolution.groups().iter_mut().zip(bias.chunks_exact(each));
            groups.for_each(|(dense, bias)| dense.add(bias, tile));
        }
        self.layer(source, Layer::Convolution(convolution), parts.dtype, dims)
    }
}
