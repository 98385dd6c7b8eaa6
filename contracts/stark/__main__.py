"""`python -m stark COMMAND`, run from contracts/."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import encode, reference
from .artifacts import ROOT, GeneratorError, build, compile_seal_verifier
from .circuit import CircuitSourceError, load_circuit
from .constraints import compile_constraints
from .layout import Layout
from .reader import InvalidProof
from .soundness import table
from .templates import Variant


def generate() -> int:
    """Write all generated files."""
    for name, content in build().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return 0


def check() -> int:
    """Rebuild, and compare with what is committed byte for byte."""
    files = build()
    different = [name for name, text in files.items() if _read(ROOT / name) != text.encode()]
    for name in different:
        print(f"{name} is not what the generator writes: run `python -m stark generate`", file=sys.stderr)
    if not different:
        print(f"{len(files)} generated files are as committed")
    return 1 if different else 0


def variant(without_paths: bool, phases: bool) -> int:
    """Print a build for tests or measurements as JSON: creation code and phase names."""
    circuit = load_circuit()
    code = compile_seal_verifier(circuit, compile_constraints(circuit), Variant(without_paths, phases))
    print(json.dumps({"bytecode": "0x" + code.creation.hex(), "phases": code.phases}))
    return 0


def verify(seal: Path) -> int:
    """Check a native seal with the reference verifier; print what it proves."""
    circuit = load_circuit()
    try:
        result = reference.verify(encode.parse_native(seal.read_bytes(), Layout(circuit)), circuit)
    except InvalidProof as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"controlId": result.control_id.hex(), "claim": result.claim.hex()}))
    return 0


def convert(source: Path, target: Path) -> int:
    """Native seal -> contract encoding, or back: the same operation."""
    target.write_bytes(encode.swap_digests(source.read_bytes(), Layout(load_circuit())))
    return 0


def soundness() -> int:
    """Print the bits of security of the proof, beside those of RISC Zero's parameters."""
    print(json.dumps(table(load_circuit()), indent=2))
    return 0


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def main() -> int:
    """Parse the command line and run one command."""
    parser = argparse.ArgumentParser(prog="python -m stark", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("generate", help=generate.__doc__)
    commands.add_parser("check", help=check.__doc__)
    variant_parser = commands.add_parser("variant", help=variant.__doc__)
    variant_parser.add_argument("--without-paths", action="store_true")
    variant_parser.add_argument("--phases", action="store_true")
    commands.add_parser("soundness", help=soundness.__doc__)
    verify_parser = commands.add_parser("verify", help=verify.__doc__)
    verify_parser.add_argument("seal", type=Path)
    convert_parser = commands.add_parser("convert", help=convert.__doc__)
    convert_parser.add_argument("source", type=Path)
    convert_parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "generate":
                return generate()
            case "check":
                return check()
            case "variant":
                return variant(arguments.without_paths, arguments.phases)
            case "soundness":
                return soundness()
            case "verify":
                return verify(arguments.seal)
            case _:
                return convert(arguments.source, arguments.target)
    except (CircuitSourceError, GeneratorError, encode.SealFormatError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
