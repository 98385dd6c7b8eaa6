"""Proving batches of inferences with the prover's subprocess."""

from p2pnode.proving.execution import Execution
from p2pnode.proving.prover import SubprocessProver, open_prover
from p2pnode.proving.rates import Rates
from p2pnode.proving.refusal import NodeProblem, node_problems
from p2pnode.proving.settings import Cluster

__all__ = ["Cluster", "Execution", "NodeProblem", "Rates", "SubprocessProver", "node_problems", "open_prover"]
