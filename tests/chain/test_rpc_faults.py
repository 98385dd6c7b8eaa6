"""Endpoints that fail, lag and lie, in front of a real chain: every payment arrives, and arrives once."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio

from p2pnode.chain import ChainClient, MemoryTxLog, open_chain
from p2pnode.chain.endpoints import MOST_BEHIND
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.ports import TxState
from tests.chain.conftest import Devnet, until
from tests.chain.fault_proxy import Error, Fault, Lost, Proxy, Refused, Silent, Status, Told, open_proxy
from tests.reliability import record

TO = b"\x78" * 20
SEND = "eth_sendRawTransaction"


def always(fault: Exception, *methods: str) -> Fault:
    """Breaks each call of `methods`, or of all."""

    def broken(method: str) -> None:
        if not methods or method in methods:
            raise fault

    return broken


def once(fault: Exception, *methods: str) -> Fault:
    """Breaks the first call of `methods`."""
    left = [fault]

    def broken(method: str) -> None:
        if method in methods and left:
            raise left.pop()

    return broken


@asynccontextmanager
async def proxied(
    devnet: Devnet, account: Account, ledger: MemoryTxLog, *faults: Fault, timeout: float = 2.0
) -> AsyncIterator[tuple[ChainClient, list[Proxy]]]:
    """The chain behind one proxy for each fault, in this order of preference."""
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(open_proxy(devnet.url)) for _ in faults]
        for proxy, fault in zip(proxies, faults, strict=True):
            proxy.fault = fault
        urls = [proxy.url for proxy in proxies]
        config = devnet.slow(rpc_url=urls[0], rpc_backups=tuple(urls[1:]), timeout_seconds=timeout)
        with trio.fail_after(60):
            async with open_chain(config, account, ledger) as chain:
                yield chain, proxies


def well(method: str) -> None:
    """Lets everything pass."""


@pytest.mark.parametrize(
    "fault",
    [Refused(), Status("503 Service Unavailable"), Status("429 Too Many Requests"), Status("404 Not Found")],
    ids=["refused", "503", "429", "404"],
)
async def test_a_backup_steps_in(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog, fault: Exception
) -> None:
    async with proxied(chain_state, rich, ledger, always(fault), well) as (chain, proxies):
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 5
        # A broken endpoint rests instead of being asked before every call.
        assert len(proxies[0].asked) < 4


async def test_an_endpoint_that_falls_silent_is_left(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    async with proxied(chain_state, rich, ledger, well, well, timeout=0.5) as (chain, proxies):
        proxies[0].fault = always(Silent())
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 5


async def test_a_limited_endpoint_is_given_the_time_it_asks_for(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    limited = once(Status("429 Too Many Requests", "Retry-After: 1\r\n"), SEND)
    async with proxied(chain_state, rich, ledger, limited) as (chain, proxies):
        started = trio.current_time()
        await chain.token.transfer(TO, 5, "pay")
        assert trio.current_time() - started >= 1
        assert proxies[0].asked.count(SEND) == 2


@pytest.mark.parametrize(
    "fault",
    [Lost(), Silent(), Error("nonce too low"), Error("already known"), Error("internal error: timeout")],
    ids=["lost", "silent", "nonce too low", "already known", "internal"],
)
async def test_a_transaction_whose_answer_is_lost_is_paid_once(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog, fault: Exception
) -> None:
    async with proxied(chain_state, rich, ledger, once(fault, SEND), timeout=1) as (chain, _):
        receipt = await chain.token.transfer(TO, 5, "pay")
        assert (await chain.token.transfer(TO, 5, "pay")).tx_hash == receipt.tx_hash
        assert await chain.token.balance(TO) == 5


async def test_nonce_too_low_before_the_receipt_is_there_is_paid_once(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    """The first answer is lost, the retry says "nonce too low", and the receipt takes three looks."""
    late = [Told(lambda receipt: None)] * 3

    def fault(method: str) -> None:
        first(method)
        if method == "eth_getTransactionReceipt" and late:
            raise late.pop()

    first = once(Lost(), SEND)
    async with proxied(chain_state, rich, ledger, fault) as (chain, _):
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 5
    assert len(await ledger.transactions(TxState.MINED)) == 1
    assert not await ledger.transactions(TxState.DROPPED)


async def test_an_endpoint_of_another_chain_is_left_out(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    other = always(Told(lambda chain_id: "0x1"), "eth_chainId")
    async with proxied(chain_state, rich, ledger, other, well) as (chain, proxies):
        await chain.token.transfer(TO, 5, "pay")
        assert proxies[0].asked == ["eth_chainId"]
    with pytest.raises(ChainError, match="another chain"):
        async with proxied(chain_state, rich, ledger, other, other):
            pass


async def test_an_endpoint_that_lags_is_left_out(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    stale = Told(lambda height: hex(max(int(height, 16) - MOST_BEHIND - 1, 0)))
    async with proxied(chain_state, rich, ledger, always(stale, "eth_blockNumber"), well) as (chain, proxies):
        await chain.token.transfer(TO, 5, "pay")
        assert SEND not in proxies[0].asked
        assert SEND in proxies[1].asked


async def test_a_liar_is_outvoted_and_two_that_differ_decide_nothing(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    lie = always(Told(lambda word: "0x" + "01".zfill(64)), "eth_call")
    async with proxied(chain_state, rich, ledger, well, well, well) as (chain, proxies):
        proxies[0].fault = lie
        assert not await chain.is_nonce_used(rich.address, 7)
        # The liar rests, so that other reads do not come from it either.
        assert await chain.token.balance(rich.address) > 1
    async with proxied(chain_state, rich, ledger, well, well) as (chain, proxies):
        proxies[1].fault = lie
        with pytest.raises(ChainError, match="contradict each other"):
            await chain.is_nonce_used(rich.address, 7)


async def test_an_invented_receipt_settles_nothing(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    """One of three endpoints says that a transaction succeeded which is in no block."""
    invented = {"blockNumber": "0x1", "gasUsed": "0x1", "status": "0x1", "logs": []}
    lie = always(Told(lambda receipt: invented), "eth_getTransactionReceipt")
    chain_state.rpc("evm_setAutomine", False)
    async with proxied(chain_state, rich, ledger, well, well, well) as (chain, proxies):
        proxies[0].fault = lie
        with trio.move_on_after(2):
            await chain.token.transfer(TO, 5, "pay")
        assert len(await ledger.transactions(TxState.OPEN)) == 1
        chain_state.rpc("evm_mine")
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 5


async def test_a_reorganised_payment_is_made_again(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    snapshot = chain_state.rpc("evm_snapshot")
    async with open_chain(chain_state.config, rich, ledger) as chain:
        await chain.token.transfer(TO, 5, "pay")
        chain_state.rpc("evm_revert", snapshot)
        assert await chain.token.balance(TO) == 0

        async def paid() -> bool:
            return await chain.token.balance(TO) == 5

        await until(paid)
    assert len(await ledger.transactions(TxState.MINED)) == 1


async def test_a_reorganisation_during_a_restart_gives_the_nonce_to_nobody_else(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    snapshot = chain_state.rpc("evm_snapshot")
    async with open_chain(chain_state.config, rich, ledger) as chain:
        await chain.token.transfer(TO, 5, "pay")
    chain_state.rpc("evm_revert", snapshot)
    async with open_chain(chain_state.config, rich, ledger) as chain:
        await chain.token.transfer(TO, 7, "other")
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 12


async def test_a_buried_payment_is_final(chain_state: Devnet, rich: Account, ledger: MemoryTxLog) -> None:
    async with open_chain(chain_state.config, rich, ledger) as chain:
        await chain.token.transfer(TO, 5, "pay")
        chain_state.rpc("hardhat_mine", "0x50")

        async def final() -> bool:
            return len(await ledger.transactions(TxState.FINAL)) == 1

        await until(final)
        await chain.token.transfer(TO, 5, "pay")
        assert await chain.token.balance(TO) == 5


FAULTS: tuple[Callable[[], Exception], ...] = (
    Refused,
    Lost,
    Silent,
    lambda: Status("502 Bad Gateway"),
    lambda: Status("429 Too Many Requests", "Retry-After: 0\r\n"),
    lambda: Error("nonce too low"),
    lambda: Error("already known"),
    lambda: Error("replacement transaction underpriced"),
)


async def pay_through_faults(
    devnet: Devnet, account: Account, ledger: MemoryTxLog, payments: int, seed: int
) -> int:
    """Make `payments` through two endpoints of which every fifth call fails somehow; how many failed."""
    rng, broken = random.Random(seed), 0

    def fault(method: str) -> None:
        nonlocal broken
        if rng.random() < 0.2:
            made = rng.choice(FAULTS)()
            if method == SEND or not isinstance(made, Error):
                broken += 1
                raise made

    config = devnet.config
    async with open_proxy(devnet.url) as first, open_proxy(devnet.url) as second:
        first.fault = second.fault = fault
        config = devnet.slow(rpc_url=first.url, rpc_backups=(second.url,), timeout_seconds=0.5)
        for index in range(payments):
            while True:
                try:
                    async with open_chain(config, account, ledger) as chain:
                        await chain.token.transfer(TO, 1, f"pay/{index}")
                    break
                except ChainError:
                    # As the node does: the same key again, until it is through.
                    await trio.sleep(0.05)
    async with open_chain(devnet.config, account, ledger) as chain:
        assert await chain.token.balance(TO) == payments
    return broken


async def test_payments_through_random_faults(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    with trio.fail_after(120):
        assert await pay_through_faults(chain_state, rich, ledger, 3, seed=1) > 0


@pytest.mark.deep
async def test_a_hundred_payments_through_random_faults(
    chain_state: Devnet, rich: Account, ledger: MemoryTxLog
) -> None:
    with trio.fail_after(3600):
        broken = await pay_through_faults(chain_state, rich, ledger, 100, seed=2)
    record("rpc", {"payments": 100, "broken": broken, "paid": 100, "paid_twice": 0})
    assert broken > 100
