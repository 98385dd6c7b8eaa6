"""The contracts as typed calls; the only package that imports web3."""

from p2pnode.chain.client import ChainClient, open_chain, open_chain_reader
from p2pnode.chain.contract import Event
from p2pnode.chain.deployment import Deployment, load_deployment
from p2pnode.chain.health import TRANSACTION_GAS, Purse, RpcHealth, inspect_purse, inspect_rpc
from p2pnode.chain.memory import MemoryTxLog
from p2pnode.chain.models import Models
from p2pnode.chain.penalties import Fault, Penalty
from p2pnode.chain.rpc import TxReceipt
from p2pnode.chain.single import ModelContext, open_model_context, open_models

__all__ = [
    "TRANSACTION_GAS",
    "ChainClient",
    "Deployment",
    "Event",
    "Fault",
    "MemoryTxLog",
    "ModelContext",
    "Models",
    "Penalty",
    "Purse",
    "RpcHealth",
    "TxReceipt",
    "inspect_purse",
    "inspect_rpc",
    "load_deployment",
    "open_chain",
    "open_chain_reader",
    "open_model_context",
    "open_models",
]
