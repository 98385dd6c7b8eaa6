"""`p2pnode demo`: a whole network at work in one terminal, every part of it real."""

from p2pnode.demo.run import Options, run_demo

__all__ = ["Options", "run_demo"]
