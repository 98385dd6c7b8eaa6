"""Bonds, reports and their evidence against the deployed contracts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from p2pnode.chain import ChainClient, MemoryTxLog, open_chain
from p2pnode.chain.finality import FINAL_BLOCKS
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.ports import Papers, Proof
from p2pnode.protocol.eip712 import Domain, digest, sign
from p2pnode.protocol.journal import Journal
from p2pnode.protocol.messages import Award, Bid, Offer, Result, Signed
from p2pnode.protocol.tensors import tensors_digest
from tests.chain.conftest import ETHER, Devnet

PEER = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
MODEL = b"\x4d" * 32
TENSORS = b"what stands for encoded tensors"
DAY = 24 * 3600
PRICE, FEE = 10, 1


async def prepare(devnet: Devnet, rich: Account, worker: Account) -> None:
    """A model, a worker with a node, and escrow for a few tasks."""
    async with open_chain(devnet.config, rich, MemoryTxLog()) as chain:
        await chain.models.register(MODEL, FEE, "{}", "model")
        await chain.escrow.deposit(100, "escrow")
        await chain.token.transfer(worker.address, 10 * ETHER, "fund")
    async with open_chain(devnet.config, worker, MemoryTxLog()) as chain:
        await chain.nodes.register(PEER, 4, 5 * ETHER, "node")


async def papers(devnet: Devnet, chain: ChainClient, rich: Account, worker: Account, nonce: int) -> Papers:
    """Offer, bid and award that agree, made now and due in ten minutes."""
    domain = Domain(chain.chain_id, chain.settlement_address)
    now = int(devnet.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    offer = Offer(
        requester=rich.address,
        model_digest=MODEL,
        input_digest=tensors_digest(TENSORS),
        price_min=PRICE - 5,
        price_max=PRICE + 5,
        ramp_start=now,
        ramp_end=now + 10,
        result_deadline=now + 300,
        settle_deadline=now + 600,
        min_stake=ETHER,
        pay_token=chain.token_address,
        nonce=nonce,
    )
    bid = Bid(digest(domain, offer), worker.address, PRICE, now + 5, now + 300, now + 60)
    award = Award(
        offer_hash=bid.offer_hash,
        bid_hash=digest(domain, bid),
        requester=offer.requester,
        worker=bid.worker,
        model_digest=offer.model_digest,
        input_digest=offer.input_digest,
        price=bid.price,
        model_fee=FEE,
        result_deadline=offer.result_deadline,
        settle_deadline=offer.settle_deadline,
        nonce=offer.nonce,
    )
    return Papers(offer, sign(domain, bid, worker.key), sign(domain, award, rich.key), TENSORS)


@asynccontextmanager
async def open_as(devnet: Devnet, account: Account) -> AsyncIterator[ChainClient]:
    async with open_chain(devnet.config, account, MemoryTxLog()) as chain:
        yield chain


def pass_time(devnet: Devnet, seconds: int) -> None:
    devnet.rpc("evm_increaseTime", seconds)
    devnet.rpc("evm_mine")


async def test_a_worker_reads_from_the_chain_what_it_missed(
    chain_state: Devnet, rich: Account, worker: Account
) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        made = await papers(chain_state, chain, rich, worker, 1)
        pass_time(chain_state, 700)
        await chain.reports.missed(made.offer, made.bid, made.award, TENSORS, "missed")
        assert await chain.free_escrow(rich.address) == 100 - PRICE - FEE
        assert await chain.reported_awards() == [], "the worker's, not the requester's"
    async with open_as(chain_state, worker) as chain:
        [report] = await chain.reported_awards()
        task_id = digest(Domain(chain.chain_id, chain.settlement_address), made.award.message)
        assert report.task_id == task_id
        assert report.papers == made
        with pytest.raises(ChainError, match="StillAnswerable"):
            await chain.close_report(made.award.message, "too-early")
        pass_time(chain_state, DAY + 1)
        assert await chain.reported_awards() == [], "too late to answer"
        pass_time(chain_state, DAY)
        await chain.close_report(made.award.message, "close")
        node = await chain.node(worker.address)
        assert node is not None
        assert (node.stake, node.missed) == (5 * ETHER, 1), "nobody showed that it could be run"
        assert await chain.free_escrow(rich.address) == 100
        await chain.close_report(made.award.message, "again")


async def test_others_find_what_was_missed_and_what_it_would_bring(
    chain_state: Devnet, rich: Account, worker: Account
) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        domain = Domain(chain.chain_id, chain.settlement_address)
        answered = await papers(chain_state, chain, rich, worker, 1)
        made = await papers(chain_state, chain, rich, worker, 2)
        task_id = digest(domain, made.award.message)
        pass_time(chain_state, 700)
        answer = sign(domain, Result(digest(domain, answered.award.message), b"\x01" * 32), worker.key)
        await chain.report_unproved(answered.award, answer, "unproved")
        closable = await chain.report_missed(made, "missed")
        assert await chain.report_missed(made, "missed again") == closable
        assert await chain.rescuable_awards() == [], "its own worker may still settle it"
        pass_time(chain_state, DAY + 1)
        [found] = await chain.rescuable_awards()
        assert (found.task_id, found.requester, found.worker) == (task_id, rich.address, worker.address)
        assert found.rescue_until == found.answer_until + DAY == closable - 1
        assert await chain.report_papers(found) == made
        assert await chain.rescue_reward(found) == ETHER // 4
        assert await chain.is_report_open(task_id)
        assert await chain.find_rescue(task_id, 0) is None
        # Another transaction hands nothing over, whatever an endpoint makes of it.
        other = chain_state.rpc("eth_getBlockByNumber", "0x1", False)["transactions"][0]
        assert await chain.report_papers(replace(found, transaction=bytes.fromhex(other[2:]))) is None
        proof = Proof(bytes(32), Journal(1, bytes(32)).encode(), b"no proof", (b"",))
        with pytest.raises(ChainError, match="proveBatch would fail"):
            await chain.rescue(made.award.message, bytes(32), proof, "rescue", credit=False)
        pass_time(chain_state, DAY)
        assert await chain.rescuable_awards() == [], "its window is over"


async def test_reports_are_final_once_and_read_anew_from_a_chain_that_is_reset(
    chain_state: Devnet, rich: Account, worker: Account
) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        made = await papers(chain_state, chain, rich, worker, 1)
        pass_time(chain_state, 700)
        snapshot = chain_state.rpc("evm_snapshot")
        await chain.report_missed(made, "missed")
        pass_time(chain_state, DAY + 1)
        [found] = await chain.rescuable_awards()
        chain_state.rpc("hardhat_mine", hex(FINAL_BLOCKS + 10))
        assert await chain.rescuable_awards() == [found]
        assert await chain.rescuable_awards() == [found], "from memory"
        chain_state.rpc("evm_revert", snapshot)
        assert await chain.rescuable_awards() == []


async def test_a_worker_that_answered_and_never_settled_loses_stake(
    chain_state: Devnet, rich: Account, worker: Account
) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        domain = Domain(chain.chain_id, chain.settlement_address)
        made = await papers(chain_state, chain, rich, worker, 2)
        answer = sign(domain, Result(digest(domain, made.award.message), b"\x01" * 32), worker.key)
        with pytest.raises(ChainError, match="NotYetMissed"):
            await chain.report_unproved(made.award, answer, "early")
        pass_time(chain_state, 700)
        closable = await chain.report_unproved(made.award, answer, "report")
        assert await chain.report_unproved(made.award, answer, "report again") == closable
        async with open_as(chain_state, worker) as other:
            [report] = await other.reported_awards()
            assert report.papers is None
            assert report.answer_until == closable - DAY - 1
        pass_time(chain_state, 2 * DAY + 1)
        before = await chain.token.balance(rich.address)
        await chain.close_report(made.award.message, "close")
        assert await chain.token.balance(rich.address) == before + ETHER // 2
        node = await chain.node(worker.address)
        assert node is not None
        assert node.stake == 4 * ETHER


async def test_a_worker_that_was_reported_on_its_bid_loses_stake_for_its_result(
    chain_state: Devnet, rich: Account, worker: Account
) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        domain = Domain(chain.chain_id, chain.settlement_address)
        made = await papers(chain_state, chain, rich, worker, 6)
        answer = sign(domain, Result(digest(domain, made.award.message), b"\x01" * 32), worker.key)
        pass_time(chain_state, 700)
        await chain.reports.missed(made.offer, made.bid, made.award, TENSORS, "perhaps by the worker")
        await chain.report_unproved(made.award, answer, "report")
        assert await chain.free_escrow(rich.address) == 100 - PRICE - FEE, "set aside once"
        async with open_as(chain_state, worker) as other:
            [report] = await other.reported_awards()
            assert report.papers == made
        pass_time(chain_state, 2 * DAY + 1)
        await chain.close_report(made.award.message, "close")
        node = await chain.node(worker.address)
        assert node is not None
        assert node.stake == 4 * ETHER


async def test_two_results_cost_stake(chain_state: Devnet, rich: Account, worker: Account) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        domain = Domain(chain.chain_id, chain.settlement_address)
        made = await papers(chain_state, chain, rich, worker, 3)
        task_id = digest(domain, made.award.message)
        one, two = (sign(domain, Result(task_id, bytes([n]) * 32), worker.key) for n in (1, 2))
        await chain.reports.two_results(made.award, one, two, "lie")
        node = await chain.node(worker.address)
        assert node is not None
        assert node.stake == 4 * ETHER
        with pytest.raises(ChainError, match=r"AlreadyPunished\(taskId=0x\w+, fault=1\)"):
            await chain.reports.two_results(made.award, two, one, "twice")


async def test_a_node_whose_stake_is_lost_takes_no_work(
    chain_state: Devnet, rich: Account, worker: Account
) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        domain = Domain(chain.chain_id, chain.settlement_address)
        for nonce in range(5):
            node = await chain.node(worker.address)
            assert node is not None
            assert node.active
            made = await papers(chain_state, chain, rich, worker, nonce)
            task_id = digest(domain, made.award.message)
            one, two = (sign(domain, Result(task_id, bytes([n]) * 32), worker.key) for n in (1, 2))
            await chain.reports.two_results(made.award, one, two, f"lie {nonce}")
        node = await chain.node(worker.address)
        assert node is not None
        assert (node.stake, node.active) == (0, False)


async def test_a_bond_is_put_in_seen_and_lost(chain_state: Devnet, rich: Account, worker: Account) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        await chain.bonds.add(1000, "bond")
        assert await chain.bond(rich.address) == 1000
        await chain.bonds.unbond("out")
        assert await chain.bond(rich.address) == 0, "a worker does not count on it"
        await chain.bonds.rebond("in")
        with pytest.raises(ChainError, match="NotUnbonding"):
            await chain.bonds.withdraw("withdraw")
        made: list[Signed[Award]] = []
        for nonce in (9, 7, 8):
            made.append((await papers(chain_state, chain, rich, worker, nonce)).award)
        with pytest.raises(ChainError, match=r"Covered\(promised=33, escrow=100\)"):
            await chain.bonds.report_overcommitted(made, "covered")
        for nonce in range(20, 27):
            made.append((await papers(chain_state, chain, rich, worker, nonce)).award)
        await chain.bonds.report_overcommitted(made, "over")
        assert await chain.bond(rich.address) == 0
        assert await chain.token.balance(worker.address) == 5 * ETHER + 500
