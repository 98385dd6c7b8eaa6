"""Each client against the deployed contracts."""

import time
from dataclasses import replace

import pytest

from p2pnode.chain import ChainClient, MemoryTxLog, open_chain, open_chain_reader
from p2pnode.chain.settlement import Slice
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.protocol.eip712 import Domain, digest, sign
from p2pnode.protocol.journal import Journal
from p2pnode.protocol.messages import Award, Bid, Offer, Result, Signed
from tests.chain.conftest import ETHER, Devnet

PEER = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
DIGEST = bytes(range(32))


def award(requester: bytes, worker: bytes) -> Signed[Award]:
    deadline = int(time.time()) + 600
    terms = Award(DIGEST, DIGEST, requester, worker, DIGEST, DIGEST, 10, 1, deadline, deadline, 7)
    return Signed(terms, bytes(64) + b"\x1b")


async def fund(chain: ChainClient, to: Account) -> None:
    await chain.token.transfer(to.address, 100 * ETHER, f"fund/{to.address.hex()}")


async def test_what_the_port_asks_of_an_empty_chain(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, rich, ledger) as chain:
        assert chain.chain_id == 31337
        assert chain.account == rich.address
        assert len(chain.settlement_address) == len(chain.token_address) == 20
        assert await chain.listing(DIGEST) is None
        assert await chain.node(rich.address) is None
        assert await chain.free_escrow(rich.address) == 0
        assert not await chain.is_nonce_used(rich.address, 2**255 + 1)
        assert await chain.token.balance(rich.address) == 10**27


async def test_a_worker_registers_stakes_and_leaves(
    chain_state: Devnet, rich: Account, worker: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, rich, ledger) as chain:
        await fund(chain, worker)
    async with open_chain(chain_state.config, worker, ledger) as chain:
        with pytest.raises(ChainError, match=r"StakeTooLow\(stake=1, minimum=1000000000000000000\)"):
            await chain.nodes.register(PEER, 4, 1, "too-low")
        await chain.nodes.register(PEER, 4, 2 * ETHER, "register")
        node = await chain.node(worker.address)
        assert node is not None
        assert (node.peer_id, node.stake, node.capacity) == (PEER, 2 * ETHER, 4)
        assert (node.active, node.settled, node.missed) == (True, 0, 0)
        with pytest.raises(ChainError, match="AlreadyRegistered"):
            await chain.nodes.register(PEER, 4, 2 * ETHER, "again")
        await chain.nodes.add_stake(ETHER, "more")
        await chain.nodes.set_capacity(9, "capacity")
        await chain.nodes.deactivate("leave")
        node = await chain.node(worker.address)
        assert node is not None
        assert (node.stake, node.capacity, node.active) == (3 * ETHER, 9, False)
        with pytest.raises(ChainError, match="StillBonded"):
            await chain.nodes.withdraw("too-early")
        chain_state.rpc("evm_increaseTime", 604_801)
        await chain.nodes.withdraw("out")
        assert await chain.node(worker.address) is None
        assert await chain.token.balance(worker.address) == 100 * ETHER


async def test_a_peer_id_that_is_none_is_refused(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, rich, ledger) as chain:
        with pytest.raises(ChainError, match="not base58"):
            await chain.nodes.register("0OIl", 1, ETHER, "bad")
        with pytest.raises(ChainError, match="InvalidPeerId"):
            await chain.nodes.register("2Uw1", 1, ETHER, "short")


async def test_the_escrow_takes_gives_and_waits(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, rich, ledger) as chain:
        await chain.escrow.deposit(5 * ETHER, "in")
        assert await chain.free_escrow(rich.address) == 5 * ETHER
        await chain.escrow.request_withdrawal(2 * ETHER, "ask")
        assert await chain.free_escrow(rich.address) == 3 * ETHER
        amount, due = await chain.escrow.withdrawal(rich.address)
        assert amount == 2 * ETHER
        assert due > time.time()
        with pytest.raises(ChainError, match=r"WithdrawalNotDue\(availableAt=\d+\)"):
            await chain.escrow.withdraw("early")
        chain_state.rpc("evm_increaseTime", 172_801)
        await chain.escrow.withdraw("out")
        assert await chain.escrow.balance(rich.address) == 3 * ETHER
        with pytest.raises(
            ChainError, match=r"InsufficientBalance\(amount=\d+, balance=3000000000000000000\)"
        ):
            await chain.escrow.request_withdrawal(4 * ETHER, "too-much")


async def test_an_account_without_joy_is_told(
    chain_state: Devnet, worker: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, worker, ledger) as chain:
        with pytest.raises(ChainError, match=r"holds 0 JOY units and needs 5"):
            await chain.escrow.deposit(5, "in")


