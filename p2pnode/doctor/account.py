"""The operator's part: keys, the chain's endpoint, and what the account has there."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Final

import trio

from p2pnode.amounts import JOY
from p2pnode.chain import (
    TRANSACTION_GAS,
    ChainClient,
    Deployment,
    RpcHealth,
    inspect_rpc,
    load_deployment,
    open_chain_reader,
)
from p2pnode.config import Config
from p2pnode.doctor.check import Check, Outcome, fail, ok, warn
from p2pnode.errors import ChainError
from p2pnode.identity import keystore_address, read_secret
from p2pnode.market.checks import CLOCK_SKEW

_LAGS: Final = 120
"""Seconds without a block that are unusual on a public chain."""
_DEVNETS: Final = (31337, 1337)
"""Chains that mine when there is something to mine."""
_SETTLEMENTS: Final = 10
"""Settlements that the gas money should last for."""
_SETTLEMENT_GAS: Final = 6_300_000


async def keys(config: Config) -> AsyncIterator[Check]:
    """Both key files and the password's, with their modes."""
    address = await trio.to_thread.run_sync(keystore_address, config.keystore)
    yield ok("keys.account", f"0x{address.hex()} in {config.keystore}")
    from p2pnode.network.key import peer_id_of

    yield ok(
        "keys.peer", f"{await trio.to_thread.run_sync(peer_id_of, config.node_key)} in {config.node_key}"
    )
    if config.password_file is not None:
        read_secret(config.password_file, "create it, or set P2PNODE_PASSWORD")
        yield ok("keys.password", f"readable for its owner only, in {config.password_file}")


async def endpoint(config: Config) -> AsyncIterator[Check]:
    """The JSON-RPC endpoint."""
    deployment = load_deployment(config.chain.deployment)
    yield ok("chain.deployment", f"chain {deployment.chain_id}, {config.chain.deployment}")
    health = await inspect_rpc(config.chain.rpc_url, config.chain.timeout_seconds, deployment)
    for check in _verdicts(health, deployment):
        yield check


async def backups(config: Config) -> AsyncIterator[Check]:
    """The other endpoints, each in a line: what is wrong with one costs little as long as there are more."""
    deployment = load_deployment(config.chain.deployment)
    for url in config.chain.rpc_backups:
        try:
            health = await inspect_rpc(url, config.chain.timeout_seconds, deployment)
        except ChainError as error:
            yield warn("chain.backup", f"{url}: {error}", "correct chain.rpc_backups, or take another")
            continue
        bad = [check for check in _verdicts(health, deployment) if check.outcome != Outcome.OK]
        if bad:
            yield warn("chain.backup", f"{url}: {bad[0].name}: {bad[0].found}", bad[0].fix)
        else:
            yield ok("chain.backup", f"{url}, at block {health.block:,}")


def _verdicts(health: RpcHealth, deployment: Deployment) -> Iterator[Check]:
    now = time.time()
    yield _chain_id(health, deployment)
    yield _sync(health, now)
    yield _clock(health, now)
    found = f"{health.gas_limit:,} gas a block"
    if health.gas_limit < TRANSACTION_GAS:
        yield fail(
            "chain.gas_limit",
            found,
            f"a settlement may take {TRANSACTION_GAS:,}: use a chain with larger blocks",
        )
    else:
        yield ok("chain.gas_limit", found)
    other = "use an endpoint without that limit, or a node of your own"
    if health.log_problem:
        yield fail("chain.logs", health.log_problem, other)
    else:
        yield ok("chain.logs", "events of 2,000 blocks can be read at once")
    if health.size_problem:
        yield fail("chain.request_size", health.size_problem, other)
    else:
        yield ok("chain.request_size", "a request as large as a settlement is taken")


def _chain_id(health: RpcHealth, deployment: Deployment) -> Check:
    if health.chain_id == deployment.chain_id:
        return ok("chain.id", f"{health.chain_id}, at block {health.block:,}")
    return fail(
        "chain.id",
        f"the endpoint is chain {health.chain_id}, the deployment is for {deployment.chain_id}",
        "change chain.rpc_url or chain.deployment",
    )


