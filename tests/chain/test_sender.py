"""Nonces, resends, crashes: whatever happens, an intent pays once."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from p2pnode.chain import MemoryTxLog, TxReceipt, open_chain
from p2pnode.chain.call import Call
from p2pnode.chain.contract import Contract
from p2pnode.chain.rpc import open_rpc
from p2pnode.chain.sender import Sender
from p2pnode.errors import ChainError, ConfigError
from p2pnode.identity import Account
from p2pnode.ports import TxState
from tests.chain.conftest import KEYS, Devnet, edit_deployment, until

TO = b"\x77" * 20


class Crash(Exception):
    """Ends a run at a chosen point."""


class CrashingLog(MemoryTxLog):
    """Dies right after an intent is durable: the transaction is signed and may not have left."""

    def __init__(self) -> None:
        super().__init__()
        self.crashes = 1

    async def record_intent(self, key: str, nonce: int, raw: bytes, tx_hash: bytes) -> None:
        await super().record_intent(key, nonce, raw, tx_hash)
        if self.crashes:
            self.crashes -= 1
            raise Crash


def open_count(ledger: MemoryTxLog, wanted: int) -> Callable[[], Awaitable[bool]]:
    """Whether the ledger holds that many open transactions."""

    async def check() -> bool:
        return len(await ledger.transactions(TxState.OPEN)) >= wanted

    return check


async def test_ten_sends_at_once_take_ten_nonces(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    receipts: list[TxReceipt] = []
    async with open_chain(chain_state.config, rich, ledger) as chain:
        before = await chain.token.balance(TO)

        async def pay(index: int) -> None:
            receipts.append(await chain.token.transfer(TO, 10 + index, f"pay/{index}"))

        async with trio.open_nursery() as nursery:
            for index in range(10):
                nursery.start_soon(pay, index)
        assert await chain.token.balance(TO) - before == sum(range(10, 20))
    assert len({receipt.tx_hash for receipt in receipts}) == 10


async def test_the_same_key_at_once_pays_once(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    hashes = set()
    async with open_chain(chain_state.config, rich, ledger) as chain:

        async def pay() -> None:
            hashes.add((await chain.token.transfer(TO, 5, "pay")).tx_hash)

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(pay)
        assert await chain.token.balance(TO) == 5
    assert len(hashes) == 1


async def test_a_repeat_after_a_restart_finds_what_was_sent(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    async with open_chain(chain_state.config, rich, ledger) as chain:
        first = await chain.token.transfer(TO, 5, "pay")
    async with open_chain(chain_state.config, rich, ledger) as chain:
        assert await chain.token.transfer(TO, 5, "pay") == first
        assert await chain.token.balance(TO) == 5


async def test_a_crash_before_the_send_is_made_good(chain_state: Devnet, rich: Account) -> None:
    ledger = CrashingLog()
    with pytest.raises(Crash):
        async with open_chain(chain_state.config, rich, ledger) as chain:
            await chain.token.transfer(TO, 5, "pay")
    async with open_chain(chain_state.config, rich, ledger) as chain:
        # Opening has already sent it, so another key takes the nonce after.
        await chain.token.transfer(TO, 7, "other")
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 12
    assert not await ledger.transactions(TxState.OPEN)


async def test_a_cancelled_wait_goes_on_after_a_restart(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    chain_state.rpc("evm_setAutomine", False)
    async with open_chain(chain_state.config, rich, ledger) as chain:
        with trio.move_on_after(1) as scope:
            await chain.token.transfer(TO, 5, "pay")
        assert scope.cancelled_caught
        assert len(await ledger.transactions(TxState.OPEN)) == 1
    chain_state.rpc("evm_setAutomine", True)
    async with open_chain(chain_state.config, rich, ledger) as chain:
        chain_state.rpc("evm_mine")
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 5


async def test_a_stuck_transaction_is_sent_again_with_more_fee(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    chain_state.rpc("evm_setAutomine", False)
    async with open_chain(chain_state.slow(resend_seconds=0.2), rich, ledger) as chain:
        paid: list[TxReceipt] = []

        async def pay() -> None:
            paid.append(await chain.token.transfer(TO, 5, "pay"))

        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pay)
                await until(open_count(ledger, 2))
                chain_state.rpc("evm_mine")
        assert await chain.token.balance(TO) == 5
    attempts = await ledger.find(f"31337/{rich.address.hex()}/pay")
    assert len({sent.nonce for sent in attempts}) == 1
    assert [sent.state for sent in attempts].count(TxState.MINED) == 1
    assert all(sent.state in (TxState.MINED, TxState.DROPPED) for sent in attempts)
    mined = next(sent for sent in attempts if sent.state is TxState.MINED)
    assert paid[0].tx_hash == mined.tx_hash


async def test_a_nonce_used_by_another_program_is_noticed(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    chain_state.rpc("evm_setAutomine", False)
    async with open_chain(chain_state.config, rich, ledger) as chain:
        with trio.move_on_after(1):
            await chain.token.transfer(TO, 5, "pay")
    (sent,) = await ledger.transactions(TxState.OPEN)
    chain_state.rpc("hardhat_dropTransaction", "0x" + sent.tx_hash.hex())
    address = rich.checksum_address
    chain_state.rpc("eth_sendTransaction", {"from": address, "to": address, "nonce": hex(sent.nonce)})
    chain_state.rpc("evm_setAutomine", True)
    chain_state.rpc("evm_mine")
    async with open_chain(chain_state.config, rich, ledger) as chain:
        with pytest.raises(ChainError, match="used by another transaction"):
            await chain.token.transfer(TO, 5, "pay")
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 5


async def test_a_revert_on_chain_is_told_by_name_and_not_paid_for_twice(
    chain_state: Devnet, rich: Account, worker: Account, ledger: MemoryTxLog
) -> None:
    digest = b"\x05" * 32
    chain_state.rpc("evm_setAutomine", False)
    async with (
        open_chain(chain_state.config, worker, MemoryTxLog()) as other,
        open_chain(chain_state.config, rich, ledger) as chain,
    ):
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                # Each would succeed alone, so both pass the estimate.
                nursery.start_soon(other.models.register, digest, 1, "", "theirs")
                failures: list[str] = []

                async def register() -> None:
                    try:
                        await chain.models.register(digest, 1, "", "mine")
                    except ChainError as error:
                        failures.append(str(error))

                nursery.start_soon(register)
                await until(open_count(ledger, 1))
                (sent,) = await ledger.transactions(TxState.OPEN)

                async def both_pending() -> bool:
                    return int(chain_state.rpc("eth_getBlockTransactionCountByNumber", "pending"), 16) == 2

                await until(both_pending)
                # Held back, mine comes one block after theirs.
                chain_state.rpc("hardhat_dropTransaction", "0x" + sent.tx_hash.hex())
                chain_state.rpc("evm_mine")
                chain_state.rpc("eth_sendRawTransaction", "0x" + sent.raw.hex())
                chain_state.rpc("evm_mine")
        assert len(failures) == 1
        assert "AlreadyRegistered(" in failures[0]
        assert "failed in block" in failures[0]
        # A repeat may try again, but does not pay gas for what would fail again.
        with pytest.raises(ChainError, match=r"would fail: AlreadyRegistered\("):
            await chain.models.register(digest, 1, "", "mine")
    (sent,) = await ledger.find(f"31337/{rich.address.hex()}/mine")
    assert sent.state is TxState.REVERTED


async def test_confirmations_are_waited_for(chain_state: Devnet, rich: Account, ledger: MemoryTxLog) -> None:
    async with open_chain(chain_state.slow(confirmations=3), rich, ledger) as chain:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(chain.token.transfer, TO, 5, "pay")

                async def mined() -> bool:
                    return await chain.token.balance(TO) != 0

                await until(mined)
                (sent,) = await ledger.find(f"31337/{rich.address.hex()}/pay")
                assert sent.state is TxState.OPEN
                chain_state.rpc("hardhat_mine", "0x2")
        (sent,) = await ledger.find(f"31337/{rich.address.hex()}/pay")
        assert sent.state is TxState.MINED


async def test_an_account_without_gas_money_is_told(chain_state: Devnet, ledger: MemoryTxLog) -> None:
    poor = Account(b"\x01" * 32)
    async with open_chain(chain_state.config, poor, ledger) as chain:
        with pytest.raises(ChainError, match=r"(?i)funds"):
            await chain.models.register(b"\x06" * 32, 1, "", "register")
    assert not await ledger.transactions(TxState.OPEN)


async def test_a_fee_above_the_limit_is_refused(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    chain_state.rpc("hardhat_setNextBlockBaseFeePerGas", hex(20 * 10**9))
    chain_state.rpc("evm_mine")
    async with open_chain(chain_state.slow(max_fee_gwei=2), rich, ledger) as chain:
        with pytest.raises(ChainError, match=r"chain\.max_fee_gwei = 2"):
            await chain.token.transfer(TO, 5, "pay")
    assert not await ledger.transactions(TxState.OPEN)


async def test_a_call_above_the_gas_cap_is_not_sent(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    # PUSH3 (JUMPDEST PUSH0 JUMP) PUSH0 MSTORE PUSH1 3 PUSH1 29 RETURN: a contract that loops for ever.
    tx_hash = chain_state.rpc(
        "eth_sendTransaction", {"from": rich.checksum_address, "data": "0x625b5f565f526003601df3"}
    )
    address = chain_state.rpc("eth_getTransactionReceipt", tx_hash)["contractAddress"]
    async with open_rpc([chain_state.url], 30) as rpc:
        loop = Contract(rpc, "JoyToken", bytes.fromhex(address[2:]))
        sender = Sender(rpc, 31337, rich, ledger, chain_state.config)
        with pytest.raises(ChainError, match=r"16,777,216 gas, the cap of one transaction \(EIP-7825\)"):
            await sender.send(Call(loop, "transfer", (TO, 1)), "loop")
    assert not await ledger.transactions(TxState.OPEN)


async def test_the_wrong_chain_is_refused(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog, tmp_path: Path
) -> None:
    other = edit_deployment(chain_state.deployment, tmp_path / "d.json", chainId=1)
    with pytest.raises(ChainError, match=r"is chain 31337, but chain\.deployment is for chain 1"):
        async with open_chain(chain_state.slow(deployment=other), rich, ledger):
            pass
    other = edit_deployment(chain_state.deployment, tmp_path / "e.json", imageId="0x" + "22" * 32)
    with pytest.raises(ChainError, match="imageId"):
        async with open_chain(chain_state.slow(deployment=other), rich, ledger):
            pass


async def test_a_missing_contract_is_named(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog, tmp_path: Path
) -> None:
    addresses = json.loads(chain_state.deployment.read_text())["addresses"]
    moved = {**addresses, "JoyToken": "0x" + "99" * 20}
    other = edit_deployment(chain_state.deployment, tmp_path / "d.json", addresses=moved)
    with pytest.raises(ChainError, match=r"no contract at 0x(99){20} \(JoyToken\)"):
        async with open_chain(chain_state.slow(deployment=other), rich, ledger):
            pass
    bad = edit_deployment(chain_state.deployment, tmp_path / "e.json", addresses=[])
    with pytest.raises(ConfigError, match="addresses"):
        async with open_chain(chain_state.slow(deployment=bad), rich, ledger):
            pass


async def test_an_unreachable_chain_is_told(devnet: Devnet, ledger: MemoryTxLog) -> None:
    config = devnet.slow(rpc_url="http://127.0.0.1:1")
    with pytest.raises(ChainError, match="check that the node runs"):
        async with open_chain(config, Account.from_hex(KEYS[2]), ledger):
            pass
