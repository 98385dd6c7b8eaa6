"""What is committed: the contracts' code for the deployment, and the facts about it that Solidity and tests
need.

`build` returns every generated file as text by its path under `contracts/`, so that writing and comparing are
the same computation.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eth_hash.auto import keccak

from . import params
from .assembler import Assembler
from .circuit import CRATE, Circuit, load_circuit
from .constraints import CODE_LIMIT, ConstraintContracts, compile_constraints
from .failures import Failure
from .layout import Field, Layout
from .templates import Renderer, Variant

ROOT = Path(__file__).resolve().parent.parent
COMPILER = Path(__file__).with_name("compile-yul.mjs")
INITCODE_LIMIT = 49_152  # EIP-3860
CREATED = {
    "SealVerifier": "SEAL_VERIFIER",
    "HeaderVerifier": "HEADER_VERIFIER",
    "QueryVerifier": "QUERY_VERIFIER",
}
"""The Yul contracts that Solidity ones create, and the names of their code's hashes there."""


class GeneratorError(Exception):
    """The generator cannot run; the message says what is missing."""


@dataclass(frozen=True)
class SealVerifierCode:
    """Creation code, without the addresses of the constraint contracts that follow it; the phases it
    measures."""

    creation: bytes
    yul: str
    phases: tuple[str, ...]


def compile_yul(source: str) -> bytes:
    """Creation code of a Yul object, by the solc that contracts/package-lock.json names."""
    beside = Path(sys.executable).with_name("node")
    node = str(beside) if beside.exists() else shutil.which("node")
    if node is None:
        raise GeneratorError("no node: run this with the Python of .venv, or put Node 22 or later on PATH")
    if not (ROOT / "node_modules" / "solc").exists():
        raise GeneratorError("no solc: run `npm ci` in contracts/")
    result = subprocess.run([node, str(COMPILER)], input=source, capture_output=True, text=True, check=False)
    if result.returncode:
        raise GeneratorError(f"solc: {result.stderr.strip()}")
    return bytes.fromhex(result.stdout)


def compile_seal_verifier(
    circuit: Circuit, constraints: ConstraintContracts, variant: Variant
) -> SealVerifierCode:
    """Render and compile SealVerifier."""
    source = Renderer(circuit, constraints).seal_verifier(variant)
    return SealVerifierCode(_creation("SealVerifier", source.yul), source.yul, source.phases)


def _creation(name: str, yul: str) -> bytes:
    creation = compile_yul(yul)
    if len(creation) > INITCODE_LIMIT:
        raise GeneratorError(f"{name}'s creation code has {len(creation)} bytes")
    return creation


def creation_code(runtime: bytes) -> bytes:
    """Creation code that returns what follows it."""
    if len(runtime) > CODE_LIMIT:
        raise GeneratorError(f"runtime code of {len(runtime)} bytes")
    a = Assembler()
    prefix = 10
    a.push(len(runtime), 2).dup(1).push(prefix).push(0).op("CODECOPY").push(0).op("RETURN")
    code = a.assemble()
    assert len(code) == prefix
    return code + runtime


def _artifact(name: str, code: bytes) -> str:
    artifact = {
        "_format": "hh3-artifact-1",
        "contractName": name,
        "sourceName": f"generated/{name}.json",
        "abi": [],
        "bytecode": "0x" + code.hex(),
        "deployedBytecode": "0x",
        "linkReferences": {},
        "deployedLinkReferences": {},
    }
    return json.dumps(artifact, indent=2) + "\n"


def _layout_json(circuit: Circuit) -> str:
    layout = Layout(circuit)

    def describe(fields: tuple[Field, ...]) -> list[dict[str, object]]:
        return [
            {"name": f.name, "offset": f.offset, "length": f.length, "digests": f.digests} for f in fields
        ]

    content = {
        "length": layout.length,
        "queries": params.QUERIES,
        "queriesAt": layout.queries,
        "queryLength": layout.query_length,
        "header": describe(layout.header),
        "query": describe(layout.query),
        "failures": {failure.name: failure.value for failure in Failure},
    }
    return json.dumps(content, indent=1) + "\n"


