//! The operators. Each takes tensors whose types were checked when the model was parsed, and checks
//! shapes and ranges once, before its inner loops.

mod arithmetic;
mod bits;
mod compare;
pub(crate) mod conv_float;
pub(crate) mod conv_integer;
mod conv_transpose;
mod create;
mod einsum;
mod elementwise;
mod fold;
pub(crate) mod gemm_float;
pub(crate) mod gemm_integer;
mod indexing;
mod interpolate;
mod kernel;
mod ml;
mod norm;
mod pick;
mod pool;
pub(crate) mod quantize;
mod recurrent;
mod reduce;
pub(crate) mod requantize;
mod resize;
mod scatter;
mod select;
mod shape;
pub(crate) mod steps;
mod unary;
pub(crate) mod window;

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

use self::reduce::Best;
use self::steps::Steps;
use crate::build::Op;
use crate::engine::Engine;
use crate::error::{refuse, OpResult};
use crate::model::Node;
use crate::packed::Packed;
use crate::spec::data::DataOp;
use crate::tensor::{Data, Element, Tensor};

/// Inputs of one node, `None` where an optional one is left out.
pub(crate) struct Args<'a> {
    inputs: Vec<Option<Cow<'a, Tensor>>>,
    /// Constant weights in the order in which the inner product reads them, where that was done before.
    packed: Option<&'a Packed>,
    /// Of the run that the node is part of.
    steps: Option<&'a Steps>,
}

impl<'a> Args<'a> {
    pub(crate) fn new(inputs: Vec<Option<Cow<'a, Tensor>>>, packed: Option<&'a Packed>) -> Args<'a> {
        Args { inputs, packed, steps: None }
    }

    pub(crate) fn within(self, steps: &'a Steps) -> Args<'a> {
        Args { steps: Some(steps), ..self }
    }

    /// Takes steps of the run, as many as the product of these factors.
    fn spend(&self, factors: &[usize]) -> OpResult<()> {
        match self.steps {
            Some(steps) => steps.spend(factors),
            None => Steps::of_a_run().spend(factors),
        }
    }

    fn len(&self) -> usize {
        self.inputs.len()
    }

    pub(crate) fn optional(&self, i: usize) -> Option<&Tensor> {
        self.inputs.get(i).and_then(|t| t.as_deref())
    }

    pub(crate) fn get(&self, i: usize) -> OpResult<&Tensor> {
        match self.optional(i) {
            Some(tensor) => Ok(tensor),
            None => refuse!("input {} is missing", i),
        }
    }

    /// Moves the input out if this node is the last to read it, else copies it.
    fn take(&mut self, i: usize) -> OpResult<Tensor> {
        match self.inputs.get_mut(i).and_then(Option::take) {
            Some(tensor) => Ok(tensor.into_owned()),
            None => refuse!("input {} is missing", i),
        }
    }

    fn slice<T: Element>(&self, i: usize) -> OpResult<&[T]> {
        match T::view(self.get(i)?.data()) {
            Some(values) => Ok(values),
            None => refuse!("input {} has the wrong type", i),
        }
    }

    pub(crate) fn optional_slice<T: Element>(&self, i: usize) -> OpResult<Option<&[T]>> {
        match self.optional(i) {
            Some(_) => self.slice(i).map(Some),
            None => Ok(None),
        }
    }
}

