"""Everything an attacker can hand to the pool that a signature, a proof or a rule must refuse.

Numbers in names are those of the list of attacks in docs/jsc.md.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from p2pnode.chain import MemoryTxLog, open_chain
from p2pnode.chain.call import Call
from p2pnode.chain.contract import Contract
from p2pnode.chain.jsc import UNIT
from p2pnode.chain.rpc import open_rpc
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.jsc import bulletproofs_plus, clsag
from p2pnode.jsc.bn254 import BN254, N, P
from p2pnode.jsc.builder import Plan, bases, build, random_scalar
from p2pnode.jsc.generators import BITS, commit
from p2pnode.jsc.notes import Payee, StealthNote, context, make
from p2pnode.jsc.transaction import Input, Payment, Transaction, encode_range_proof, note_abi
from p2pnode.jsc.transcripts import JscClsagTranscript, JscRangeTranscript
from p2pnode.jsc.wallet import Book, Wallet
from tests.chain.conftest import Devnet
from tests.chain.jsc_fixtures import OWNER, PoolUnderTest, error_name, public

OUTSIDE = (1, 1)
INFINITY = (0, 0)


@asynccontextmanager
async def opened(devnet: Devnet, rich: Account) -> AsyncIterator[PoolUnderTest]:
    async with open_chain(devnet.config, rich, MemoryTxLog()) as chain, open_rpc(devnet.url, 30) as rpc:
        addresses = chain.deployment.addresses
        wallet = Wallet(OWNER.views, OWNER.spend, await chain.jsc.new_pool(), Book())
        contract, bridge = (Contract(rpc, name, addresses[name]) for name in ("JSC", "JSCBridge"))
        under_test = PoolUnderTest(chain, rpc, contract, bridge, wallet)
        await under_test.deposit([400, 300, 200, 100], "fund")
        # `eth_call` runs in the newest block; a ring may use the deposit's bin from the next one on.
        devnet.rpc("hardhat_mine", "0x1")
        yield under_test


@pytest.fixture
async def pool(chain_state: Devnet, rich: Account) -> AsyncIterator[PoolUnderTest]:
    async with opened(chain_state, rich) as under_test:
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


async def test_a_new_note_must_be_well_formed(pool: PoolUnderTest) -> None:
    """2, 12: with an odd y a note would have two key images."""
    genuine = (await pool.transaction([150])).abi()
    roots = (OUTPUTS, 0, 1)
    cases = {
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


async def test_only_the_bridge_mints_and_only_the_pool_releases(pool: PoolUnderTest) -> None:
    genuine = (await pool.transaction([150])).abi()
    assert await pool.refusal(([genuine[OUTPUTS][0]], [1]), "mint") == "NotBridge"
    data = pool.bridge.encode("release", bytes(32), genuine[PAYMENT])
    with pytest.raises(ChainError):
        await pool.rpc.call(pool.bridge.address, data)


async def test_a_key_is_deposited_once(pool: PoolUnderTest) -> None:
    """1, the burning bug: of two notes with one key only one could be spent."""
    tied = context(pool.wallet.pool.chain_id, pool.wallet.pool.address, None)
    note, _, _ = make(Payee(OWNER.views.address(), 5), tied, None, deposit=True)
    with pytest.raises(ChainError, match="KeyAlreadyUsed"):
        await pool.chain.jsc.deposit([note, note], [5, 5], "twice")
    await pool.chain.jsc.deposit([note], [5], "once")
    with pytest.raises(ChainError, match="KeyAlreadyUsed"):
        await pool.chain.jsc.deposit([note], [7], "again")


async def test_the_wallet_credits_a_key_once(pool: PoolUnderTest) -> None:
    """1: a hostile sender repeats a payment's key with another amount; the larger one counts."""
    wallet = pool.wallet
    (largest, *_) = wallet.notes
    twin = replace(largest, index=99, received=replace(largest.received, amount=1))
    wallet._credit(twin)
    assert [note.received.amount for note in wallet.notes] == [400, 300, 200, 100]
    wallet._credit(replace(twin, received=replace(largest.received, amount=401)))
    assert [note.received.amount for note in wallet.notes] == [401, 300, 200, 100]


def overstated(
    made: Plan, amounts: tuple[int, int], proved: tuple[int, int], payment: Payment | None = None
) -> Transaction:
    """A balanced transaction whose outputs hold `amounts` mod n, with a range proof for `proved`."""
    honest = build(made, OWNER.spend, None)
    tied = context(made.chain_id, made.pool, honest.transaction.inputs[0].image)
    notes, masks = [], []
    for place, payee in enumerate(honest.payees):
        note, mask, _ = make(payee, tied + bytes([place]), None)
        notes.append(note)
        masks.append(mask)
    proof = bulletproofs_plus.prove(
        BN254,
        JscRangeTranscript(),
        bases(),
        BITS,
        list(zip(proved, masks, strict=True)),
        random_scalar,
    )
    commitments = tuple(BN254.affine([commit(a % N, m) for a, m in zip(amounts, masks, strict=True)]))
    made = replace(made, payment=payment or made.payment)
    return resigned(made, tuple(notes), commitments, encode_range_proof(proof), sum(masks))


