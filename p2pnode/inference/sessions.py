"""ONNX Runtime sessions, kept while memory allows; the only importer of onnxruntime.

Sessions are as repeatable as ONNX Runtime gets: the graph as written (no fusing), one thread, one order.
"""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort  # type: ignore[import-untyped]

from p2pnode.errors import InferenceError
from p2pnode.inference.model import ModelInfo, TensorSpec, read_model

Array = npt.NDArray[Any]

_SESSION_OVERHEAD = 1024 * 1024
"""Bytes that even a small session is counted as."""
_COPIES = 2
"""A session holds its weights about twice: as read, and as its kernels pack them."""


@dataclass(frozen=True)
class Session:
    """A loaded model. `run` may be called from several threads at once."""

    info: ModelInfo
    ort_session: ort.InferenceSession

    @property
    def cost(self) -> int:
        """Bytes of memory it is counted as."""
        return _SESSION_OVERHEAD + _COPIES * self.info.size

    def run(self, tensors: dict[str, Array], options: ort.RunOptions) -> dict[str, Array]:
        """Outputs in graph order. Raises InferenceError, also when `options.terminate` was set meanwhile."""
        names = [spec.name for spec in self.info.outputs]
        try:
            # C order and aligned: decoded tensors are views into the bytes that came in.
            arrays = {name: np.require(array, requirements=["C", "A"]) for name, array in tensors.items()}
            outputs = self.ort_session.run(names, arrays, options)
        except Exception as error:  # ONNX Runtime's errors have no common base of their own
            raise InferenceError(f"model failed on this input: {_line(error)}") from error
        return dict(zip(names, map(np.asarray, outputs), strict=True))


def open_session(path: Path) -> Session:
    """Check and load a model. Raises InferenceError. Blocks: call it in a thread."""
    data, info = read_model(path)
    try:
        session = ort.InferenceSession(data, session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        raise InferenceError(f"model cannot be loaded: {_line(error)}") from error
    return Session(info, session)


def session_options() -> ort.SessionOptions:
    """Options of a session that is as repeatable as it gets."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    # What fails is raised: ONNX Runtime's own lines on stderr would break structured logs.
    options.log_severity_level = 4
    return options


def run_options() -> ort.RunOptions:
    """Options of one run; setting `terminate` on them ends it before its next node."""
    options = ort.RunOptions()
    options.log_severity_level = 4
    return options


def check_inputs(specs: tuple[TensorSpec, ...], tensors: dict[str, Array]) -> None:
    """Compare tensors with what the model takes. Raises InferenceError naming the first that differs."""
    wanted = [spec.name for spec in specs]
    if list(tensors) != wanted:
        raise InferenceError(
            f"inputs are {list(tensors)!r:.300}; the model takes {wanted!r:.300}, in that order"
        )
    sizes: dict[str, int] = {}
    for spec in specs:
        array = tensors[spec.name]
        if array.dtype != np.dtype(spec.dtype):
            raise InferenceError(f"input {spec.name!r} has type {array.dtype}; the model takes {spec.dtype}")
        if spec.dims is None:
            continue
        fits = len(spec.dims) == array.ndim and all(
            size == (dim if isinstance(dim, int) else sizes.setdefault(dim, size) if dim != "?" else size)
            and size > 0
            for dim, size in zip(spec.dims, array.shape, strict=True)
        )
        if not fits:
            raise InferenceError(f"input {spec.name!r} has shape {list(array.shape)}; the model takes {spec}")


class SessionCache:
    """The sessions used last, up to `capacity` bytes of them, and at least one."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._sessions: OrderedDict[tuple[str, int, int], Session] = OrderedDict()

    @staticmethod
    def key(path: Path) -> tuple[str, int, int]:
        """Names a file's content: another model under the same path is another key."""
        try:
            stat = path.stat()
        except OSError as error:
            raise InferenceError(
                f"model {path} cannot be read: {error.strerror}; give an ONNX file"
            ) from error
        return str(path.absolute()), stat.st_mtime_ns, stat.st_size

    def get(self, key: tuple[str, int, int]) -> Session | None:
        """The session, which counts as used now."""
        session = self._sessions.get(key)
        if session is not None:
            self._sessions.move_to_end(key)
        return session

    def add(self, key: tuple[str, int, int], session: Session) -> None:
        """Keep a session; those unused longest go until the rest fits."""
        self._sessions[key] = session
        while len(self._sessions) > 1 and sum(kept.cost for kept in self._sessions.values()) > self._capacity:
            self._sessions.popitem(last=False)

    def __len__(self) -> int:
        return len(self._sessions)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def providers() -> tuple[str, str, list[str]]:
    """ONNX Runtime's version, the provider that models run on here, and all that its build has."""
    return ort.__version__, "CPUExecutionProvider", list(ort.get_available_providers())
