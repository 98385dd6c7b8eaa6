"""A node that runs models tells nobody: ONNX Runtime's telemetry is off before it is imported."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

VARIABLE = "ORT_DISABLE_TELEMETRY"
RUN = """
import p2pnode.inference
import onnxruntime as ort
from p2pnode.models import DIGITS
ort.InferenceSession(str(DIGITS))
"""


def run(script: str, folder: Path, **more: str) -> str:
    # Nothing of the environment but what it takes: the telemetry also keeps quiet where it sees a CI service.
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"TMPDIR": str(folder), **more}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, env=env, cwd=folder, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_the_runtime_reads_the_variable() -> None:
    spec = find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    libraries = list((Path(spec.origin).parent / "capi").glob("onnxruntime_pybind11_state*"))
    assert libraries
    assert all(VARIABLE.encode() in library.read_bytes() for library in libraries)


def test_no_session_is_opened(tmp_path: Path) -> None:
    run(RUN, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_operator_decides(tmp_path: Path) -> None:
    script = f"import os, p2pnode.inference; print(os.environ[{VARIABLE!r}])"
    assert run(script, tmp_path) == "1\n"
    assert run(script, tmp_path, **{VARIABLE: "0"}) == "0\n"
