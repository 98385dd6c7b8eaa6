"""The chain as the node uses it: `ports.Chain` and the operator's calls over the deployed contracts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio

from p2pnode.background import open_background
from p2pnode.chain.bonds import Bonds
from p2pnode.chain.call import ReadOnly, Sends
from p2pnode.chain.contract import NAMES, Contract, Event
from p2pnode.chain.deployment import Deployment, load_deployment
from p2pnode.chain.escrow import Escrow
from p2pnode.chain.events import open_events
from p2pnode.chain.jsc import Jsc
from p2pnode.chain.models import Models
from p2pnode.chain.nodes import Nodes
from p2pnode.chain.penalties import Penalties
from p2pnode.chain.reports import Report, Reports
from p2pnode.chain.rescues import RESCUE_WINDOW, Rescues
from p2pnode.chain.rpc import Rpc, TxReceipt, open_rpc
from p2pnode.chain.sender import Sender
from p2pnode.chain.sessions import Sessions
from p2pnode.chain.settlement import Settlement
from p2pnode.chain.token import Token
from p2pnode.chain.use import Use
from p2pnode.config import ChainConfig
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.ports import (
    LastAnswer,
    ModelListing,
    NodeRecord,
    Papers,
    Proof,
    ReportedAward,
    RescuableAward,
    Rescued,
    SettlementOutcome,
    TxLog,
)
from p2pnode.protocol.eip712 import Domain, digest
from p2pnode.protocol.messages import Award, Result, SessionAward, Signed, Voucher


class ChainClient:
    """Implements `ports.Chain`; its parts (`token`, `nodes`, `models`, `escrow`, ...) hold the rest."""

    def __init__(self, rpc: Rpc, deployment: Deployment, sender: Sends, config: ChainConfig) -> None:
        self._rpc = rpc
        self._config = config
        self._sender = sender
        self.deployment = deployment
        contracts = {name: Contract(rpc, name, deployment.addresses[name]) for name in NAMES}
        self._contracts = contracts
        self.token = Token(contracts["JoyToken"], sender)
        self.nodes = Nodes(contracts["NodeCoordinator"], self.token, sender)
        self.models = Models(rpc, contracts["ModelMarketplace"], sender, deployment.block)
        self.escrow = Escrow(contracts["ProofOfInference"], self.token, sender)
        self.bonds = Bonds(contracts["NodeCoordinator"], self.token, sender)
        self.penalties = Penalties(rpc, contracts["NodeCoordinator"], deployment.block)
        self.reports = Reports(
            rpc, contracts["NodeCoordinator"], contracts["ProofOfInference"], sender, deployment.block
        )
        self.jsc = Jsc(
            rpc,
            contracts["JSC"],
            contracts["JSCBridge"],
            self.token,
            sender,
            deployment.chain_id,
            config.confirmations,
        )
        self.settlement = Settlement(rpc, contracts["ProofOfInference"], contracts["StarkVerifier"], sender)
        self.rescues = Rescues(
            rpc,
            contracts["NodeCoordinator"],
            contracts["ZKVerifier"],
            self.settlement,
            deployment.block,
        )
        self.sessions = Sessions(contracts["ProofOfInference"], sender)
        self.use = Use(rpc, contracts["ProofOfUse"], sender, deployment.block)

    @property
    def chain_id(self) -> int:
        """See `ports.Chain`."""
        return self.deployment.chain_id

    @property
    def settlement_address(self) -> bytes:
        """See `ports.Chain`."""
        return self.deployment.addresses["ProofOfInference"]

    @property
    def token_address(self) -> bytes:
        """See `ports.Chain`."""
        return self.deployment.addresses["JoyToken"]

    @property
    def account(self) -> bytes:
        """See `ports.Chain`."""
        return self._sender.account

    async def listing(self, model_digest: bytes) -> ModelListing | None:
        """See `ports.Chain`."""
        return await self.models.listing(model_digest)

    async def node(self, account: bytes) -> NodeRecord | None:
        """See `ports.Chain`."""
        return await self.nodes.node(account)

    async def free_escrow(self, requester: bytes) -> int:
        """See `ports.Chain`."""
        return await self.escrow.free(requester)

    async def bond(self, requester: bytes) -> int:
        """See `ports.Chain`."""
        amount, withdrawable_at = await self.bonds.of(requester)
        return 0 if withdrawable_at else amount

    async def reported_awards(self) -> Sequence[ReportedAward]:
        """See `ports.Chain`."""
        return await self.reports.against(self.account)

    async def report_unproved(self, award: Signed[Award], result: Signed[Result], key: str) -> int:
        """See `ports.Chain`."""
        report = await self.reports.find(result.message.task_id)
        # On the bid alone it costs no stake, and the worker may have made it itself.
        if report is None or (report.open and not report.vouched):
            await self.reports.unproved(award, result, key)
            report = await self.reports.find(result.message.task_id)
        return _closable(report, key)

    async def report_missed(self, papers: Papers, key: str) -> int:
        """See `ports.Chain`."""
        task_id = digest(Domain(self.chain_id, self.settlement_address), papers.award.message)
        report = await self.reports.find(task_id)
        if report is None:
            await self.reports.missed(papers.offer, papers.bid, papers.award, papers.tensors, key)
            report = await self.reports.find(task_id)
        return _closable(report, key)

    async def close_report(self, award: Award, key: str) -> None:
        """See `ports.Chain`."""
        task_id = digest(Domain(self.chain_id, self.settlement_address), award)
        report = await self.reports.find(task_id)
        if report is not None and report.open:
            await self.reports.close(award, key)

    async def is_nonce_used(self, requester: bytes, nonce: int) -> bool:
        """See `ports.Chain`."""
        return await self.settlement.is_nonce_used(requester, nonce)

    async def settle_batch(
        self,
        awards: Sequence[Signed[Award]],
        output_digests: Sequence[bytes],
        seal: bytes,
        key: str,
        *,
        credit: bool = False,
    ) -> SettlementOutcome:
        """See `ports.Chain`."""
        return await self.settlement.settle_batch(awards, output_digests, seal, key, credit=credit)

    async def paid_calls(self, session_hash: bytes) -> int:
        """See `ports.SessionChain`."""
        return await self.sessions.paid_calls(session_hash)

    async def settle_session(
        self,
        award: SessionAward,
        voucher: Signed[Voucher],
        answer: LastAnswer | None,
        key: str,
        *,
        credit: bool = False,
    ) -> bytes:
        """See `ports.SessionChain`."""
        return (await self.sessions.settle(award, voucher, answer, key, credit=credit)).tx_hash

    async def rescuable_awards(self) -> Sequence[RescuableAward]:
        """See `ports.RescueChain`."""
        return await self.rescues.open()

    async def report_papers(self, award: RescuableAward) -> Papers | None:
        """See `ports.RescueChain`."""
        return await self.rescues.papers(award)

    async def is_report_open(self, task_id: bytes) -> bool:
        """See `ports.RescueChain`."""
        report = await self.reports.find(task_id)
        return report is not None and report.open

    async def rescue_reward(self, award: RescuableAward) -> int:
        """See `ports.RescueChain`."""
        return await self.rescues.reward(award)

    async def rescue(
        self, award: Award, output_digest: bytes, proof: Proof, key: str, *, credit: bool
    ) -> None:
        """See `ports.RescueChain`."""
        await self.rescues.settle(award, output_digest, self.account, proof, key, credit=credit)

    async def find_rescue(self, task_id: bytes, since: int) -> Rescued | None:
        """See `ports.RescueChain`."""
        return await self.settlement.find_rescue(task_id, since)

    async def find_settlement(self, task_id: bytes, since: int) -> bytes | None:
        """See `ports.Chain`."""
        return await self.settlement.find(task_id, since)

    async def gas_price(self) -> int:
        """See `ports.Chain`."""
        return sum(await self._rpc.fees())

    async def gas_balance(self, account: bytes) -> int:
        """Wei that `account` has to pay for gas."""
        return await self._rpc.balance(account)

    async def receipt(self, tx_hash: bytes) -> TxReceipt | None:
        """Receipt of any transaction, None while it is in no block."""
        return await self._rpc.receipt(tx_hash)

    async def block_number(self) -> int:
        return await self._rpc.block_number()

    def events(self, first: int) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[Event]]:
        """Events of all contracts from block `first` on, with the configured confirmations."""
        return open_events(
            self._rpc,
            list(self._contracts.values()),
            first,
            self._config.confirmations,
            self._config.poll_seconds,
        )


def _closable(report: Report | None, key: str) -> int:
    if report is None:
        raise ChainError(f"report {key} is not on the chain, although its transaction is")
    return report.answer_until + RESCUE_WINDOW + 1


@asynccontextmanager
async def open_chain(config: ChainConfig, account: Account, ledger: TxLog) -> AsyncIterator[ChainClient]:
    """Connect `account` to the chain of `config` and resume what an earlier run left open.

    Raises ConfigError for a bad deployment file, ChainError for an unreachable or wrong chain.
    """
    deployment = load_deployment(config.deployment)
    async with open_rpc(config.rpc_urls, config.timeout_seconds, deployment.chain_id) as rpc:
        sender = Sender(rpc, deployment.chain_id, account, ledger, config)
        client = ChainClient(rpc, deployment, sender, config)
        await _check(rpc, client, config)
        await sender.resume()
        async with open_background(sender.finality.run):
            yield client


@asynccontextmanager
async def open_chain_reader(config: ChainConfig, address: bytes) -> AsyncIterator[ChainClient]:
    """As `open_chain` for the account at `address`, without its key: whatever would send raises."""
    deployment = load_deployment(config.deployment)
    async with open_rpc(config.rpc_urls, config.timeout_seconds, deployment.chain_id) as rpc:
        client = ChainClient(rpc, deployment, ReadOnly(address), config)
        await _check(rpc, client, config)
        yield client


async def _check(rpc: Rpc, client: ChainClient, config: ChainConfig) -> None:
    deployment = client.deployment
    found = await rpc.chain_id()
    if found != deployment.chain_id:
        raise ChainError(
            f"chain.rpc_url {config.rpc_url} is chain {found}, but chain.deployment is for chain "
            f"{deployment.chain_id}; change one of the two"
        )
    for name, address in deployment.addresses.items():
        if not await rpc.code(address):
            raise ChainError(
                f"chain.deployment: no contract at 0x{address.hex()} ({name}) on chain {found}; "
                "the file belongs to another network or an older deployment"
            )
    image_id = await client.settlement.image_id()
    if image_id != deployment.image_id:
        raise ChainError(
            f"chain.deployment: imageId is 0x{deployment.image_id.hex()}, but the contract accepts "
            f"0x{image_id.hex()}; take the current deployment file"
        )
