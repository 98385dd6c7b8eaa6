"""Drives the ONNX interpreter of `circuits_guest/onnx` natively, the one that also runs in the guest."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from p2pnode.protocol.tensors import decode_tensors, encode_tensors

Arrays = dict[str, npt.NDArray[Any]]

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "p2pnode"


class Refused(Exception):
    """The interpreter refused the model or its inputs; the message is its reason."""


@dataclass(frozen=True)
class OnnxRunner:
    """Runs models in batches of one process, with its files in `folder`."""

    binary: Path
    folder: Path

    @staticmethod
    def build(folder: Path) -> "OnnxRunner":
        """Compiles the example that runs models, into a cache folder of its own: no lock of a long build."""
        target = CACHE / "cargo-onnx"
        arguments = ["build", "--release", "--example", "run_onnx", "-p", "p2pnode-onnx", "--target-dir"]
        script = ROOT / "circuits_guest" / "build.py"
        subprocess.run([sys.executable, script, "cargo", "--", *arguments, target], check=True)
        return OnnxRunner(target / "release" / "examples" / "run_onnx", folder)

    def run_many(self, jobs: Sequence[tuple[onnx.ModelProto, Arrays]]) -> list[Arrays | Refused]:
        """Outputs of each job by name, or why it was refused."""
        lines = []
        for i, (model, inputs) in enumerate(jobs):
            paths = [self.folder / f"{i}.{suffix}" for suffix in ("onnx", "inputs", "outputs")]
            paths[0].write_bytes(model.SerializeToString())
            paths[1].write_bytes(encode_tensors(inputs))
            lines.append("\t".join(map(str, paths)))
        jobs_file = self.folder / "jobs"
        jobs_file.write_text("\n".join(lines))
        finished = subprocess.run([self.binary, jobs_file], stdout=subprocess.PIPE, text=True, timeout=300)
        verdicts = finished.stdout.splitlines()
        assert len(verdicts) == len(jobs), f"{len(verdicts)} answers for {len(jobs)} models"
        results: list[Arrays | Refused] = []
        for i, verdict in enumerate(verdicts):
            if verdict == "ok":
                results.append(decode_tensors((self.folder / f"{i}.outputs").read_bytes()))
            else:
                results.append(Refused(verdict.removeprefix("error: ")))
        return results

    def operators(self) -> list[tuple[str, str, int, int]]:
        """Domain, name, first and last opset of each operator, by name."""
        text = subprocess.run([self.binary, "--operators"], stdout=subprocess.PIPE, text=True, check=True)
        rows = (line.split("\t") for line in text.stdout.splitlines())
        return [(domain, name, int(least), int(most)) for domain, name, least, most in rows]

    def run(self, model: onnx.ModelProto, inputs: Arrays) -> Arrays:
        """Outputs of one model by name. Raises Refused."""
        (result,) = self.run_many([(model, inputs)])
        if isinstance(result, Refused):
            raise result
        return result


def assert_same(found: npt.NDArray[Any], expected: npt.NDArray[Any], rtol: float, atol: float = 1e-7) -> None:
    """Bit for bit for integers; within a tolerance for floats."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if np.issubdtype(expected.dtype, np.floating):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)
    else:
        np.testing.assert_array_equal(found, expected)
