"""Has the chain take stake from the worker of an ApiNetwork, on evidence that anyone can bring."""

import time
from dataclasses import replace

import trio

from p2pnode.chain import ChainClient, MemoryTxLog, open_chain
from p2pnode.config import load_config
from p2pnode.devnet import DevnetNode
from p2pnode.identity import Account, load_account
from p2pnode.models import DIGITS
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.eip712 import Domain, digest, sign
from p2pnode.protocol.messages import Award, Result
from tests.e2e.api_network import ApiNetwork


def slash_for_two_results(network: ApiNetwork) -> bytes:
    """The owner shows two results of one task, both signed by the worker; returns the task's ID."""
    (worker,) = network.devnet.workers
    reporter = network.devnet.owner
    accounts = [_account(network, node) for node in (network.devnet.requester, worker, reporter)]
    return trio.run(_report, reporter, *accounts)


def _account(network: ApiNetwork, node: DevnetNode) -> Account:
    password = (network.devnet.folder / "password").read_text()
    return load_account(load_config(node.config, {}).keystore, password)


async def _report(node: DevnetNode, requester: Account, worker: Account, reporter: Account) -> bytes:
    config = replace(load_config(node.config, {}).chain, poll_seconds=0.1)
    async with open_chain(config, reporter, MemoryTxLog()) as chain:
        domain = Domain(chain.chain_id, chain.settlement_address)
        award = _award(chain, requester, worker)
        task_id = digest(domain, award)
        one, two = (sign(domain, Result(task_id, bytes([n]) * 32), worker.key) for n in (1, 2))
        await chain.reports.two_results(sign(domain, award, requester.key), one, two, "two results")
    return task_id


def _award(chain: ChainClient, requester: Account, worker: Account) -> Award:
    now = int(time.time())
    return Award(
        offer_hash=b"\x01" * 32,
        bid_hash=b"\x02" * 32,
        requester=requester.address,
        worker=worker.address,
        model_digest=content_digest(DIGITS.read_bytes()),
        input_digest=b"\x03" * 32,
        price=1,
        model_fee=1,
        result_deadline=now + 60,
        settle_deadline=now + 120,
        nonce=now,
    )
