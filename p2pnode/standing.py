"""Who has something to lose, as the chain's events tell: staked workers, and requesters with an escrow.

Owns the memory of both, so that gossip can ask for each message. It follows the chain from the deployment on.
"""

from collections import OrderedDict

import base58

from p2pnode.chain import ChainClient, Event
from p2pnode.errors import ProtocolError, SignatureError
from p2pnode.ports import Topic
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.codec import decode_signed
from p2pnode.protocol.eip712 import Domain, verify
from p2pnode.protocol.messages import Offer

_MOST_REMEMBERED = 4096


class ChainStanding:
    """Implements `ports.Standing`."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._escrows: dict[bytes, int] = {}
        self._staked: dict[bytes, str] = {}
        self._peers: set[str] = set()
        self._verdicts: OrderedDict[bytes, bool] = OrderedDict()

    def backer(self, topic: Topic, peer: str, data: bytes) -> str | None:
        """See `ports.Standing`: a staked worker's PeerId, or the funded account that has signed an offer."""
        if peer in self._peers:
            return peer
        return self._funded(data) if topic == Topic.OFFERS else None

    async def follow(self, chain: ChainClient) -> None:
        """Hear of stakes and escrows until cancelled."""
        # Our own first, since the rest may take a while on an old chain.
        self._escrows[chain.account] = await chain.free_escrow(chain.account)
        async with chain.events(chain.deployment.block) as events:
            async for event in events:
                self.note(event)

    def note(self, event: Event) -> None:
        """Take in one event of the contracts."""
        said = event.arguments
        match event.name:
            case "NodeRegistered":
                peer = base58.b58encode(said["peerId"]).decode()
                self._staked[said["account"]] = peer
                self._peers.add(peer)
            case "NodeWithdrawn":
                self._peers.discard(self._staked.pop(said["account"], ""))
            case "Deposited" | "Withdrawn":
                self._escrows[said["requester"]] = said["balance"]
            case "AwardSettled":
                left = self._escrows.get(said["requester"], 0) - said["price"] - said["modelFee"]
                self._escrows[said["requester"]] = left

    def _funded(self, data: bytes) -> str | None:
        """The funded account that signed the offer in these bytes, if they are one: nobody borrows a name."""
        try:
            signed = decode_signed(data, Offer)
        except ProtocolError:
            return None
        account = signed.message.requester
        if self._escrows.get(account, 0) <= 0:
            return None
        key = content_digest(data)
        if key not in self._verdicts:
            try:
                verify(self._domain, signed)
                self._verdicts[key] = True
            except SignatureError:
                self._verdicts[key] = False
            if len(self._verdicts) > _MOST_REMEMBERED:
                self._verdicts.popitem(last=False)
        return account.hex() if self._verdicts[key] else None
