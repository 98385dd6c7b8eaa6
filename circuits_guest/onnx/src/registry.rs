//! The table of operators: which there are, in which operator set versions, and what reads them.

use crate::attributes::Attributes;
use crate::build::{self, Op};
use crate::spec::data::{self, DataOp};
use crate::spec::elementwise::{self, Binary, Compare, Logic, Test, Unary, Variadic};
use crate::spec::ml::{ml, MlOp};
use crate::spec::norm;
use crate::spec::reduce::{self, Fold};
use crate::spec::resize;
use crate::spec::select::{self, Select};
use crate::spec::{einsum, ensembles, features, linear, recurrent};

/// Operator sets of `ai.onnx` that run. Version 13 made axes of Squeeze, Unsqueeze and ReduceSum inputs
/// and gave Softmax its present definition. Where a later version changes what a node means, its reader
/// looks at the model's version; most versions only add types.
pub const MIN_OPSET: u32 = 13;
pub const MAX_OPSET: u32 = 28;

/// Reads the attributes of one operator; `None` where a problem was noted instead.
pub(crate) type Reader = fn(&mut Attributes<'_>) -> Option<Op>;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct OperatorSupport {
    /// Empty for `ai.onnx`.
    pub domain: &'static str,
    pub name: &'static str,
    pub min_opset: u32,
    pub max_opset: u32,
    /// Fewest and most inputs.
    pub inputs: (usize, usize),
    /// Fewest and most outputs.
    pub outputs: (usize, usize),
    pub(crate) read: Reader,
}

const fn op(name: &'static str, least: usize, most: usize, read: Reader) -> OperatorSupport {
    OperatorSupport {
        domain: "",
        name,
        min_opset: MIN_OPSET,
        max_opset: MAX_OPSET,
        inputs: (least, most),
        outputs: (1, 1),
        read,
    }
}

impl OperatorSupport {
    const fn since(self, min_opset: u32) -> Self {
        OperatorSupport { min_opset, ..self }
    }

    const fn of(self, domain: &'static str, min_opset: u32, max_opset: u32) -> Self {
        OperatorSupport { domain, min_opset, max_opset, ..self }
    }

    const fn outputs(self, least: usize, most: usize) -> Self {
        OperatorSupport { outputs: (least, most), ..self }
    }
}

const ANY: usize = usize::MAX;

/// Operators of classic machine learning. Version 5 replaced the tree ensembles by a form of its own.
const ML: &str = "ai.onnx.ml";

