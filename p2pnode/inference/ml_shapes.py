"""Types and shapes of the operators of ai.onnx.ml, which onnx itself mostly leaves open.

Each node is stood in for by nodes of ai.onnx with the same types and shapes; what they compute means
nothing. A row of features as input of a classifier or regressor must be a matrix of one row.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import TensorProto, helper


@dataclass
class StandIns:
    """Nodes in place of one, and values without content that they read."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def columns(self, source: str, count: int, output: str) -> None:
        """From a last dim of 1 to one of `count`."""
        row = f"{output}/row"
        self.inputs.append(helper.make_tensor_value_info(row, TensorProto.FLOAT, [1, count]))
        self.add("MatMul", [self.cast(source, f"{output}/float"), row], output)

    def cast(self, source: str, output: str, to: int = TensorProto.FLOAT) -> str:
        """The same shape in another type."""
        return self.add("Cast", [source], output, to=to)


def _attribute(node: onnx.NodeProto, *names: str, default: Any = ()) -> Any:
    found = (helper.get_attribute_value(a) for a in node.attribute if a.name in names)
    return next(found, default)


def stand_ins(node: onnx.NodeProto, lists: Container[str]) -> StandIns:
    """Nodes with the types and shapes of one node of ai.onnx.ml that is supported.

    `lists` are the model's inputs and constants of one dimension: picking from one gives a row.
    """
    out = StandIns()
    operator, source, target = node.op_type, node.input[0], node.output[0]
    if operator in ("Binarizer", "Imputer"):
        out.add("Identity", [source], target)
    elif operator in ("Normalizer", "Scaler"):
        out.cast(source, target)
    elif operator == "LabelEncoder":
        tensor = _attribute(node, "values_tensor", default=None)
        whole = _attribute(node, "values_int64s", default=None) is not None
        kind = TensorProto.INT64 if whole else TensorProto.FLOAT
        out.cast(source, target, tensor.data_type if tensor is not None else kind)
    elif operator == "ArrayFeatureExtractor":
        shape = f"{target}/shape"
        dims = [1, -1] if source in lists else [-1]
        out.nodes.append(helper.make_node("Constant", [], [shape], value_ints=dims))
        flat = out.add("Reshape", [node.input[1], shape], f"{target}/indices")
        out.add("Gather", [source, flat], target, axis=-1)
    elif operator == "OneHotEncoder":
        axes = f"{target}/axes"
        out.nodes.append(helper.make_node("Constant", [], [axes], value_ints=[-1]))
        last = out.add("Unsqueeze", [source, axes], f"{target}/last")
        out.columns(last, len(_attribute(node, "cats_int64s")), target)
    elif operator.endswith("Classifier"):
        labels = _attribute(node, "classlabels_ints", "classlabels_int64s")
        pairs = len(labels) * (len(labels) - 1) // 2
        voting = operator == "SVMClassifier" and not _attribute(node, "prob_a") and len(labels) > 2
        if target:
            out.add("ArgMax", [source], target, axis=1, keepdims=0)
        if len(node.output) > 1 and node.output[1]:
            scores = node.output[1]
            one = out.add("ArgMax", [source], f"{scores}/one", axis=1, keepdims=1)
            out.columns(one, pairs if voting else len(labels), scores)
    else:
        columns = {
            "FeatureVectorizer": sum(_attribute(node, "inputdimensions")),
            "LinearRegressor": _attribute(node, "targets", default=1),
            "TreeEnsemble": _attribute(node, "n_targets", default=1),
            "TreeEnsembleRegressor": _attribute(node, "n_targets", default=1),
        }
        one = out.add("ArgMax", [source], f"{target}/one", axis=1, keepdims=1)
        out.columns(one, columns.get(operator, 1), target)
    return out