/// Computes one node. The operators are not inlined here: the guest pays for each KiB of code that a run
/// touches, and operators that a model does not use would lie between those that it does.
pub(crate) fn run(node: &Node, mut args: Args<'_>, engine: &mut dyn Engine) -> OpResult<Vec<Tensor>> {
    Ok(vec![match &node.op {
        Op::Add | Op::Sub | Op::Mul | Op::Div => elementwise::binary(&node.op, &args)?,
        Op::ArgMax { axis, keepdims, last } => {
            reduce::arg_best(&args, *axis, *keepdims, Best { least: false, last: *last })?
        }
        Op::AveragePool { window, include_pad } => pool::average(&args, window, *include_pad)?,
        Op::Cast { to } => elementwise::cast(args.take(0)?, *to)?,
        Op::Clip => elementwise::clip(&mut args)?,
        Op::Concat { axis } => shape::concat(&args, *axis)?,
        Op::Constant(tensor) => tensor.clone(),
        Op::Conv(attributes) => conv_float::conv(&args, attributes)?,
        Op::ConvInteger(attributes) => conv_integer::conv_integer(&args, attributes, engine)?,
        Op::DequantizeLinear { axis } => quantize::dequantize(&args, *axis)?,
        Op::Einsum(equation) => einsum::einsum(&args, equation)?,
        Op::DynamicQuantizeLinear => return quantize::dynamic(&args),
        Op::Flatten { axis } => shape::flatten(args.take(0)?, *axis)?,
        Op::Gemm { alpha, beta, trans_a, trans_b } => {
            gemm_float::gemm(&args, *alpha, *beta, *trans_a, *trans_b)?
        }
        Op::GlobalAveragePool => pool::global_average(&args)?,
        Op::Identity => args.take(0)?,
        Op::MatMul => gemm_float::matmul(&args)?,
        Op::MatMulInteger => gemm_integer::matmul_integer(&args, engine)?,
        Op::MaxPool(window) => pool::max(&args, window)?,
        Op::QGemm { alpha, trans_a, trans_b } => {
            gemm_integer::qgemm(&args, *alpha, (*trans_a, *trans_b), engine)?
        }
        Op::QLinearConv(attributes) => conv_integer::qlinear_conv(&args, attributes, engine)?,
        Op::QLinearMatMul => gemm_integer::qlinear_matmul(&args, engine)?,
        Op::QuantizeLinear { axis, to } => quantize::quantize(&args, *axis, *to)?,
        Op::Relu => elementwise::relu(args.take(0)?)?,
        Op::Reshape { allow_zero } => shape::reshape(&mut args, *allow_zero)?,
        Op::Softmax { axis } => reduce::softmax(&args, *axis)?,
        Op::Squeeze => shape::squeeze(&mut args)?,
        Op::Transpose { perm } => shape::transpose(&args, perm.as_deref())?,
        Op::Unsqueeze => shape::unsqueeze(&mut args)?,
        Op::Ml(op) => return ml::run(op, &mut args),
        Op::Recurrent(op) => return recurrent::recurrent(op, &args),
        Op::Select(op) => return select::select(*op, &mut args),
        Op::ArgMin { axis, keepdims, last } => {
            reduce::arg_best(&args, *axis, *keepdims, Best { least: true, last: *last })?
        }
        Op::Hardmax { axis } => reduce::hardmax(&args, *axis)?,
        Op::LogSoftmax { axis } => reduce::log_softmax(&args, *axis)?,
        Op::Reduce(op) => fold::reduce(op, &args)?,
        Op::ConvTranspose(attributes) => conv_transpose::conv_transpose(&args, attributes)?,
        Op::GlobalMaxPool => pool::global_max(&args)?,
        Op::Norm(op) => return norm::norm(*op, &args),
        Op::Data(op) => return data(op, &mut args, node.outputs.len()),
        Op::Binary(op) => arithmetic::binary(*op, &args)?,
        Op::CastLike => {
            let to = args.get(1)?.dtype();
            elementwise::cast(args.take(0)?, to)?
        }
        Op::Compare(op) => compare::compare(*op, &args)?,
        Op::Logic(op) => compare::logic(*op, &args)?,
        Op::Not => compare::not(&args)?,
        Op::Test(op) => compare::test(*op, &args)?,
        Op::Unary(op) => unary::unary(*op, &mut args)?,
        Op::Variadic(op) => arithmetic::variadic(*op, &args)?,
        Op::Where => compare::choose(&args)?,
    }])
}

fn data(op: &DataOp, args: &mut Args<'_>, outputs: usize) -> OpResult<Vec<Tensor>> {
    Ok(vec![match op {
        DataOp::ConstantOfShape(value) => create::constant_of_shape(args, value)?,
        DataOp::DepthToSpace { block, column_first } => {
            create::depth_to_space(args.get(0)?, *block, *column_first)?
        }
        DataOp::Dropout => return create::dropout(args),
        DataOp::Expand => pick::expand(args)?,
        DataOp::Gather { axis } => pick::gather(args, *axis)?,
        DataOp::GatherElements { axis } => scatter::gather_elements(args, *axis)?,
        DataOp::GatherNd { batch_dims } => scatter::gather_nd(args, *batch_dims)?,
        DataOp::OneHot { axis } => create::one_hot(args, *axis)?,
        DataOp::Pad { mode, .. } => pick::pad(args, *mode)?,
        DataOp::Range => create::range(args)?,
        DataOp::Resize(attributes) => resize::resize(args, attributes)?,
        DataOp::ScatterElements { axis, reduction } => scatter::scatter_elements(args, *axis, *reduction)?,
        DataOp::ScatterNd { reduction } => scatter::scatter_nd(args, *reduction)?,
        DataOp::Shape { start, end } => create::shape(args.get(0)?, *start, *end)?,
        DataOp::Size => create::size(args.get(0)?)?,
        DataOp::Slice => pick::slice(args)?,
        DataOp::SpaceToDepth { block, column_first } => {
            create::space_to_depth(args.get(0)?, *block, *column_first)?
        }
        DataOp::Split { axis, parts } => return pick::split(args, *axis, *parts, outputs),
        DataOp::Tile => pick::tile(args)?,
    }])
}

/// Element types as they lie in memory: of what moves elements without a look at them, bools are bytes.
pub(crate) trait Stored: Copy + Default + 'static {
    fn items(data: &Data) -> OpResult<&[Self]>;
}

macro_rules! stored {
    ($t:ty, $($variant:ident)|+) => {
        impl Stored for $t {
            fn items(data: &Data) -> OpResult<&[Self]> {
                match data {
                    $(Data::$variant(v) => Ok(v),)+
                    _ => refuse!("inputs have different types"),
                }
            }
        }
    };
}
stored!(f32, F32);
stored!(u8, U8 | Bool);
stored!(i8, I8);
stored!(i32, I32);
stored!(i64, I64);

/// Applies a generic function to the vector inside a tensor's data, whatever its element type.
macro_rules! by_type {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            crate::tensor::Data::F32($v) => crate::tensor::Data::F32($body),
            crate::tensor::Data::U8($v) => crate::tensor::Data::U8($body),
            crate::tensor::Data::I8($v) => crate::tensor::Data::I8($body),
            crate::tensor::Data::I32($v) => crate::tensor::Data::I32($body),
            crate::tensor::Data::I64($v) => crate::tensor::Data::I64($body),
            crate::tensor::Data::Bool($v) => crate::tensor::Data::Bool($body),
        }
    };
}
pub(crate) use by_type;
