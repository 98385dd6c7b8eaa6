"""A worker whose `worker.payout` is a JSC address: its credit becomes notes that only that wallet sees."""

from collections.abc import Sequence
from typing import Any

import pytest
import trio
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from p2pnode.amounts import JSC_UNIT
from p2pnode.background import open_background
from p2pnode.chain import ChainClient
from p2pnode.chain.contract import Contract
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.payout import PrivatePayout
from tests.chain.conftest import Devnet
from tests.chain.jsc_fixtures import OWNER, PoolUnderTest, open_pool

ADDRESS = OWNER.views.address(7)


async def give_credit(pool: PoolUnderTest, devnet: Devnet, amount: int) -> None:
    """Credit of the account, backed by JOY, as a batch that settled to credit leaves it.

    Written to the contract's storage, since a batch needs a proof.
    """
    chain = pool.chain
    contract = Contract(pool.rpc, "ProofOfInference", chain.settlement_address)
    had = await chain.settlement.credit(chain.account)
    await chain.token.transfer(chain.settlement_address, amount, f"credit/{had}/{amount}")
    mapped = [keccak(encode(["address", "uint256"], [chain.account, place])) for place in range(64)]
    single = [place.to_bytes(32, "big") for place in range(64)]
    await write(devnet, contract, mapped, ("creditOf", chain.account), had + amount)
    await write(devnet, contract, single, ("totalCredits",), had + amount)


async def write(
    devnet: Devnet, contract: Contract, slots: Sequence[bytes], read: tuple[Any, ...], value: int
) -> None:
    """Set what `read` gives to `value`, in the one of `slots` that changes it."""
    target = "0x" + contract.address.hex()
    for slot in slots:
        place = "0x" + slot.hex()
        before = devnet.rpc("eth_getStorageAt", target, place, "latest")
        devnet.rpc("hardhat_setStorageAt", target, f"0x{int(slot.hex(), 16):x}", f"0x{value:064x}")
        if await contract.read(*read) == value:
            return
        devnet.rpc("hardhat_setStorageAt", target, f"0x{int(slot.hex(), 16):x}", before)
    pytest.fail(f"no slot holds {read[0]}")


async def outstanding(chain: ChainClient) -> int:
    return await chain.jsc.outstanding()


async def until_outstanding(chain: ChainClient, units: int) -> None:
    for _ in range(600):
        if await outstanding(chain) == units:
            return
        await trio.sleep(0.1)
    pytest.fail(f"the bridge holds {await outstanding(chain)} units, not {units}")


@pytest.mark.parametrize("settled", ["settlement.confirmed", "session.settled"])
async def test_credit_becomes_a_note_after_each_settlement(
    chain_state: Devnet, rich: Account, settled: str
) -> None:
    async with open_pool(chain_state, rich, []) as pool:
        payout = PrivatePayout(pool.chain, ADDRESS)
        await give_credit(pool, chain_state, 5 * JSC_UNIT + 1)
        async with open_background(payout.run):
            await until_outstanding(pool.chain, 5)
            assert await pool.chain.settlement.credit(pool.chain.account) == 1
            await give_credit(pool, chain_state, 3 * JSC_UNIT)
            payout.follow("task.progress", {})
            await trio.sleep(1)
            assert await outstanding(pool.chain) == 5
            payout.follow(settled, {})
            await until_outstanding(pool.chain, 8)
        await pool.sync()
        received = [note.received for note in pool.wallet.notes]
        assert [(one.amount, one.subaddress) for one in received] == [(5, 7), (3, 7)]


async def test_a_refused_payout_leaves_the_credit(chain_state: Devnet, rich: Account) -> None:
    async with open_pool(chain_state, rich, []) as pool:
        payout = PrivatePayout(pool.chain, ADDRESS)
        assert await payout.pay() == 0
        cap = int(await pool.bridge.read("cap"))
        await give_credit(pool, chain_state, (cap + 1) * JSC_UNIT)
        with pytest.raises(ChainError, match="CapExceeded"):
            await payout.pay()
        assert await pool.chain.settlement.credit(pool.chain.account) == (cap + 1) * JSC_UNIT
        assert await outstanding(pool.chain) == 0
