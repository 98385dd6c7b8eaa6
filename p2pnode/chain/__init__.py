"""The contracts as typed calls; the only package that imports web3."""

from p2pnode.chain.client import ChainClient, open_chain, open_chain_reader
from p2pnode.chain.contract import Event
from p2pnode.chain.deployment import Deployment, load_deployment
from p2pnode.chain.memory import MemoryTxLog
from p2pnode.chain.rpc import TxReceipt

__all__ = [
    "ChainClient",
    "Deployment",
    "Event",
    "MemoryTxLog",
    "TxReceipt",
    "load_deployment",
    "open_chain",
    "open_chain_reader",
]