async def test_models_are_registered_priced_and_retired(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, rich, ledger) as chain:
        await chain.models.register(DIGEST, 500, '{"name":"digits"}', "register")
        listing = await chain.listing(DIGEST)
        assert listing is not None
        assert (listing.owner, listing.fee, listing.retired) == (rich.address, 500, False)
        assert listing.metadata == '{"name":"digits"}'
        await chain.models.set_price(DIGEST, 900, "raise")
        await chain.models.set_metadata(DIGEST, "{}", "metadata")
        await chain.models.retire(DIGEST, "retire")
        listing = await chain.listing(DIGEST)
        assert listing is not None
        # An increase is announced first: it is not due for days.
        assert (listing.fee, listing.metadata, listing.retired) == (500, "{}", True)
        assert [found.model_digest for found in await chain.models.listings()] == [DIGEST]
        with pytest.raises(ChainError, match=r"UnknownModel\(modelDigest=0x0{64}\)"):
            await chain.models.retire(bytes(32), "none")


async def test_a_seal_that_proves_nothing_is_refused_by_name(
    chain_state: Devnet, rich: Account, worker: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, worker, ledger) as chain:
        with pytest.raises(ChainError, match=r"settleBatch would fail: \w+\("):
            await chain.settle_batch([award(rich.address, worker.address)], [DIGEST], b"no proof", "settle")
        with pytest.raises(ChainError, match=r"LengthMismatch\(awards=1, signatures=1, outputDigests=0\)"):
            await chain.settle_batch([award(rich.address, worker.address)], [], b"", "settle-2")
        assert await ledger.find("settle") == []


async def test_slices_rescues_and_credits_reach_the_contract(
    chain_state: Devnet, rich: Account, worker: Account, ledger: MemoryTxLog
) -> None:
    signed = award(rich.address, worker.address)
    place = Slice(3, 0, (DIGEST, DIGEST))
    async with open_chain(chain_state.config, worker, ledger) as chain:
        settlement = chain.settlement
        with pytest.raises(ChainError, match=r"NotProven\(journalDigest=0x\w{64}\)"):
            await settlement.settle_slice([signed], [DIGEST], place, "slice")
        with pytest.raises(ChainError, match=r"InvalidSlice\(count=3, first=1, tasks=2, path=2\)"):
            await settlement.settle_slice([signed] * 2, [DIGEST] * 2, replace(place, first=1), "unaligned")
        with pytest.raises(ChainError, match="NoOpenReport"):
            await settlement.rescue(signed.message, DIGEST, worker.address, place, "rescue")
        with pytest.raises(ChainError, match=r"proveBatch would fail: \w+\("):
            await settlement.prove_batch(Journal(3, DIGEST), b"no proof", "prove")
        assert await settlement.credit(worker.address) == 0
        with pytest.raises(ChainError, match="ZeroAmount"):
            await settlement.withdraw_credit("credit")


async def test_the_contract_and_this_side_take_the_same_signatures(
    chain_state: Devnet, rich: Account, worker: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, worker, ledger) as chain:
        domain = Domain(chain.chain_id, chain.settlement_address)
        signed = sign(domain, award(rich.address, worker.address).message, rich.key)
        task_id = digest(domain, signed.message)
        assert await chain.settlement.is_signed_by(rich.address, task_id, signed.signature)
        assert not await chain.settlement.is_signed_by(worker.address, task_id, signed.signature)
        assert not await chain.settlement.is_signed_by(rich.address, DIGEST, signed.signature)


async def test_a_report_needs_papers_that_agree(
    chain_state: Devnet, rich: Account, worker: Account, ledger: MemoryTxLog
) -> None:
    late = int(time.time()) + 600
    signed = award(rich.address, worker.address)
    offer = Offer(rich.address, DIGEST, DIGEST, 1, 10, late, late, late, late, 0, bytes(20), 7)
    bid = Signed(Bid(DIGEST, worker.address, 10, late, late, late), signed.signature)
    async with open_chain(chain_state.config, rich, ledger) as chain:
        task_id = digest(Domain(chain.chain_id, chain.settlement_address), signed.message)
        with pytest.raises(ChainError, match=r"TermsMismatch\(term=0\)"):
            await chain.reports.missed(offer, bid, signed, b"input", "missed")
        with pytest.raises(ChainError, match="InvalidSignature"):
            await chain.reports.unproved(
                signed, Signed(Result(task_id, DIGEST), signed.signature), "unproved"
            )
        with pytest.raises(ChainError, match="NoOpenReport"):
            await chain.reports.close(signed.message, "close")
        assert await chain.reports.find(task_id) is None


async def test_an_address_alone_reads_and_does_not_send(chain_state: Devnet, rich: Account) -> None:
    async with open_chain_reader(chain_state.config, rich.address) as chain:
        assert await chain.token.balance(chain.account) == 10**27
        assert await chain.gas_balance(chain.account) > 0
        with pytest.raises(ChainError, match="reading only"):
            await chain.nodes.deactivate("x")


async def test_events_come_once_each_in_order(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, rich, ledger) as chain:
        first = await chain.block_number() + 1
        async with chain.events(first) as events:
            await chain.models.register(DIGEST, 5, "a", "one")
            await chain.models.set_metadata(DIGEST, "b", "two")
            seen = [await events.receive(), await events.receive()]
        assert [event.name for event in seen] == ["ModelRegistered", "MetadataChanged"]
        assert seen[0].arguments["modelDigest"] == DIGEST
        assert seen[0].arguments["owner"] == rich.address
        assert seen[1].arguments["metadata"] == "b"