def resigned(
    made: Plan, notes: tuple[StealthNote, ...], commitments: Any, proof: bytes, mask: int
) -> Transaction:
    """Sign a one-input transaction whose outputs somebody else chose."""
    (source,) = made.sources
    ring, key = source.ring.points(), (source.offset + OWNER.spend) % N
    pseudo_out = commit(source.amount, mask % N)
    image, out = BN254.affine([BN254.mul(key, ring.bases[source.place]), pseudo_out])
    unsigned = Transaction((Input(source.ring, image, out),), notes, commitments, proof, made.payment)
    signature, _ = clsag.sign(
        BN254,
        JscClsagTranscript(),
        unsigned.message(made.chain_id, made.pool),
        ring,
        pseudo_out,
        (source.place, key, (source.mask - mask) % N),
        random_scalar,
    )
    return replace(unsigned, inputs=(replace(unsigned.inputs[0], signature=signature),))


@pytest.mark.parametrize(
    ("amounts", "proved"),
    [
        ((-1, 201), ((1 << 64) - 1, 201)),
        ((1 << 64, 200 - (1 << 64)), (0, 200)),
        ((150, 50), (50, 150)),
        ((1000, -800), (1000, 0)),
    ],
    ids=["minus one", "2^64", "proof of other commitments", "more than there is"],
)
async def test_amounts_that_balance_only_mod_n_are_refused(
    pool: PoolUnderTest, amounts: tuple[int, int], proved: tuple[int, int]
) -> None:
    """5, 6: what a range proof is for."""
    made = await pool.plan([Payee(OWNER.views.address(), 50)], public())
    total = made.sources[0].amount
    amounts = (amounts[0], total - amounts[0])
    assert await pool.refusal((overstated(made, amounts, proved).abi(),)) == "InvalidRangeProof"


async def test_money_cannot_be_made(pool: PoolUnderTest) -> None:
    """7: outputs above inputs, hidden or public."""
    made = await pool.plan([Payee(OWNER.views.address(), 50)], public())
    total = made.sources[0].amount
    amounts = (total, 1)
    assert await pool.refusal((overstated(made, amounts, amounts).abi(),)) == "Unbalanced"
    richer, fair = public(amount=1 << 63, recipient=bytes(range(20))), (total - 50, 50)
    assert await pool.refusal((overstated(made, fair, fair, richer).abi(),)) == "Unbalanced"


async def test_a_signature_is_for_one_pool_on_one_chain(pool: PoolUnderTest) -> None:
    """9: replay elsewhere."""
    made = await pool.plan([Payee(OWNER.views.address(), 50)], public())
    for foreign in (replace(made, chain_id=1), replace(made, pool=bytes(range(20)))):
        transaction = build(foreign, OWNER.spend, None).transaction
        assert await pool.refusal((transaction.abi(),)) == "InvalidSignature"


async def test_somebody_elses_note_cannot_be_spent(pool: PoolUnderTest) -> None:
    made = await pool.plan([Payee(OWNER.views.address(), 50)], public())
    transaction = build(made, OWNER.spend + 1, None).transaction
    assert await pool.refusal((transaction.abi(),)) == "InvalidSignature"


async def test_a_ring_that_is_too_young_is_refused(pool: PoolUnderTest) -> None:
    """8: seen from the block that completed the newest bin, which is one too early."""
    transaction = await pool.transaction([150])
    data = pool.contract.encode("transact", transaction.abi())
    block = hex(max(transaction.inputs[0].ring.completed_at))
    with pytest.raises(ChainError) as caught:
        await pool.rpc.call(pool.contract.address, data, block=block)
    assert error_name(caught.value) == "RingTooYoung"


async def test_the_fee_is_the_relayers_whoever_submits(pool: PoolUnderTest, worker: Account) -> None:
    """13: a front-runner gains nothing."""
    transaction = await pool.transaction([150], fee=7, relayer=worker.address)
    before = await pool.chain.token.balance(worker.address)
    await pool.chain.jsc.transact(transaction, "front-run")
    assert await pool.chain.token.balance(worker.address) - before == 7 * UNIT
    assert await pool.refusal((transaction.abi(),)) == "AlreadySpent"


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


async def test_bridge_refuses_what_it_cannot_back(pool: PoolUnderTest) -> None:
    note = (await pool.transaction([150])).outputs[0]
    cases: list[tuple[str, tuple[Any, ...], str]] = [
        ("deposit", ([note_abi(note)], [0]), "ZeroAmount"),
        ("deposit", ([note_abi(note)], [10**15 + 1]), "CapExceeded"),
        ("deposit", ([], []), "ZeroAmount"),
        ("deposit", ([note_abi(note)], [1, 1]), "LengthMismatch"),
        ("depositFor", (b"", UNIT + 1), "InvalidAmount"),
    ]
    rich = pool.chain.account
    token = pool.chain.deployment.addresses["JoyToken"]
    approve = Contract(pool.rpc, "JoyToken", token)
    call = Call(approve, "approve", (pool.bridge.address, 10**26))
    await pool.chain.token.spend(pool.bridge, call, 10**26, "approve")
    for function, arguments, error in cases:
        data = pool.bridge.encode(function, *arguments)
        with pytest.raises(ChainError) as caught:
            await pool.rpc.call(pool.bridge.address, data, sender=rich)
        assert error_name(caught.value) == error, function
