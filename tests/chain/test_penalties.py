"""What evidence cost an account, read from the chain's logs; also when blocks are replaced."""

from collections.abc import Sequence
from typing import Any

import pytest

from p2pnode.chain import Fault, MemoryTxLog, Penalty, open_chain
from p2pnode.chain.finality import FINAL_BLOCKS
from p2pnode.chain.rpc import Rpc
from p2pnode.identity import Account
from p2pnode.protocol.eip712 import Domain, digest, sign
from p2pnode.protocol.messages import Result
from tests.chain.conftest import ETHER, Devnet
from tests.chain.test_reports import open_as, papers, prepare


async def lie(devnet: Devnet, rich: Account, worker: Account, nonce: int) -> bytes:
    """Have the worker sign two results of one task, and show both; returns the task's ID."""
    async with open_as(devnet, rich) as chain:
        domain = Domain(chain.chain_id, chain.settlement_address)
        made = await papers(devnet, chain, rich, worker, nonce)
        task_id = digest(domain, made.award.message)
        one, two = (sign(domain, Result(task_id, bytes([n]) * 32), worker.key) for n in (1, 2))
        await chain.reports.two_results(made.award, one, two, f"lie {nonce}")
    return task_id


async def read(devnet: Devnet, account: Account) -> Sequence[Penalty]:
    async with open_as(devnet, account) as chain:
        return await chain.penalties.of(account.address)


async def test_a_worker_sees_what_it_lost_and_why(
    chain_state: Devnet, rich: Account, worker: Account
) -> None:
    await prepare(chain_state, rich, worker)
    assert await read(chain_state, worker) == []
    first = await lie(chain_state, rich, worker, 1)
    second = await lie(chain_state, rich, worker, 2)
    newest, oldest = await read(chain_state, worker)
    assert (newest.task_id, oldest.task_id) == (second, first)
    assert newest.fault is Fault.FALSE_RESULT
    assert (newest.amount, newest.burnt, newest.rescuer) == (ETHER, ETHER // 2, None)
    assert not newest.final
    block = chain_state.rpc("eth_getBlockByNumber", hex(newest.block), False)
    assert newest.at == int(block["timestamp"], 16)
    assert f"0x{newest.transaction.hex()}" in block["transactions"]
    assert await read(chain_state, rich) == [], "the requester lost nothing"


async def test_a_requester_sees_its_bond_go(chain_state: Devnet, rich: Account, worker: Account) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, rich) as chain:
        await chain.bonds.add(1000, "bond")
        # Ten awards of eleven each; the escrow holds a hundred.
        made = [(await papers(chain_state, chain, rich, worker, nonce)).award for nonce in range(10)]
        await chain.bonds.report_overcommitted(made, "over")
        (penalty,) = await chain.penalties.of(rich.address)
    assert (penalty.fault, penalty.amount, penalty.burnt) == (Fault.OVERCOMMITTED, 1000, 500)
    assert penalty.task_id is None


async def test_what_a_reorganisation_took_out_is_not_shown(
    chain_state: Devnet, rich: Account, worker: Account
) -> None:
    await prepare(chain_state, rich, worker)
    async with open_as(chain_state, worker) as chain:
        snapshot = chain_state.rpc("evm_snapshot")
        await lie(chain_state, rich, worker, 1)
        assert len(await chain.penalties.of(worker.address)) == 1
        chain_state.rpc("evm_revert", snapshot)
        assert await chain.penalties.of(worker.address) == []


async def test_what_is_final_is_read_once_and_a_reset_chain_anew(
    chain_state: Devnet, rich: Account, worker: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare(chain_state, rich, worker)
    snapshot = chain_state.rpc("evm_snapshot")
    await lie(chain_state, rich, worker, 1)
    chain_state.rpc("hardhat_mine", hex(FINAL_BLOCKS + 10))
    asked: list[int] = []
    logs = Rpc.logs

    async def note(rpc: Rpc, addresses: Any, first: int, last: int, topics: Any = ()) -> Any:
        asked.append(first)
        return await logs(rpc, addresses, first, last, topics)

    async with open_chain(chain_state.config, worker, MemoryTxLog()) as chain:
        monkeypatch.setattr(Rpc, "logs", note)
        (penalty,) = await chain.penalties.of(worker.address)
        assert penalty.final
        assert min(asked) == chain.deployment.block
        asked.clear()
        assert await chain.penalties.of(worker.address) == [penalty]
        assert min(asked) > penalty.block
        # Of another account nothing is known yet.
        assert await chain.penalties.of(rich.address) == []
        await chain.penalties.of(worker.address)
        chain_state.rpc("evm_revert", snapshot)
        assert await chain.penalties.of(worker.address) == []
