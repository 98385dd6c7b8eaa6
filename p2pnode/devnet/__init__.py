"""A whole network on one machine: chain, contracts, bootstrap peer and nodes, each its own process.

`open_devnet` starts all of them in one folder and on free ports; leaving it ends them. The nodes are made
and driven by the `p2pnode` command, as an operator would.
"""

from p2pnode.devnet.network import Devnet, open_devnet
from p2pnode.devnet.node import DevnetNode
from p2pnode.devnet.plan import DEFAULT_PLAN, NodePlan, Plan
from p2pnode.devnet.processes import OnEvent

__all__ = ["DEFAULT_PLAN", "Devnet", "DevnetNode", "NodePlan", "OnEvent", "Plan", "open_devnet"]
