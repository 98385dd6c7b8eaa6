"""The parts of an open node, for what shows or serves it; `app` opens them."""

from dataclasses import dataclass
from typing import Final

from p2pnode.chain import ChainClient
from p2pnode.config import Config
from p2pnode.events import Events
from p2pnode.history import History
from p2pnode.market.presence import Presence
from p2pnode.market.requester import Requester
from p2pnode.market.worker import Worker
from p2pnode.network import Network
from p2pnode.offer_board import OfferBoard
from p2pnode.ports import Prover, Store
from p2pnode.relay import Relays
from p2pnode.totals import Totals

MAX_MODEL_BYTES: Final = 64 << 20
"""Size of the largest model that a node serves, fetches and runs."""


@dataclass(frozen=True, slots=True)
class Node:
    """`worker` or `requester` is None where the configuration has it off, `prover` where there is none."""

    config: Config
    network: Network
    chain: ChainClient
    store: Store
    events: Events
    history: History
    board: OfferBoard
    totals: Totals
    prover: Prover | None
    presence: Presence
    worker: Worker | None
    requester: Requester | None
    relays: Relays