def _solidity(constraints: ConstraintContracts, creations: Mapping[str, bytes], renderer: Renderer) -> str:
    layout, memory = renderer.layout, renderer.memory
    hashes = "".join(
        f"""
    /// @notice keccak256 of {name}'s creation code, without constructor arguments.
    bytes32 internal constant {constant} = 0x{keccak(creations[name]).hex()};
"""
        for name, constant in CREATED.items()
    )
    lines = [
        f"        if (index == {index}) return 0x{keccak(code).hex()};"
        for index, code in enumerate(constraints.codes)
    ]
    return f"""// SPDX-License-Identifier: Apache-2.0
// Written by `python -m stark generate`. Do not edit.
pragma solidity ^0.8.28;

/// @title Hashes of the generated code that StarkVerifier is willing to trust
/// @notice Derived from {CRATE}; docs/onchain-verifier.md says how to rebuild and compare it.
library StarkCode {{
    /// @notice No constraint contract has this index.
    error NoSuchPart(uint256 index);

    /// @notice Poseidon2 root of the recursion programs that may stand below the outermost one.
    bytes32 internal constant INNER_CONTROL_ROOT = 0x{params.INNER_CONTROL_ROOT.hex()};

    /// @notice Number of constraint contracts.
    uint256 internal constant PARTS = {len(constraints.codes)};
{hashes}
    /// @notice Bytes of a seal, without selector.
    uint256 internal constant SEAL_LENGTH = {layout.length};

    /// @notice Bytes of a seal before its queries, number of the queries, and bytes of each.
    uint256 internal constant HEADER_LENGTH = {layout.queries};
    uint256 internal constant QUERIES = {params.QUERIES};
    uint256 internal constant QUERY_LENGTH = {layout.query_length};

    /// @notice Where the Merkle layers of the four tables, and of the three FRI commitments, are in a seal.
    uint256 internal constant TRACE_TOPS_AT = {layout.offset("code top")};
    uint256 internal constant TRACE_TOPS_END = {layout.offset("coefficients")};
    uint256 internal constant FRI_TOPS_AT = {layout.offset("fri1 top")};
    uint256 internal constant FRI_TOPS_END = {layout.offset("final")};

    /// @notice Bytes that HeaderVerifier returns, and where the control id is in them.
    uint256 internal constant SHARED_LENGTH = {memory["SHARED_LENGTH"]};
    uint256 internal constant CONTROL_ID_AT = {memory["CONTROL_ID"] - memory["SHARED"]};

    /// @notice Code hash of a constraint contract.
    function partHash(uint256 index) internal pure returns (bytes32) {{
{chr(10).join(lines)}
        revert NoSuchPart(index);
    }}
}}
"""


def build() -> dict[str, str]:
    """Every generated file: path under `contracts/` -> content."""
    circuit = load_circuit()
    constraints = compile_constraints(circuit)
    renderer = Renderer(circuit, constraints)
    sources = {
        "SealVerifier": renderer.seal_verifier(Variant()).yul,
        "HeaderVerifier": renderer.header_verifier(),
        "QueryVerifier": renderer.query_verifier(),
    }
    creations = {name: _creation(name, yul) for name, yul in sources.items()}
    files = {
        f"generated/ConstraintPart{index}.json": _artifact(f"ConstraintPart{index}", creation_code(code))
        for index, code in enumerate(constraints.codes)
    }
    for name, creation in creations.items():
        files[f"generated/{name}.json"] = _artifact(name, creation)
    files["generated/SealVerifier.yul"] = sources["SealVerifier"]
    files["generated/QueryVerifier.yul"] = sources["QueryVerifier"]
    files["generated/layout.json"] = _layout_json(circuit)
    files["contracts/stark/StarkCode.sol"] = _solidity(constraints, creations, renderer)
    return files