/// Sorted by name: the guest searches it for every node.
#[rustfmt::skip] // one line a row
static OPERATORS: &[OperatorSupport] = &[
    op("Abs", 1, 1, |_| Some(Op::Unary(Unary::Abs))),
    op("Acos", 1, 1, |_| Some(Op::Unary(Unary::Acos))),
    op("Acosh", 1, 1, |_| Some(Op::Unary(Unary::Acosh))),
    op("Add", 2, 2, |_| Some(Op::Add)),
    op("And", 2, 2, |_| Some(Op::Logic(Logic::And))),
    op("ArgMax", 1, 1, build::arg_max),
    op("ArgMin", 1, 1, reduce::arg_min),
    op("ArrayFeatureExtractor", 2, 2, |_| ml(MlOp::ArrayFeatureExtractor)).of(ML, 1, 5),
    op("Asin", 1, 1, |_| Some(Op::Unary(Unary::Asin))),
    op("Asinh", 1, 1, |_| Some(Op::Unary(Unary::Asinh))),
    op("Atan", 1, 1, |_| Some(Op::Unary(Unary::Atan))),
    op("Atanh", 1, 1, |_| Some(Op::Unary(Unary::Atanh))),
    op("AveragePool", 1, 1, build::average_pool),
    op("BatchNormalization", 5, 5, norm::batch),
    op("Binarizer", 1, 1, features::binarizer).of(ML, 1, 5),
    op("BitShift", 2, 2, select::bit_shift),
    op("BitwiseAnd", 2, 2, |_| Some(Op::Select(Select::BitwiseAnd))).since(18),
    op("BitwiseNot", 1, 1, |_| Some(Op::Select(Select::BitwiseNot))).since(18),
    op("BitwiseOr", 2, 2, |_| Some(Op::Select(Select::BitwiseOr))).since(18),
    op("BitwiseXor", 2, 2, |_| Some(Op::Select(Select::BitwiseXor))).since(18),
    op("Cast", 1, 1, build::cast),
    op("CastLike", 2, 2, elementwise::cast_like).since(15),
    op("Ceil", 1, 1, |_| Some(Op::Unary(Unary::Ceil))),
    op("Celu", 1, 1, |a| Some(Op::Unary(Unary::Celu { alpha: a.float("alpha", 1.0) }))),
    op("Clip", 1, 3, |_| Some(Op::Clip)),
    op("Compress", 2, 2, select::compress),
    op("Concat", 1, ANY, |a| Some(Op::Concat { axis: a.int("axis", 0) })),
    op("Constant", 0, 0, |a| Some(Op::Constant(a.constant()?))),
    op("ConstantOfShape", 1, 1, data::constant_of_shape),
    op("Conv", 2, 3, |a| Some(Op::Conv(build::conv(a)))),
    op("ConvInteger", 2, 4, |a| Some(Op::ConvInteger(build::conv(a)))),
    op("ConvTranspose", 2, 3, norm::conv_transpose),
    op("Cos", 1, 1, |_| Some(Op::Unary(Unary::Cos))),
    op("Cosh", 1, 1, |_| Some(Op::Unary(Unary::Cosh))),
    op("CumSum", 2, 2, select::cum_sum),
    op("DepthToSpace", 1, 1, data::depth_to_space),
    op("DequantizeLinear", 2, 3, build::dequantize_linear),
    op("Div", 2, 2, |_| Some(Op::Div)),
    op("Dropout", 1, 3, data::dropout).outputs(1, 2),
    op("DynamicQuantizeLinear", 1, 1, |_| Some(Op::DynamicQuantizeLinear)).outputs(3, 3),
    op("Einsum", 1, ANY, einsum::einsum),
    op("Elu", 1, 1, |a| Some(Op::Unary(Unary::Elu { alpha: a.float("alpha", 1.0) }))),
    op("Equal", 2, 2, |_| Some(Op::Compare(Compare::Equal))),
    op("Erf", 1, 1, |_| Some(Op::Unary(Unary::Erf))),
    op("Exp", 1, 1, |_| Some(Op::Unary(Unary::Exp))),
    op("Expand", 2, 2, |_| Some(Op::Data(DataOp::Expand))),
    op("EyeLike", 1, 1, select::eye_like),
    op("FeatureVectorizer", 1, ANY, features::feature_vectorizer).of(ML, 1, 5),
    op("Flatten", 1, 1, |a| Some(Op::Flatten { axis: a.int("axis", 1) })),
    op("Floor", 1, 1, |_| Some(Op::Unary(Unary::Floor))),
    op("GRU", 3, 6, recurrent::gru).outputs(1, 2),
    op("Gather", 2, 2, |a| Some(Op::Data(DataOp::Gather { axis: a.int("axis", 0) }))),
    op("GatherElements", 2, 2, |a| Some(Op::Data(DataOp::GatherElements { axis: a.int("axis", 0) }))),
    op("GatherND", 2, 2, data::gather_nd),
    op("Gelu", 1, 1, elementwise::gelu).since(20),
    op("Gemm", 2, 3, build::gemm),
    op("GlobalAveragePool", 1, 1, |_| Some(Op::GlobalAveragePool)),
    op("GlobalMaxPool", 1, 1, |_| Some(Op::GlobalMaxPool)),
    op("Greater", 2, 2, |_| Some(Op::Compare(Compare::Greater))),
    op("GreaterOrEqual", 2, 2, |_| Some(Op::Compare(Compare::GreaterOrEqual))),
    op("GroupNormalization", 3, 3, norm::group).since(18),
    op("HardSigmoid", 1, 1, elementwise::hard_sigmoid),
    op("HardSwish", 1, 1, |_| Some(Op::Unary(Unary::HardSwish))).since(14),
    op("Hardmax", 1, 1, |a| Some(Op::Hardmax { axis: a.int("axis", -1) })),
    op("Identity", 1, 1, |_| Some(Op::Identity)),
    op("Imputer", 1, 1, features::imputer).of(ML, 1, 5),
    op("InstanceNormalization", 3, 3, norm::instance),
    op("IsInf", 1, 1, elementwise::is_inf),
    op("IsNaN", 1, 1, |_| Some(Op::Test(Test::NaN))),
    op("LRN", 1, 1, norm::local_response),
    op("LSTM", 3, 8, recurrent::lstm).outputs(1, 3),
    op("LabelEncoder", 1, 1, features::label_encoder).of(ML, 2, 5),
    op("LayerNormalization", 2, 3, norm::layer).since(17).outputs(1, 3),
    op("LeakyRelu", 1, 1, |a| Some(Op::Unary(Unary::LeakyRelu { alpha: a.float("alpha", 0.01) }))),
    op("Less", 2, 2, |_| Some(Op::Compare(Compare::Less))),
    op("LessOrEqual", 2, 2, |_| Some(Op::Compare(Compare::LessOrEqual))),
    op("LinearClassifier", 1, 1, linear::linear_classifier).of(ML, 1, 5).outputs(1, 2),
    op("LinearRegressor", 1, 1, linear::linear_regressor).of(ML, 1, 5),
    op("Log", 1, 1, |_| Some(Op::Unary(Unary::Log))),
    op("LogSoftmax", 1, 1, |a| Some(Op::LogSoftmax { axis: a.int("axis", -1) })),
    op("LpNormalization", 1, 1, norm::lp),
    op("MatMul", 2, 2, |_| Some(Op::MatMul)),
    op("MatMulInteger", 2, 4, |_| Some(Op::MatMulInteger)),
    op("Max", 1, ANY, |_| Some(Op::Variadic(Variadic::Max))),
    op("MaxPool", 1, 1, build::max_pool),
    op("Mean", 1, ANY, |_| Some(Op::Variadic(Variadic::Mean))),
    op("Min", 1, ANY, |_| Some(Op::Variadic(Variadic::Min))),
    op("Mish", 1, 1, |_| Some(Op::Unary(Unary::Mish))).since(18),
    op("Mod", 2, 2, elementwise::modulo),
    op("Mul", 2, 2, |_| Some(Op::Mul)),
    op("Neg", 1, 1, |_| Some(Op::Unary(Unary::Neg))),
    op("NonZero", 1, 1, |_| Some(Op::Select(Select::NonZero))),
    op("Normalizer", 1, 1, features::normalizer).of(ML, 1, 5),
    op("Not", 1, 1, |_| Some(Op::Not)),
    op("OneHot", 3, 3, |a| Some(Op::Data(DataOp::OneHot { axis: a.int("axis", -1) }))),
    op("OneHotEncoder", 1, 1, features::one_hot_encoder).of(ML, 1, 5),
    op("Or", 2, 2, |_| Some(Op::Logic(Logic::Or))),
    op("PRelu", 2, 2, |_| Some(Op::Binary(Binary::PRelu))),
    op("Pad", 2, 4, data::pad),
    op("Pow", 2, 2, |_| Some(Op::Binary(Binary::Pow))),
    op("QGemm", 6, 9, build::qgemm).of("com.microsoft", 1, 1),
    op("QLinearConv", 8, 9, |a| Some(Op::QLinearConv(build::conv(a)))),
    op("QLinearMatMul", 8, 8, |_| Some(Op::QLinearMatMul)),
    op("QuantizeLinear", 2, 3, build::quantize_linear),
    op("RMSNormalization", 2, 2, norm::rms).since(23),
    op("RNN", 3, 6, recurrent::rnn).outputs(1, 2),
    op("Range", 3, 3, data::range),
    op("Reciprocal", 1, 1, |_| Some(Op::Unary(Unary::Reciprocal))),
    op("ReduceL1", 1, 2, |a| reduce::reduce(a, Fold::L1)),
    op("ReduceL2", 1, 2, |a| reduce::reduce(a, Fold::L2)),
    op("ReduceLogSum", 1, 2, |a| reduce::reduce(a, Fold::LogSum)),
    op("ReduceLogSumExp", 1, 2, |a| reduce::reduce(a, Fold::LogSumExp)),
    op("ReduceMax", 1, 2, |a| reduce::reduce(a, Fold::Max)),
    op("ReduceMean", 1, 2, |a| reduce::reduce(a, Fold::Mean)),
    op("ReduceMin", 1, 2, |a| reduce::reduce(a, Fold::Min)),
    op("ReduceProd", 1, 2, |a| reduce::reduce(a, Fold::Prod)),
    op("ReduceSum", 1, 2, |a| reduce::reduce(a, Fold::Sum)),
    op("ReduceSumSquare", 1, 2, |a| reduce::reduce(a, Fold::SumSquare)),
    op("Relu", 1, 1, |_| Some(Op::Relu)),
    op("Reshape", 2, 2, |a| Some(Op::Reshape { allow_zero: a.flag("allowzero", false) })),
    op("Resize", 2, 4, resize::resize),
    op("Round", 1, 1, |_| Some(Op::Unary(Unary::Round))),
    op("SVMClassifier", 1, 1, linear::svm_classifier).of(ML, 1, 5).outputs(1, 2),
    op("SVMRegressor", 1, 1, linear::svm_regressor).of(ML, 1, 5),
    op("Scaler", 1, 1, features::scaler).of(ML, 1, 5),
    op("ScatterElements", 3, 3, data::scatter_elements),
    op("ScatterND", 3, 3, data::scatter_nd),
    op("Selu", 1, 1, elementwise::selu),
    op("Shape", 1, 1, data::shape),
    op("Shrink", 1, 1, elementwise::shrink),
    op("Sigmoid", 1, 1, |_| Some(Op::Unary(Unary::Sigmoid))),
    op("Sign", 1, 1, |_| Some(Op::Unary(Unary::Sign))),
    op("Sin", 1, 1, |_| Some(Op::Unary(Unary::Sin))),
    op("Sinh", 1, 1, |_| Some(Op::Unary(Unary::Sinh))),
    op("Size", 1, 1, |_| Some(Op::Data(DataOp::Size))),
    op("Slice", 3, 5, |_| Some(Op::Data(DataOp::Slice))),
    op("Softmax", 1, 1, |a| Some(Op::Softmax { axis: a.int("axis", -1) })),
    op("Softplus", 1, 1, |_| Some(Op::Unary(Unary::Softplus))),
    op("Softsign", 1, 1, |_| Some(Op::Unary(Unary::Softsign))),
    op("SpaceToDepth", 1, 1, data::space_to_depth),
    op("Split", 1, 2, data::split).outputs(1, ANY),
    op("Sqrt", 1, 1, |_| Some(Op::Unary(Unary::Sqrt))),
    op("Squeeze", 1, 2, |_| Some(Op::Squeeze)),
    op("Sub", 2, 2, |_| Some(Op::Sub)),
    op("Sum", 1, ANY, |_| Some(Op::Variadic(Variadic::Sum))),
    op("Swish", 1, 1, |a| Some(Op::Unary(Unary::Swish { alpha: a.float("alpha", 1.0) }))).since(24),
    op("Tan", 1, 1, |_| Some(Op::Unary(Unary::Tan))),
    op("Tanh", 1, 1, |_| Some(Op::Unary(Unary::Tanh))),
    op("ThresholdedRelu", 1, 1, |a| Some(Op::Unary(Unary::ThresholdedRelu { alpha: a.float("alpha", 1.0) }))),
    op("Tile", 2, 2, |_| Some(Op::Data(DataOp::Tile))),
    op("TopK", 2, 2, select::top_k).outputs(1, 2),
    op("Transpose", 1, 1, |a| Some(Op::Transpose { perm: a.sizes("perm", 0) })),
    op("TreeEnsemble", 1, 1, ensembles::ensemble).of(ML, 5, 5),
    op("TreeEnsembleClassifier", 1, 1, ensembles::classifier).of(ML, 1, 4).outputs(1, 2),
    op("TreeEnsembleRegressor", 1, 1, ensembles::regressor).of(ML, 1, 4),
    op("Trilu", 1, 2, select::trilu).since(14),
    op("Unsqueeze", 2, 2, |_| Some(Op::Unsqueeze)),
    op("Where", 3, 3, |_| Some(Op::Where)),
    op("Xor", 2, 2, |_| Some(Op::Logic(Logic::Xor))),
];

/// Every operator that runs, by name.
pub fn operators() -> &'static [OperatorSupport] {
    OPERATORS
}

/// No name stands in two domains, so the name alone finds the row.
pub(crate) fn find(domain: &str, name: &str) -> Option<&'static OperatorSupport> {
    let row = OPERATORS.binary_search_by(|row| row.name.cmp(name)).ok().map(|i| &OPERATORS[i])?;
    (row.domain == domain).then_some(row)
}
