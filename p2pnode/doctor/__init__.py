"""`p2pnode doctor`: looks at all that a node needs, and says of each thing that it is well or the fix."""

from p2pnode.doctor.check import Check, Outcome
from p2pnode.doctor.run import diagnose

__all__ = ["Check", "Outcome", "diagnose"]
