"""Everything an attacker can hand to the pool that a signature, a proof or a rule must refuse.

Numbers in names are those of the list of attacks in docs/jsc.md.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.jsc.bn254 import BN254, N, P
from tests.chain.conftest import Devnet
from tests.chain.jsc_fixtures import PoolUnderTest, open_pool

OUTSIDE = (1, 1)
INFINITY = (0, 0)


@pytest.fixture
async def pool(chain_state: Devnet, rich: Account) -> AsyncIterator[PoolUnderTest]:
    async with open_pool(chain_state, rich, [400, 300, 200, 100]) as under_test:
        yield under_test


def edited(value: Any, path: tuple[int, ...], change: Any) -> Any:
    """A nested ABI value with the element at `path` put through `change`."""
    if not path:
        return change(value)
    changed = list(value)
    changed[path[0]] = edited(changed[path[0]], path[1:], change)
    return type(value)(changed)


INPUT, OUTPUTS, COMMITMENTS, PROOF, PAYMENT = (0, 0), 1, 2, 3, 4
BINS, BLOCKS, MEMBERS, IMAGE, PSEUDO_OUT, D, CHALLENGE, RESPONSES = range(8)


def plus_one(value: int) -> int:
    return value + 1


def flipped(value: bytes) -> bytes:
    return bytes([value[0] ^ 1]) + value[1:]


def other(point: tuple[int, int]) -> tuple[int, int]:
    return BN254.affine([BN254.add(BN254.point(*point), BN254.generator)])[0]


def put(value: Any) -> Any:
    return lambda _: value


def signed_fields() -> Iterator[tuple[str, tuple[int, ...], Any, str]]:
    """(name, path, change, error): everything that is signed, changed after signing (9, 13)."""
    address = bytes(range(20))
    yield "fee", (PAYMENT, 0), plus_one, "Unbalanced"
    yield "relayer", (PAYMENT, 1), put(address), "InvalidSignature"
    yield "amount", (PAYMENT, 2), plus_one, "Unbalanced"
    yield "recipient", (PAYMENT, 3), put(address), "InvalidSignature"
    yield "escrow", (PAYMENT, 4), put(True), "InvalidSignature"
    yield "deadline", (PAYMENT, 5), plus_one, "InvalidSignature"
    yield "expired", (PAYMENT, 5), put(1), "Expired"
    yield "memo", (OUTPUTS, 0, 2), flipped, "InvalidSignature"
    yield "last byte of a memo", (OUTPUTS, 1, 2), lambda memo: memo[:-1] + b"\0", "InvalidSignature"
    yield "shorter memo", (OUTPUTS, 0, 2), lambda memo: memo[:-1], "InvalidSignature"
    yield "longer memo", (OUTPUTS, 0, 2), lambda memo: memo + b"\0", "InvalidSignature"
    yield "output key", (OUTPUTS, 0, 0), other, "InvalidSignature"
    yield "outputs swapped", (OUTPUTS,), lambda outputs: outputs[::-1], "InvalidSignature"
    yield "one output", (OUTPUTS,), lambda outputs: outputs[:1], "InvalidShape"
    yield "no output", (OUTPUTS,), put([]), "InvalidShape"
    yield "five outputs", (OUTPUTS,), lambda outputs: [*outputs, *outputs, outputs[0]], "InvalidShape"
    yield "three outputs", (OUTPUTS,), lambda outputs: [*outputs, outputs[0]], "LengthMismatch"
    yield "commitments swapped", (COMMITMENTS,), lambda points: points[::-1], "InvalidSignature"
    yield "no commitments", (COMMITMENTS,), put([]), "LengthMismatch"
    yield "commitment", (COMMITMENTS, 0), other, "Unbalanced"
    yield "range proof", (PROOF,), flipped, "InvalidSignature"
    yield "no range proof", (PROOF,), put(b""), "InvalidSignature"
    yield "no input", (0,), put([]), "InvalidShape"
    yield "one input twice", (0,), lambda inputs: [*inputs, *inputs], "AlreadySpent"
    yield "five inputs", (0,), lambda inputs: inputs * 5, "InvalidShape"


def input_fields() -> Iterator[tuple[str, tuple[int, ...], Any, str]]:
    """The parts of an input: key images, points, scalars, ring (2, 3, 4, 8)."""
    yield "other key image", (IMAGE,), other, "InvalidSignature"
    yield "other pseudo-output", (PSEUDO_OUT,), other, "Unbalanced"
    yield "other D", (D,), other, "InvalidSignature"
    for name, place in (("key image", IMAGE), ("pseudo-output", PSEUDO_OUT), ("D", D)):
        yield f"{name} at infinity", (place,), put(INFINITY), "InvalidPoint"
        yield f"{name} off the curve", (place,), put(OUTSIDE), "InvalidPoint"
        yield f"x of {name} + p", (place, 0), lambda x: x + P, "InvalidPoint"
        yield f"y of {name} + p", (place, 1), lambda y: y + P, "InvalidPoint"
    yield "other challenge", (CHALLENGE,), lambda c: (c + 1) % N, "InvalidSignature"
    yield "challenge + n", (CHALLENGE,), lambda c: c + N, "InvalidSignature"
    for i in range(16):
        yield f"response {i}", (RESPONSES, i), lambda s: (s + 1) % N, "InvalidSignature"
        yield f"response {i} + n", (RESPONSES, i), lambda s: s + N, "InvalidSignature"
    yield "bins not increasing", (BINS,), lambda bins: bins[::-1], "InvalidRing"
    yield "a bin twice", (BINS, 1), put(0), "BinsNotIncreasing"
    yield "a bin that is not full", (BINS, 3), put(9), "InvalidRing"
    yield "another bin's number", (BINS, 3), plus_one, "InvalidRing"
    yield "another block", (BLOCKS, 0), plus_one, "InvalidRing"
    for i in (0, 7, 15):
        for name, part in (("key", 0), ("commitment", 1), ("base", 2)):
            yield f"{name} of member {i}", (MEMBERS, i, part), other, "InvalidRing"
    yield "members swapped", (MEMBERS,), lambda members: members[::-1], "InvalidRing"


async def test_a_signed_transaction_cannot_be_changed(pool: PoolUnderTest) -> None:
    genuine = (await pool.transaction([150])).abi()
    assert await pool.refusal((genuine,)) is None
    cases = [*signed_fields()]
    cases += [(name, (*INPUT, *path), change, error) for name, path, change, error in input_fields()]
    for name, path, change, error in cases:
        assert await pool.refusal((edited(genuine, path, change),)) == error, name


async def test_public_amounts_have_64_bits(pool: PoolUnderTest) -> None:
    """5: words above uint64 do not reach the sum; ABI decoding reverts without a reason."""
    somebody = bytes(range(1, 21))
    transaction = await pool.transaction([150], fee=3, relayer=somebody, amount=9, recipient=somebody)
    data = pool.contract.encode("transact", transaction.abi())

    def words(fee: int, amount: int) -> bytes:
        return fee.to_bytes(32, "big") + bytes(12) + somebody + amount.to_bytes(32, "big")

    assert data.count(words(3, 9)) == 1
    for fee, amount in ((3 + (1 << 64), 9), (3, 9 + (1 << 64)), (N, 9), (3, N)):
        with pytest.raises(ChainError, match="revert"):
            await pool.rpc.call(pool.contract.address, data.replace(words(3, 9), words(fee, amount)))
    await pool.rpc.call(pool.contract.address, data)


async def test_a_new_note_must_be_well_formed(pool: PoolUnderTest) -> None:
    """2, 12: with an odd y a note would have two key images."""
    genuine = (await pool.transaction([150])).abi()
    roots = (OUTPUTS, 0, 1)
    cases: dict[str, Callable[[list[int]], list[int]]] = {
        "odd": lambda found: [*found[:-1], P - found[-1]],
        "none": lambda found: [],
        "too few": lambda found: found[:-1],
        "too many": lambda found: [*found, found[-1]],
        "zero": lambda found: [0],
        "unreduced": lambda found: [*found[:-1], found[-1] + P],
        "wrong": lambda found: [*found[:-1], found[-1] ^ 2],
    }
    note = genuine[OUTPUTS][0]
    for name, change in cases.items():
        # Roots are signed as well, so the deposit shows the check itself.
        deposit = ([(note[0], change(note[1]), note[2])], [1])
        sender = pool.bridge.address
        assert await pool.refusal(deposit, "mint", sender) == "InvalidRoots", name
        assert await pool.refusal((edited(genuine, roots, change),)) == "InvalidSignature", name
    for name, key, memo, error in (
        ("shorter memo", note[0], note[2][:-1], "InvalidMemo"),
        ("longer memo", note[0], note[2] + b"\0", "InvalidMemo"),
        ("key off the curve", OUTSIDE, note[2], "InvalidPoint"),
        ("key at infinity", INFINITY, note[2], "InvalidPoint"),
    ):
        deposit = ([(key, note[1], memo)], [1])
        assert await pool.refusal(deposit, "mint", pool.bridge.address) == error, name


async def test_what_is_refused_early_costs_a_relayer_little(pool: PoolUnderTest, chain_state: Devnet) -> None:
    """4, 13: precompiles burn all gas on a bad point, so points are checked before. What is left to pay is
    little more than the floor for calldata (EIP-7623)."""
    genuine = (await pool.transaction([150])).abi()
    account = chain_state.rpc("eth_accounts")[0]
    for path, change in (((IMAGE,), put(OUTSIDE)), ((PSEUDO_OUT,), put(OUTSIDE))):
        data = pool.contract.encode("transact", edited(genuine, (*INPUT, *path), change))
        fields = {
            "from": account,
            "to": "0x" + pool.contract.address.hex(),
            "data": "0x" + data.hex(),
            "gas": hex(15_000_000),
        }
        chain_state.rpc("evm_setAutomine", False)
        tx_hash = chain_state.rpc("eth_sendTransaction", fields)
        chain_state.rpc("evm_mine")
        chain_state.rpc("evm_setAutomine", True)
        receipt = chain_state.rpc("eth_getTransactionReceipt", tx_hash)
        assert (int(receipt["status"], 16), int(receipt["gasUsed"], 16) < 350_000) == (0, True)
