"""The value of every `$NAME` in the Yul templates, apart from those of whole sub-templates."""

from __future__ import annotations

import struct
from collections.abc import Callable

from . import fragments, kernels, lanes, params
from .assembler import Assembler
from .circuit import Circuit
from .constraints import ConstraintContracts
from .failures import Failure
from .field import MONTGOMERY_R_INVERSE, P, to_seal_word
from .layout import FINAL_WORDS, FRI_LEAF, GLOBALS, TOP, WORD, Layout
from .memory import EVM_WORD, Memory
from .transcript import Transcript, hash_info


def _initial_state() -> int:
    transcript = Transcript()
    transcript.commit(hash_info(params.PROOF_SYSTEM_INFO))
    transcript.commit(hash_info(params.CIRCUIT_INFO))
    return int.from_bytes(transcript.state, "big")


def _inner_root_words() -> tuple[int, int]:
    """The first sixteen globals as two EVM words: each 32-bit word of the root, then a zero."""
    words = b""
    for value in struct.unpack("<8I", params.INNER_CONTROL_ROOT):
        words += struct.pack(">2I", to_seal_word(value), 0)
    return int.from_bytes(words[:32], "big"), int.from_bytes(words[32:], "big")


def numbers(layout: Layout, memory: Memory, parts: int) -> dict[str, int]:
    """Every number that the templates name."""
    low, high = _inner_root_words()
    values = dict(memory.address)
    values |= {f"FAIL_{failure.name}": failure.value for failure in Failure}
    values |= {
        "SEAL_" + field.name.replace(" ", "_").upper(): EVM_WORD + field.offset for field in layout.header
    }
    values |= {
        "P": P,
        "FORM": lanes.FORM,
        "MINUS_ONE": P - lanes.FORM,
        "PO2": params.PO2,
        "DOMAIN_MASK": params.DOMAIN - 1,
        "FINAL_DOMAIN_MASK": (1 << params.FINAL_DOMAIN_LOG2) - 1,
        "FINAL_DOMAIN_SPREAD": params.DOMAIN_LOG2 - params.FINAL_DOMAIN_LOG2,
        "NO_WORK_SHIFT": 256 - params.GRINDING_BITS,
        "PART_ARGUMENTS": EVM_WORD * parts,
        "CALLDATA_HEADER": EVM_WORD + layout.queries,
        "QUERIES_AT": EVM_WORD + layout.queries,
        "CALLDATA_LENGTH": EVM_WORD + layout.length,
        "QUERY_LENGTH": layout.query_length,
        "GLOBALS_LENGTH": WORD * GLOBALS,
        "TOP_LENGTH": TOP,
        "COEFFICIENTS_LENGTH": 4 * WORD * layout.coefficients,
        "FINAL_LENGTH": WORD * FINAL_WORDS,
        "LEAF_LENGTH": FRI_LEAF,
        "INITIAL_STATE": _initial_state(),
        "INNER_ROOT_LOW": low,
        "INNER_ROOT_HIGH": high,
        "WORD_TO_FORM": lanes.WORD_TO_FORM,
        "WORD_TO_FORM_UNFOLDED": lanes.WORD_TO_FORM_UNFOLDED,
        "WORD_TO_CANONICAL": MONTGOMERY_R_INVERSE,
        "NON_CANONICAL": lanes.NON_CANONICAL,
        "LOW_WORDS": lanes.LOW_WORDS,
        "CARRY": lanes.CARRY,
        "TWICE_P": 2 * P * lanes.ONES,
        "P_TIMES_64": 64 * P * lanes.ONES,
        "EVEN_LANES": kernels.EVEN_LANES,
        "ODD_LANES": kernels.EVEN_LANES << lanes.LANE,
        "LOW_HALF": kernels.LOW_HALF,
        "HIGH_HALF": kernels.LOW_HALF << 128,
        "UPPER_LANES": (2**256 - 1) ^ (2**64 - 1),
    }
    return values


def blocks(
    circuit: Circuit,
    layout: Layout,
    memory: Memory,
    constraints: ConstraintContracts,
    groups: list[kernels.Group],
) -> dict[str, list[str]]:
    """Lines that the generator writes because they depend on the circuit."""
    image, slots, parts = constraints.image, constraints.slots, len(constraints.codes)
    depths = {params.path_length(log2) for log2 in (params.DOMAIN_LOG2, *params.FRI_ROUND_LOG2)}
    return {
        "SET_PARTS": fragments.set_parts(parts),
        "STORE_MULTIPLES": fragments.store_multiples(memory),
        "EVALUATE_TRACE": fragments.evaluate_trace(circuit, memory, image),
        "POLY_MIX_POWERS": fragments.poly_mix_powers(memory, image.exponents),
        "CALL_PARTS": fragments.call_parts(memory, image, slots, parts),
        "QUOTIENT_BLOCKS": fragments.quotient_blocks(circuit, memory),
        "MIX_COLUMNS": fragments.mix_columns(circuit, memory),
        "WEIGHT_TABLES": fragments.weight_tables(memory, groups),
        "STORE_POLES": fragments.store_poles(circuit, memory),
        "GENERATOR_TABLES": fragments.generator_tables(memory),
        "GENERATOR_POWER": fragments.generator_power(memory),
        "EVALUATION_FUNCTIONS": [
            line
            for combo in range(len(circuit.combos))
            for line in fragments.evaluation_function(circuit, memory, combo)
        ],
        "OPEN_TRACE": fragments.open_trace(layout, memory),
        "PATH_FUNCTIONS": [line for depth in sorted(depths) for line in fragments.path_function(depth)],
        "FINAL_COMPONENTS": fragments.final_components(memory),
    }


def bytecode(circuit: Circuit, memory: Memory, groups: list[kernels.Group]) -> dict[str, str]:
    """Kernels, as hex for `verbatim`."""
    return {
        "MULTIPLY": _routine(lanes.emit_multiply),
        "FOLD_TWICE": _routine(lanes.emit_fold_twice),
        "REDUCE": _routine(lanes.emit_reduce),
        "SPLIT_ROWS": kernels.split_rows(memory),
        "NUMERATORS": kernels.numerators(memory, groups, len(circuit.combos) + 1),
        "UNPACK_LEAF": kernels.unpack_leaf(memory),
        "FOLD_LEAF": kernels.fold_leaf(memory),
    }


def _routine(emit: Callable[[Assembler], None]) -> str:
    assembler = Assembler()
    emit(assembler)
    return assembler.assemble().hex()
