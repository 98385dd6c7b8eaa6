"""Proving batches of inferences with the prover's subprocess."""

from p2pnode.proving.prover import SubprocessProver, open_prover

__all__ = ["SubprocessProver", "open_prover"]
