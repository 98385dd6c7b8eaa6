"""What the proved interpreter runs; a model outside it is refused before anything is run or paid.

The same table as `circuits_guest/onnx/src/registry.rs`, which is the authority; a test compares them. A
model that passes here can still be refused there for an attribute: the prover's dry run tells.
"""

OPSETS = range(13, 29)
"""Versions of the ai.onnx operator set in which every operator below has one meaning."""

MICROSOFT_OPSET = 1
MICROSOFT_DOMAIN = "com.microsoft"

OPERATORS = frozenset(
    {
        "Abs",
        "Acos",
        "Acosh",
        "Add",
        "And",
        "ArgMax",
        "ArgMin",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "AveragePool",
        "BatchNormalization",
        "BitShift",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
        "Cast",
        "CastLike",
        "Ceil",
        "Celu",
        "Clip",
        "Compress",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Conv",
        "ConvInteger",
        "ConvTranspose",
        "Cos",
        "Cosh",
        "CumSum",
        "DepthToSpace",
        "DequantizeLinear",
        "Div",
        "Dropout",
        "DynamicQuantizeLinear",
        "Einsum",
        "Elu",
        "Equal",
        "Erf",
        "Exp",
        "Expand",
        "EyeLike",
        "Flatten",
        "Floor",
        "GRU",
        "Gather",
        "GatherElements",
        "GatherND",
        "Gelu",
        "Gemm",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Greater",
        "GreaterOrEqual",
        "GroupNormalization",
        "HardSigmoid",
        "HardSwish",
        "Hardmax",
        "Identity",
        "InstanceNormalization",
        "IsInf",
        "IsNaN",
        "LRN",
        "LSTM",
        "LayerNormalization",
        "LeakyRelu",
        "Less",
        "LessOrEqual",
        "Log",
        "LogSoftmax",
        "LpNormalization",
        "MatMul",
        "MatMulInteger",
        "Max",
        "MaxPool",
        "Mean",
        "Min",
        "Mish",
        "Mod",
        "Mul",
        "Neg",
        "NonZero",
        "Not",
        "OneHot",
        "Or",
        "PRelu",
        "Pad",
        "Pow",
        "QLinearConv",
        "QLinearMatMul",
        "QuantizeLinear",
        "RMSNormalization",
        "RNN",
        "Range",
        "Reciprocal",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "ReduceSumSquare",
        "Relu",
        "Reshape",
        "Resize",
        "Round",
        "ScatterElements",
        "ScatterND",
        "Selu",
        "Shape",
        "Shrink",
        "Sigmoid",
        "Sign",
        "Sin",
        "Sinh",
        "Size",
        "Slice",
        "Softmax",
        "Softplus",
        "Softsign",
        "SpaceToDepth",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Sum",
        "Swish",
        "Tan",
        "Tanh",
        "ThresholdedRelu",
        "Tile",
        "TopK",
        "Transpose",
        "Trilu",
        "Unsqueeze",
        "Where",
        "Xor",
    }
)
MICROSOFT_OPERATORS = frozenset({"QGemm"})

ML_OPSETS = range(1, 6)
ML_DOMAIN = "ai.onnx.ml"

ML_OPERATORS = frozenset(
    {
        "ArrayFeatureExtractor",
        "Binarizer",
        "FeatureVectorizer",
        "Imputer",
        "LabelEncoder",
        "LinearClassifier",
        "LinearRegressor",
        "Normalizer",
        "OneHotEncoder",
        "SVMClassifier",
        "SVMRegressor",
        "Scaler",
        "TreeEnsemble",
        "TreeEnsembleClassifier",
        "TreeEnsembleRegressor",
    }
)

REMEDIES = {f"{ML_DOMAIN}.ZipMap": "convert with the option zipmap=False of skl2onnx"}
"""What to do about operators that exporters add, but that are not run."""

ELEMENT_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool"}
"""TensorProto.DataType codes that it computes with, and their numpy names."""

MAX_ELEMENTS = 1 << 24
"""Most elements of one tensor: bounds what a hostile model can make a run allocate."""


def name_of(domain: str, operator: str) -> str:
    """An operator as errors name it: with its domain unless that is ai.onnx."""
    return operator if domain in ("", "ai.onnx") else f"{domain}.{operator}"


def is_supported(domain: str, operator: str) -> bool:
    """Whether there is such an operator in the table."""
    if domain in ("", "ai.onnx"):
        return operator in OPERATORS
    others = {MICROSOFT_DOMAIN: MICROSOFT_OPERATORS, ML_DOMAIN: ML_OPERATORS}
    return operator in others.get(domain, ())
