"""ONNX's own node tests, for every operator that the interpreter runs."""

from p2pnode.inference.operators import OPERATORS
from tests.unit.onnx_node_cases import NodeTests, table, written_table
from tests.unit.onnx_runner import OnnxRunner

CROP = '"tf_crop_and_resize" is not supported'
DROPPED = "what it drops is random"

# Cases whose operators and types run, but which ask for something that is refused on purpose.
REFUSED = {
    # Blocks of scales, and the place of a maximum, are not computed.
    "test_dequantizelinear_blocked": '"block_size" = 2 is not supported',
    "test_quantizelinear_blocked_asymmetric": '"block_size" = 2 is not supported',
    "test_maxpool_with_argmax_2d_precomputed_pads": "2 outputs are used",
    "test_maxpool_with_argmax_2d_precomputed_strides": "2 outputs are used",
    # The bits of a NaN differ between processors.
    "test_mod_float_edge_cases_fmod_0_float32": "holds NaN",
    # Training changes the model.
    "test_batchnorm_epsilon_training_mode": "training_mode",
    "test_batchnorm_example_training_mode": "training_mode",
    # Random numbers are no function of the input.
    "test_training_dropout": DROPPED,
    "test_training_dropout_default": DROPPED,
    "test_training_dropout_default_mask": DROPPED,
    "test_training_dropout_mask": DROPPED,
    # Resizing is of whole tensors.
    "test_resize_tf_crop_and_resize": CROP,
    "test_resize_tf_crop_and_resize_axes_2_3": CROP,
    "test_resize_tf_crop_and_resize_axes_3_2": CROP,
    "test_resize_tf_crop_and_resize_extrapolation_value": CROP,
    # There ONNX's text puts the last element on the corner, and these cases do not.
    "test_resize_downsample_scales_cubic_align_corners": "no whole number",
    "test_resize_downsample_scales_linear_align_corners": "no whole number",
}
LEAST_RUN = 1067


def test_node_tests_of_onnx(node_tests: NodeTests) -> None:
    print(f"{len(node_tests.agreed)} node tests agree")
    assert not node_tests.wrong
    unexpected = {n: r for n, r in node_tests.refused.items() if REFUSED.get(n, "\0") not in r}
    assert not unexpected
    assert node_tests.refused.keys() == REFUSED.keys()
    assert len(node_tests.agreed) >= LEAST_RUN
    # The other operators of ai.onnx.ml have no case in these types: scikit-learn's models test them.
    assert node_tests.operators() == OPERATORS | {"ArrayFeatureExtractor", "Binarizer", "TreeEnsemble"}


def test_the_table_of_the_docs_is_that_of_this_run(onnx_runner: OnnxRunner, node_tests: NodeTests) -> None:
    assert written_table() == table(onnx_runner, node_tests), "run python -m tests.unit.onnx_node_cases"
