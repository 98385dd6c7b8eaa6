"""Money cannot be made, taken or spent twice, whoever signs: attacks by owners, relayers and depositors.

Numbers in names are those of the list of attacks in docs/jsc.md.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from p2pnode.amounts import JSC_UNIT
from p2pnode.chain.call import Call
from p2pnode.chain.contract import Contract
from p2pnode.chain.jsc import stealth_address
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.jsc import bulletproofs_plus, clsag
from p2pnode.jsc.bn254 import BN254, N
from p2pnode.jsc.builder import Plan, bases, build, random_scalar
from p2pnode.jsc.generators import BITS, commit
from p2pnode.jsc.notes import Payee, StealthNote, context, make
from p2pnode.jsc.transaction import Input, Payment, Transaction, encode_range_proof, note_abi
from p2pnode.jsc.transcripts import JscClsagTranscript, JscRangeTranscript
from tests.chain.conftest import Devnet
from tests.chain.jsc_fixtures import OWNER, PoolUnderTest, error_name, open_pool, public


@pytest.fixture
async def pool(chain_state: Devnet, rich: Account) -> AsyncIterator[PoolUnderTest]:
    async with open_pool(chain_state, rich, [400, 300, 200, 100]) as under_test:
        yield under_test


async def test_only_the_bridge_mints_and_only_the_pool_releases(pool: PoolUnderTest) -> None:
    genuine = (await pool.transaction([150])).abi()
    assert await pool.refusal(([genuine[1][0]], [1]), "mint") == "NotBridge"
    data = pool.bridge.encode("release", bytes(32), genuine[4])
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
    assert await pool.chain.token.balance(worker.address) - before == 7 * JSC_UNIT
    assert await pool.refusal((transaction.abi(),)) == "AlreadySpent"


async def test_bridge_refuses_what_it_cannot_back(pool: PoolUnderTest) -> None:
    note = (await pool.transaction([150])).outputs[0]
    cases: list[tuple[str, tuple[Any, ...], str]] = [
        ("deposit", ([note_abi(note)], [0]), "ZeroAmount"),
        ("deposit", ([note_abi(note)], [10**15 + 1]), "CapExceeded"),
        ("deposit", ([], []), "ZeroAmount"),
        ("deposit", ([note_abi(note)], [1, 1]), "LengthMismatch"),
        ("depositFor", (b"", JSC_UNIT + 1), "InvalidAmount"),
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


async def test_a_stealth_address_takes_a_payout(pool: PoolUnderTest) -> None:
    """What a settlement contract does with a credit, done by an account: the note is its maker's alone."""
    tied = context(pool.wallet.pool.chain_id, pool.wallet.pool.address, None)
    note, _, _ = make(Payee(OWNER.views.address(9), 5), tied, None, deposit=True)
    call = Call(pool.bridge, "depositFor", (stealth_address(note), 77 * JSC_UNIT))
    await pool.chain.token.spend(pool.bridge, call, 77 * JSC_UNIT, "payout")
    await pool.sync()
    newest = pool.wallet.notes[-1]
    assert (newest.received.amount, newest.received.subaddress) == (77, 9)