def _sync(health: RpcHealth, now: float) -> Check:
    age = round(now - health.block_time)
    if health.syncing:
        return fail(
            "chain.sync", f"the endpoint is syncing; its newest block is {age} s old", "wait until it is done"
        )
    if age > _LAGS and health.chain_id not in _DEVNETS:
        return fail(
            "chain.sync", f"the newest block is {age} s old", "use an endpoint that follows the chain"
        )
    return ok("chain.sync", f"newest block {max(age, 0)} s old")


def _clock(health: RpcHealth, now: float) -> Check:
    """The endpoint's clock is the one that is not ours and always at hand; it tells whole seconds."""
    if health.server_time is None:
        return ok("clock.offset", "the endpoint does not tell its time")
    offset = now - health.server_time
    found = f"{offset:+.0f} s from the chain's endpoint"
    if abs(offset) > CLOCK_SKEW + 1:
        return fail(
            "clock.offset",
            found,
            f"set the clock: peers refuse what is more than {CLOCK_SKEW} s off; see clock.sync",
        )
    return ok("clock.offset", found)


async def money(config: Config) -> AsyncIterator[Check]:
    """Contracts, gas, JOY, escrow and stake."""
    async with open_chain_reader(config.chain, keystore_address(config.keystore)) as chain:
        yield ok("chain.contracts", "all are there and accept the deployment's image ID")
        yield await _gas(chain)
        if config.requester.enabled:
            yield await _escrow(chain)
        if config.worker.enabled:
            async for check in _stake(chain, config):
                yield check


async def _gas(chain: ChainClient) -> Check:
    balance, price = await chain.gas_balance(chain.account), await chain.gas_price()
    settlements = balance // max(price * _SETTLEMENT_GAS, 1)
    found = f"{balance / 1e18:.6f} coins, for {min(settlements, 10**6):,} settlements at today's price"
    remedy = f"send coins for gas to 0x{chain.account.hex()}"
    if not balance:
        return fail("account.gas", "no coins", remedy)
    return warn("account.gas", found, remedy) if settlements < _SETTLEMENTS else ok("account.gas", found)


async def _escrow(chain: ChainClient) -> Check:
    free, joy = await chain.escrow.free(chain.account), await chain.token.balance(chain.account)
    found = f"{free / JOY:g} JOY free in escrow, {joy / JOY:g} JOY in the account"
    if free:
        return ok("account.escrow", found)
    remedy = "`p2pnode escrow deposit 20` pays for tasks"
    return warn(
        "account.escrow", found, remedy if joy else f"get JOY for 0x{chain.account.hex()}; then {remedy}"
    )


async def _stake(chain: ChainClient, config: Config) -> AsyncIterator[Check]:
    from p2pnode.network.key import peer_id_of

    node, least = await chain.node(chain.account), await chain.nodes.min_stake()
    if node is None:
        yield fail("worker.registered", "no", f"`p2pnode node register --stake {least / JOY:g}` or more")
        return
    own = peer_id_of(config.node_key)
    if node.peer_id != own:
        yield fail(
            "worker.registered",
            f"as {node.peer_id}, but this node is {own}",
            "restore that node.key, or leave, withdraw and register again",
        )
    elif not node.active:
        yield fail("worker.registered", "leaving", "`p2pnode node withdraw`, then register again")
    else:
        yield ok("worker.registered", f"{node.settled} settled, {node.missed} missed")
    found = f"{node.stake / JOY:g} JOY"
    if node.stake < least:
        yield fail("worker.stake", found, f"`p2pnode node stake {(least - node.stake) / JOY:g}`")
    else:
        yield ok("worker.stake", found)
    if node.capacity < config.worker.capacity:
        yield warn(
            "worker.capacity",
            f"{node.capacity} registered, {config.worker.capacity} in the configuration",
            "set worker.capacity to what is registered, or register again",
        )
