"""A refusal that the other side can act on: a code for machines, a sentence for people."""

from p2pnode.errors import MarketError
from p2pnode.protocol.messages import Decline, DeclineCode

_MOST = 512


class Refusal(MarketError):
    """Raised where a check fails; the edge turns it into a Decline."""

    def __init__(self, code: DeclineCode, reason: str, *, needed: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.needed = needed

    def decline(self, subject: bytes) -> Decline:
        """The message for the other side, its reason cut to what the protocol allows."""
        reason = self.reason.encode(errors="replace")[:_MOST].decode(errors="ignore")
        return Decline(subject, self.code, reason, self.needed)
