"""What the parts need of one another.

Domain code (`market`) and the adapters (`network`, `inference`, `proving`, `chain`, `store`) know each
other only through these Protocols; `app` is the one place that ties an adapter to a port. Peers are
named by their base58 PeerId string, accounts by 20 bytes, digests by 32.
"""

from p2pnode.ports.chain import (
    Chain,
    ModelListing,
    NodeRecord,
    ReportedAward,
    SettlementOutcome,
)
from p2pnode.ports.clock import Clock
from p2pnode.ports.compute import Executor, Progress, Proof, ProofTask, Prover
from p2pnode.ports.network import Ask, Blobs, Bus, Gossip, Handler, Standing, StreamProtocol, Topic
from p2pnode.ports.rescues import Papers, RescuableAward, Rescued, RescueEntry
from p2pnode.ports.roles import Role
from p2pnode.ports.sealing import Seals
from p2pnode.ports.sessions import CallEntry, LastAnswer, SessionEntry
from p2pnode.ports.store import BatchEntry, Reputation, Store, TaskEntry
from p2pnode.ports.transactions import SentTransaction, TxLog, TxState

__all__ = [
    "Ask",
    "BatchEntry",
    "Blobs",
    "Bus",
    "CallEntry",
    "Chain",
    "Clock",
    "Executor",
    "Gossip",
    "Handler",
    "LastAnswer",
    "ModelListing",
    "NodeRecord",
    "Papers",
    "Progress",
    "Proof",
    "ProofTask",
    "Prover",
    "ReportedAward",
    "Reputation",
    "RescuableAward",
    "RescueEntry",
    "Rescued",
    "Role",
    "Seals",
    "SentTransaction",
    "SessionEntry",
    "SettlementOutcome",
    "Standing",
    "Store",
    "StreamProtocol",
    "TaskEntry",
    "Topic",
    "TxLog",
    "TxState",
]
