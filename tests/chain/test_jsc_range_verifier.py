"""The contract that verifies range proofs, called alone: what signatures refuse first is refused here too.

Numbers in names are those of the list of attacks in docs/jsc.md.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from p2pnode.chain.contract import Contract
from p2pnode.chain.deployment import load_deployment
from p2pnode.identity import Account
from p2pnode.jsc import bulletproofs_plus
from p2pnode.jsc.bn254 import BN254, Affine, N, P
from p2pnode.jsc.builder import bases, random_scalar
from p2pnode.jsc.generators import BITS, commit
from p2pnode.jsc.transaction import encode_range_proof
from p2pnode.jsc.transcripts import JscRangeTranscript
from tests.chain.conftest import Devnet
from tests.chain.jsc_fixtures import open_pool

Case: TypeAlias = tuple[str, Sequence[Affine], bytes]
"""(name, commitments, proof)"""

SELECTOR = keccak(text="verify((uint256,uint256)[],bytes)")[:4]
OPENINGS = [(7, 3), ((1 << 64) - 1, 4)]
POINTS = 17
OUTSIDE, INFINITY = (1, 1), (0, 0)


def proved(openings: Sequence[tuple[int, int]], bits: int = BITS) -> tuple[list[Affine], bytes]:
    """Commitments and the proof that they hide amounts of `bits` bits."""
    proof = bulletproofs_plus.prove(BN254, JscRangeTranscript(), bases(), bits, openings, random_scalar)
    return BN254.affine([commit(*opening) for opening in openings]), encode_range_proof(proof)


def doubled(point: Affine) -> Affine:
    return BN254.affine([BN254.double(BN254.point(*point))])[0]


def point_cases(commitments: Sequence[Affine], proof: bytes) -> Iterator[Case]:
    """2, 4, 10: every point of proof and statement changed, off the curve, at infinity, unreduced."""
    words = [int.from_bytes(proof[i : i + 32], "big") for i in range(0, len(proof), 32)]
    for i in range(POINTS):
        x, y = words[2 * i], words[2 * i + 1]
        for name, point in changes((x, y)):
            changed = [*words[: 2 * i], *point, *words[2 * i + 2 :]]
            yield f"point {i} {name}", commitments, packed(changed)
    for i, commitment in enumerate(commitments):
        for name, point in changes(commitment):
            yield f"commitment {i} {name}", [*commitments[:i], point, *commitments[i + 1 :]], proof


def changes(point: Affine) -> Iterator[tuple[str, Affine]]:
    x, y = point
    yield "doubled", doubled(point)
    yield "negated", (x, P - y)
    yield "off the curve", OUTSIDE
    yield "at infinity", INFINITY
    yield "with x + p", (x + P, y)
    yield "with y + p", (x, y + P)


def other_cases(commitments: Sequence[Affine], proof: bytes) -> Iterator[Case]:
    """3: scalars. 5: bits. 6: lengths and other commitments."""
    words = [int.from_bytes(proof[i : i + 32], "big") for i in range(0, len(proof), 32)]
    for i, name in ((-3, "r1"), (-2, "s1"), (-1, "d1")):
        for change, value in (("+ 1", (words[i] + 1) % N), ("+ n", words[i] + N), ("zero", 0)):
            changed = list(words)
            changed[i] = value
            yield f"{name} {change}", commitments, packed(changed)
    yield "A and A1 swapped", commitments, packed([*words[2:4], *words[:2], *words[4:]])
    yield "L and R swapped", commitments, packed([*words[:6], *words[8:10], *words[6:8], *words[10:]])
    yield "no proof", commitments, b""
    yield "a byte less", commitments, proof[:-1]
    yield "a byte more", commitments, proof + b"\0"
    yield "a round less", commitments, proof[:192] + proof[320:]
    yield "a round more", commitments, proof[:192] + proof[192:320] + proof[192:]
    yield "commitments swapped", commitments[::-1], proof
    yield "one commitment", commitments[:1], proof
    yield "three commitments", [*commitments, commitments[0]], proof
    yield "no commitments", [], proof
    yield "five commitments", [*commitments, *commitments, commitments[0]], proof
    for bits in (32, 128):
        yield f"{bits} bits", *proved([(7, 3), (9, 4)], bits)
    yield "another statement", *(proved(OPENINGS)[0], proved([(8, 3), (9, 4)])[1])


def packed(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in words)


def calldata(commitments: Sequence[Affine], proof: bytes) -> str:
    arguments = encode(["(uint256,uint256)[]", "bytes"], [list(commitments), proof])
    return "0x" + (SELECTOR + arguments).hex()


@pytest.fixture
async def verifier(chain_state: Devnet, rich: Account) -> str:
    """Address of the pool's range verifier."""
    async with open_pool(chain_state, rich, []) as pool:
        address = load_deployment(chain_state.deployment).addresses["JSC"]
        return "0x" + bytes(await Contract(pool.rpc, "JSC", address).read("rangeVerifier")).hex()


def accepts(devnet: Devnet, verifier: str, commitments: Sequence[Affine], proof: bytes) -> bool:
    call = {"to": verifier, "data": calldata(commitments, proof), "gas": hex(6_000_000)}
    return bool(int(devnet.rpc("eth_call", call, "latest"), 16))


async def test_the_contract_refuses_every_changed_range_proof(chain_state: Devnet, verifier: str) -> None:
    commitments, proof = proved(OPENINGS)
    assert accepts(chain_state, verifier, commitments, proof)
    for name, changed, bad in (*point_cases(commitments, proof), *other_cases(commitments, proof)):
        assert not accepts(chain_state, verifier, changed, bad), name


@pytest.mark.parametrize("count", [1, 2, 3, 4])
async def test_the_contract_takes_one_to_four_amounts(chain_state: Devnet, verifier: str, count: int) -> None:
    amounts = [0, (1 << 64) - 1, 1 << 63, 12345][:count]
    assert accepts(chain_state, verifier, *proved([(amount, random_scalar()) for amount in amounts]))


async def test_a_bad_point_burns_no_gas(chain_state: Devnet, verifier: str) -> None:
    """4: a precompile takes all gas for a bad point; it never gets one."""
    commitments, proof = proved(OPENINGS)
    for place in (0, POINTS - 1):
        bad = proof[: 64 * place] + packed(OUTSIDE) + proof[64 * place + 64 :]
        call = {"to": verifier, "data": calldata(commitments, bad)}
        assert int(chain_state.rpc("eth_estimateGas", call), 16) < 150_000
