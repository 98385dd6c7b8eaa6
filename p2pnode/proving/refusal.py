"""Why the interpreter refuses a model, node by node, read from the sentence that it says it in.

The sentence is that of `Error::Unsupported` in circuits_guest/onnx/src/error.rs:
`model cannot be run exactly, 2 problem(s); node "a" (Foo, opset 17): reason; node "b" ...`.
"""

import json
import re
from dataclasses import dataclass

_HEAD = re.compile(r"model cannot be run exactly, (\d+) problem\(s\)")
_NODE = re.compile(r'; node ("(?:[^"\\]|\\.)*") \(([^()]*), opset (\d+)\): ')


@dataclass(frozen=True, slots=True)
class NodeProblem:
    """One reason why a node cannot be proved; `node` is its name, or that of its first output."""

    node: str
    operator: str
    opset: int
    reason: str

    def __str__(self) -> str:
        return f"node {self.node!r} ({self.operator}, opset {self.opset}): {self.reason}"


def node_problems(message: str) -> tuple[NodeProblem, ...]:
    """Each problem in an error of the prover; none when the model was refused for something else."""
    head = _HEAD.search(message)
    if head is None:
        return ()
    rest = message[head.end() :]
    marks = list(_NODE.finditer(rest))
    ends = [mark.start() for mark in marks[1:]] + [len(rest)]
    found = tuple(
        NodeProblem(_unquoted(mark[1]), mark[2], int(mark[3]), rest[mark.end() : end])
        for mark, end in zip(marks, ends, strict=True)
    )
    # A node's name could imitate the form of the sentence: then it is shown as it is, not taken apart.
    return found if len(found) == int(head[1]) else ()


def _unquoted(text: str) -> str:
    """A name as Rust quotes it: JSON's escapes, but for those of characters that do not print."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]
