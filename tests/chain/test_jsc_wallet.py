"""The JSC wallet on the deployed contracts: deposit, private payment, withdrawal, rescan, reorganisation."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from p2pnode.amounts import JSC_UNIT
from p2pnode.app import SystemClock
from p2pnode.background import open_background
from p2pnode.chain import ChainClient, MemoryTxLog, open_chain
from p2pnode.errors import ChainError, ConfigError
from p2pnode.identity import Account
from p2pnode.jsc import codec
from p2pnode.jsc.account import JscAccount, create_account, open_account, view_only
from p2pnode.jsc.keys import SpendKeys, new_phrase
from p2pnode.jsc.notes import Payee
from p2pnode.jsc.proofs import check_payment, check_reserve, payment_proof, reserve_proof
from p2pnode.jsc.routes import Route, send
from p2pnode.jsc.transaction import Transaction
from p2pnode.relay import Relayer, RelayOffer, Relays
from tests.chain.conftest import Devnet
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_network import FakeBus, FakeNet

PASSWORD = "correct horse"
SCRYPT = 1 << 4


@asynccontextmanager
async def opened(devnet: Devnet, account: Account) -> AsyncIterator[ChainClient]:
    async with open_chain(devnet.config, account, MemoryTxLog()) as chain:
        yield chain


async def new_wallet(chain: ChainClient, folder: Path, keys: SpendKeys | None = None) -> JscAccount:
    keys = keys or SpendKeys.from_phrase(new_phrase())
    return await create_account(chain.jsc, folder, PASSWORD, (keys.views, keys.spend), scrypt_n=SCRYPT)


async def fund(chain: ChainClient, wallet: JscAccount, amounts: list[int], key: str = "fund") -> None:
    notes = wallet.deposit_notes(wallet.wallet.views.address(), amounts)
    await chain.jsc.deposit(notes, amounts, key)
    await wallet.sync()


async def pay(chain: ChainClient, sender: JscAccount, payees: list[Payee], **public: Any) -> None:
    """Plan, sign, submit."""
    planned = await sender.plan(payees, await sender.payment(**public))
    built = sender.sign(planned.plan)
    await chain.jsc.transact(built.transaction, f"jsc/{built.transaction.inputs[0].image[0]:x}")


async def test_a_private_balance_pays_a_person_an_address_and_an_escrow(
    chain_state: Devnet, rich: Account, worker: Account, tmp_path: Path
) -> None:
    async with opened(chain_state, rich) as chain:
        alice = await new_wallet(chain, tmp_path / "alice")
        bob = await new_wallet(chain, tmp_path / "bob")
        await fund(chain, alice, [400, 300, 200, 100])
        assert (await alice.balance()).spendable == 1000
        bobs = bob.wallet.views.address(3)
        await pay(chain, alice, [Payee(bobs, 250, b"for the answer")])
        await bob.sync()
        (note,) = bob.wallet.notes
        assert (note.received.amount, note.received.subaddress, note.received.text) == (
            250,
            3,
            b"for the answer",
        )
        await alice.sync()
        assert (await alice.balance()).total == 750

        before = await chain.token.balance(worker.address)
        await pay(chain, alice, [], amount=120, recipient=worker.address)
        assert await chain.token.balance(worker.address) - before == 120 * JSC_UNIT
        fresh = bytes(range(20))
        await alice.sync()
        await pay(chain, alice, [], amount=80, recipient=fresh, to_escrow=True)
        assert await chain.escrow.free(fresh) == 80 * JSC_UNIT
        await alice.sync()
        await bob.sync()
        totals = [(await wallet.balance()).total for wallet in (alice, bob)]
        assert sum(totals) == await chain.jsc.outstanding() == alice.wallet.pool.supply == 800


async def test_a_note_is_spent_once(chain_state: Devnet, rich: Account, tmp_path: Path) -> None:
    async with opened(chain_state, rich) as chain:
        alice = await new_wallet(chain, tmp_path / "alice")
        await fund(chain, alice, [400, 300, 200, 100])
        to = Payee(alice.wallet.views.address(1), 350)
        first = await alice.plan([to], await alice.payment())
        second = await alice.plan([to], await alice.payment())
        await chain.jsc.transact(alice.sign(first.plan).transaction, "first")
        with pytest.raises(ChainError, match="AlreadySpent"):
            await chain.jsc.transact(alice.sign(second.plan).transaction, "second")
        # Before the first is seen, its note is already kept from further payments.
        with pytest.raises(ConfigError, match="payment needs"):
            await alice.plan([Payee(to.address, 650)], await alice.payment())


async def test_a_wallet_comes_back_from_its_file_and_from_its_seed(
    chain_state: Devnet, rich: Account, tmp_path: Path
) -> None:
    async with opened(chain_state, rich) as chain:
        phrase = new_phrase()
        alice = await new_wallet(chain, tmp_path / "alice", SpendKeys.from_phrase(phrase))
        await fund(chain, alice, [400, 300, 200, 100])
        await pay(chain, alice, [Payee(alice.wallet.views.address(1), 350)])
        await alice.sync()
        again = await open_account(chain.jsc, tmp_path / "alice", PASSWORD, scrypt_n=SCRYPT)
        assert await again.sync() == []
        restored = await new_wallet(chain, tmp_path / "restored", SpendKeys.from_phrase(phrase))
        await restored.sync()
        assert again.wallet.notes == alice.wallet.notes == restored.wallet.notes
        (tmp_path / "alice" / "pool.cbor").write_bytes(b"\xff")
        broken = await open_account(chain.jsc, tmp_path / "alice", PASSWORD, scrypt_n=SCRYPT)
        await broken.sync()
        assert broken.wallet.notes == alice.wallet.notes
        assert await broken.balance() == await alice.balance()


async def test_a_reorganisation_takes_notes_and_spends_back(
    chain_state: Devnet, rich: Account, tmp_path: Path
) -> None:
    async with opened(chain_state, rich) as chain:
        alice = await new_wallet(chain, tmp_path / "alice")
        await fund(chain, alice, [400, 300, 200, 100])
        snapshot = chain_state.rpc("evm_snapshot")
        await pay(chain, alice, [Payee(alice.wallet.views.address(1), 250)])
        await alice.sync()
        assert len(alice.wallet.notes) == 6
        chain_state.rpc("evm_revert", snapshot)
        chain_state.rpc("hardhat_mine", "0x3")
    async with opened(chain_state, rich) as chain:
        alice = await open_account(chain.jsc, tmp_path / "alice", PASSWORD, scrypt_n=SCRYPT)
        await alice.sync()
        assert [note.received.amount for note in alice.wallet.unspent()] == [400, 300, 200, 100]
        again = await open_account(chain.jsc, tmp_path / "alice", PASSWORD, scrypt_n=SCRYPT)
        assert again.wallet.notes == alice.wallet.notes


async def test_a_cold_wallet_signs_what_a_view_only_wallet_made(
    chain_state: Devnet, rich: Account, tmp_path: Path
) -> None:
    async with opened(chain_state, rich) as chain:
        keys = SpendKeys.from_phrase(new_phrase())
        cold = await new_wallet(chain, tmp_path / "cold", keys)
        hot = await create_account(
            chain.jsc,
            tmp_path / "hot",
            PASSWORD,
            (view_only(keys.views, outgoing=True), None),
            scrypt_n=SCRYPT,
        )
        await fund(chain, hot, [400, 300, 200, 100])
        planned = await hot.plan([Payee(keys.views.address(2), 50)], await hot.payment())
        with pytest.raises(ConfigError, match="view-only"):
            hot.sign(planned.plan)
        signed = codec.dump_built(cold.sign(codec.load_plan(codec.dump_plan(planned.plan))))
        built = codec.load_built(signed)
        hot.remember(built)
        await chain.jsc.transact(built.transaction, "cold")
        await hot.sync()
        await cold.sync()
        assert (await hot.balance()).total == 1000 + 100, "without key images nothing is known to be spent"
        hot.wallet.import_key_images(cold.wallet.key_images())
        assert await hot.balance() == await cold.balance()


async def test_payments_and_reserves_can_be_shown(chain_state: Devnet, rich: Account, tmp_path: Path) -> None:
    async with opened(chain_state, rich) as chain:
        alice = await new_wallet(chain, tmp_path / "alice")
        bob = await new_wallet(chain, tmp_path / "bob")
        await fund(chain, alice, [400, 300, 200, 100])
        to = bob.wallet.views.address(1)
        await pay(chain, alice, [Payee(to, 250)])
        await alice.sync()
        await bob.sync()
        (sent,) = [sent for sent in alice.wallet.book.sent if sent.address == to]
        assert check_payment(bob.wallet.pool, payment_proof(alice.wallet.pool, sent)) == (to, 250)
        proof = reserve_proof(bob.wallet, 200, "for the auditor")
        shown = check_reserve(alice.wallet.pool, proof, "for the auditor")
        assert (shown.unspent, shown.spent) == (250, 0)
        with pytest.raises(Exception, match="does not hold"):
            check_reserve(alice.wallet.pool, proof, "for somebody else")
        # The outgoing view key shows the payment again, to a wallet restored from the seed.
        event = alice.wallet.pool.events[-1]
        recovered = {payment.address: payment.amount for _, payment in alice.wallet.scanner.sent(event)}
        assert recovered[to] == 250
        assert not bob.wallet.scanner.sent(event)


async def test_a_payment_falls_back_from_relayer_to_relayer(
    chain_state: Devnet, rich: Account, worker: Account, tmp_path: Path
) -> None:
    """The first is gone, the second does not get its fee, the third relays: its account pays the gas and gets
    the fee."""
    net, clock = FakeNet(), FakeClock()
    async with opened(chain_state, rich) as chain, opened(chain_state, worker) as workers_chain:
        alice = await new_wallet(chain, tmp_path / "alice")
        await fund(chain, alice, [400, 300, 200, 100])
        pool = chain.deployment.addresses["JSC"]
        relays = Relays(FakeBus(net, "wallet"), clock, chain.chain_id, pool)
        offer = RelayOffer(chain.chain_id, pool, worker.address, 9)
        real = SystemClock()
        honest = Relayer(FakeBus(net, "honest"), real, workers_chain.jsc, offer)
        greedy = Relayer(FakeBus(net, "greedy"), real, workers_chain.jsc, replace(offer, fee=90))

        def route(peer: str, fee: int) -> Route:
            def submit(transaction: Transaction) -> Awaitable[bytes]:
                return relays.relay(peer, codec.dump_transaction(transaction))

            return Route(peer, submit, worker.address, fee)

        async with open_background(honest.run), open_background(greedy.run):
            await trio.sleep(0.1)
            payment = await alice.payment(fee=5, relayer=worker.address)
            planned = await alice.plan([Payee(alice.wallet.views.address(1), 350)], payment)
            assert not any("no relayer" in warning for warning in planned.warnings)
            before = await chain.token.balance(worker.address)
            went = await send(alice, planned.plan, [route("gone", 5), route("greedy", 7), route("honest", 9)])
        assert went.route.name == "honest"
        assert [failure.partition(":")[0] for failure in went.failures] == ["gone", "greedy"]
        assert await chain.token.balance(worker.address) - before == 9 * JSC_UNIT
        await alice.sync()
        assert (await alice.balance()).total == 1000 - 9
        receipt = await chain.receipt(went.tx_hash)
        assert receipt is not None
        assert receipt.ok
