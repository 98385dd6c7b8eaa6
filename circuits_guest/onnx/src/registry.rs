//! The table of operators: which there are, and for which operator set versions.

/// Operator sets of `ai.onnx` in which every operator below has one meaning. Version 13 made axes of
/// Squeeze and Unsqueeze inputs and gave Softmax its present definition; later versions add types.
pub const MIN_OPSET: u32 = 13;
pub const MAX_OPSET: u32 = 28;

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
    pub outputs: usize,
}

const fn op(name: &'static str, least: usize, most: usize) -> OperatorSupport {
    OperatorSupport {
        domain: "",
        name,
        min_opset: MIN_OPSET,
        max_opset: MAX_OPSET,
        inputs: (least, most),
        outputs: 1,
    }
}

static OPERATORS: [OperatorSupport; 31] = [
    op("Add", 2, 2),
    op("ArgMax", 1, 1),
    op("AveragePool", 1, 1),
    op("Cast", 1, 1),
    op("Clip", 1, 3),
    op("Concat", 1, usize::MAX),
    op("Constant", 0, 0),
    op("Conv", 2, 3),
    op("ConvInteger", 2, 4),
    op("DequantizeLinear", 2, 3),
    op("Div", 2, 2),
    OperatorSupport { outputs: 3, ..op("DynamicQuantizeLinear", 1, 1) },
    op("Flatten", 1, 1),
    op("Gemm", 2, 3),
    op("GlobalAveragePool", 1, 1),
    op("Identity", 1, 1),
    op("MatMul", 2, 2),
    op("MatMulInteger", 2, 4),
    op("MaxPool", 1, 1),
    op("Mul", 2, 2),
    OperatorSupport { domain: "com.microsoft", min_opset: 1, max_opset: 1, ..op("QGemm", 6, 9) },
    op("QLinearConv", 8, 9),
    op("QLinearMatMul", 8, 8),
    op("QuantizeLinear", 2, 3),
    op("Relu", 1, 1),
    op("Reshape", 2, 2),
    op("Softmax", 1, 1),
    op("Squeeze", 1, 2),
    op("Sub", 2, 2),
    op("Transpose", 1, 1),
    op("Unsqueeze", 2, 2),
];

/// Every operator that runs, by domain and name.
pub fn operators() -> &'static [OperatorSupport] {
    &OPERATORS
}

pub(crate) fn find(domain: &str, name: &str) -> Option<&'static OperatorSupport> {
    OPERATORS.iter().find(|op| op.domain == domain && op.name == name)
}
