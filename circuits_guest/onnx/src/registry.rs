//! The table of operators: which there are, in which operator set versions, and what reads them.

use crate::attributes::Attributes;
use crate::build::{self, Op};
use crate::spec::ml::{ml, MlOp};
use crate::spec::{ensembles, features, linear};

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
    op("Add", 2, 2, |_| Some(Op::Add)),
    op("ArgMax", 1, 1, build::arg_max),
    op("ArrayFeatureExtractor", 2, 2, |_| ml(MlOp::ArrayFeatureExtractor)).of(ML, 1, 5),
    op("AveragePool", 1, 1, build::average_pool),
    op("Binarizer", 1, 1, features::binarizer).of(ML, 1, 5),
    op("Cast", 1, 1, build::cast),
    op("Clip", 1, 3, |_| Some(Op::Clip)),
    op("Concat", 1, ANY, |a| Some(Op::Concat { axis: a.int("axis", 0) })),
    op("Constant", 0, 0, |a| Some(Op::Constant(a.constant()?))),
    op("Conv", 2, 3, |a| Some(Op::Conv(build::conv(a)))),
    op("ConvInteger", 2, 4, |a| Some(Op::ConvInteger(build::conv(a)))),
    op("DequantizeLinear", 2, 3, build::dequantize_linear),
    op("Div", 2, 2, |_| Some(Op::Div)),
    op("DynamicQuantizeLinear", 1, 1, |_| Some(Op::DynamicQuantizeLinear)).outputs(3, 3),
    op("FeatureVectorizer", 1, ANY, features::feature_vectorizer).of(ML, 1, 5),
    op("Flatten", 1, 1, |a| Some(Op::Flatten { axis: a.int("axis", 1) })),
    op("Gemm", 2, 3, build::gemm),
    op("GlobalAveragePool", 1, 1, |_| Some(Op::GlobalAveragePool)),
    op("Identity", 1, 1, |_| Some(Op::Identity)),
    op("Imputer", 1, 1, features::imputer).of(ML, 1, 5),
    op("LabelEncoder", 1, 1, features::label_encoder).of(ML, 2, 5),
    op("LinearClassifier", 1, 1, linear::linear_classifier).of(ML, 1, 5).outputs(1, 2),
    op("LinearRegressor", 1, 1, linear::linear_regressor).of(ML, 1, 5),
    op("MatMul", 2, 2, |_| Some(Op::MatMul)),
    op("MatMulInteger", 2, 4, |_| Some(Op::MatMulInteger)),
    op("MaxPool", 1, 1, build::max_pool),
    op("Mul", 2, 2, |_| Some(Op::Mul)),
    op("Normalizer", 1, 1, features::normalizer).of(ML, 1, 5),
    op("OneHotEncoder", 1, 1, features::one_hot_encoder).of(ML, 1, 5),
    op("QGemm", 6, 9, build::qgemm).of("com.microsoft", 1, 1),
    op("QLinearConv", 8, 9, |a| Some(Op::QLinearConv(build::conv(a)))),
    op("QLinearMatMul", 8, 8, |_| Some(Op::QLinearMatMul)),
    op("QuantizeLinear", 2, 3, build::quantize_linear),
    op("Relu", 1, 1, |_| Some(Op::Relu)),
    op("Reshape", 2, 2, |a| Some(Op::Reshape { allow_zero: a.flag("allowzero", false) })),
    op("SVMClassifier", 1, 1, linear::svm_classifier).of(ML, 1, 5).outputs(1, 2),
    op("SVMRegressor", 1, 1, linear::svm_regressor).of(ML, 1, 5),
    op("Scaler", 1, 1, features::scaler).of(ML, 1, 5),
    op("Softmax", 1, 1, |a| Some(Op::Softmax { axis: a.int("axis", -1) })),
    op("Squeeze", 1, 2, |_| Some(Op::Squeeze)),
    op("Sub", 2, 2, |_| Some(Op::Sub)),
    op("Transpose", 1, 1, |a| Some(Op::Transpose { perm: a.sizes("perm", 0) })),
    op("TreeEnsembleClassifier", 1, 1, ensembles::classifier).of(ML, 1, 4).outputs(1, 2),
    op("TreeEnsembleRegressor", 1, 1, ensembles::regressor).of(ML, 1, 4),
    op("Unsqueeze", 2, 2, |_| Some(Op::Unsqueeze)),
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
