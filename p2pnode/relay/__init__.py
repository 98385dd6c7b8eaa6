"""Relaying private transactions: a node pays the gas of a stranger's transaction for the fee inside it."""

from p2pnode.relay.offers import RelayOffer, Relays, SeenOffer
from p2pnode.relay.relayer import PoolSender, Relayer

__all__ = ["PoolSender", "RelayOffer", "Relayer", "Relays", "SeenOffer"]
