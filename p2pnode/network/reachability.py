"""Can others dial this node? Asked of connected peers, who dial back, and told with the fix in words.

libp2p AutoNAT v1 (specs/autonat/autonat-v1.md), both sides. Row 33: the library's server "dials" by asking
its host for a connection to the peer that asks, which it has, and so finds everyone reachable; ours opens a
socket of its own. A server dials the address that it sees the other side come from and no
other, at the ports that the other side names, so nobody can be made to dial a third party.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import structlog
import trio
from libp2p.abc import IHost, INetStream
from libp2p.custom_types import TProtocol
from libp2p.host.autonat.pb.autonat_pb2 import Message
from libp2p.peer.id import ID
from libp2p.utils import encode_varint_prefixed
from libp2p.utils.varint import read_varint_prefixed_bytes_limited

from p2pnode.network.address import Multiaddr
from p2pnode.network.attempts import cause_of
from p2pnode.network.circuit_address import own_addresses
from p2pnode.network.connections import Connections
from p2pnode.network.guard import guarded, reset
from p2pnode.network.limits import RateLimit

log = structlog.get_logger("p2pnode.network")

PROTOCOL = TProtocol("/libp2p/autonat/1.0.0")
MAX_MESSAGE = 8192
MAX_PORTS = 2
ASK_SECONDS = 20.0
DIAL_SECONDS = 5.0
SERVERS = 4
"""Peers asked at once; what the most of them say counts."""
FIRST_SECONDS = 5.0
AGAIN_SECONDS = 900.0
ALONE_SECONDS = 30.0


class Verdict(Enum):
    """What the peers that were asked say."""

    UNKNOWN = "unknown"
    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Reachability:
    """The verdict of `yes` + `no` peers, the addresses that worked, what the others said."""

    verdict: Verdict = Verdict.UNKNOWN
    yes: int = 0
    no: int = 0
    addresses: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()

    def words(self) -> str:
        """One or more lines: the verdict, why, and what to do."""
        asked = self.yes + self.no
        if self.verdict is Verdict.REACHABLE:
            return (
                f"others can dial this node at {', '.join(self.addresses)} ({self.yes} of {asked} peers did)"
            )
        if self.verdict is Verdict.UNKNOWN:
            return "whether others can dial this node is not known: no peer could be asked yet"
        ports = " and ".join(map(str, self.ports))
        lines = [f"others cannot dial this node ({self.no} of {asked} peers tried):"]
        lines += [f"  {reason}" for reason in self.reasons]
        lines += [
            "it works and buys through the connections that it opens itself; peers that are not connected "
            "to it reach it through others only, and slower. What to do, any one of:",
            f"  - forward TCP port {ports} on the router to this machine, at the same number",
            "  - set network.upnp = true, if the router speaks UPnP",
            f"  - let TCP port {ports} in, if a firewall here or a cloud's security group drops it",
            "  - set network.announce, if it can be dialled at another address or port",
        ]
        return "\n".join(lines)


Probe = Callable[[Multiaddr, ID], Awaitable[None]]
"""Dials an address and checks that the peer answers there; raises what the dial fails with."""


class ReachabilityService:
    """Answers other peers, and keeps `current`. `confirmed` is told each time what addresses work."""

    def __init__(
        self,
        host: IHost,
        probe: Probe,
        connections: Connections,
        confirmed: Callable[[Reachability], None],
    ) -> None:
        self._host = host
        self._probe = probe
        self._connections = connections
        self._confirmed = confirmed
        # One dial back a minute for a peer and one a second in all, so that asking is no way to make work.
        self._per_peer = RateLimit(1 / 60, 4, trio.current_time)
        self._in_all = RateLimit(1.0, 10, trio.current_time)
        self.current = Reachability()
        host.set_stream_handler(PROTOCOL, guarded(self._serve))

    async def run(self) -> None:
        """Ask soon after the first peer connects, then every quarter of an hour, until cancelled."""
        while True:
            if not self._connections.peers():
                await self._connections.wait_joined()
            await trio.sleep(FIRST_SECONDS if self.current.verdict is Verdict.UNKNOWN else AGAIN_SECONDS)
            await self.check()
            if self.current.verdict is Verdict.UNKNOWN:
                await trio.sleep(ALONE_SECONDS)

    async def check(self) -> Reachability:
        """Ask up to four connected peers now."""
        answers: list[tuple[bool, str]] = []

        async def ask(peer: ID) -> None:
            with trio.move_on_after(ASK_SECONDS):
                try:
                    answers.append(await self._ask(peer))
                except Exception as error:
                    log.debug("reachability.no_answer", peer=peer.to_base58(), error=repr(error)[:200])

        async with trio.open_nursery() as nursery:
            for peer in self._connections.peers()[:SERVERS]:
                nursery.start_soon(ask, peer)
        before, self.current = self.current, judge(answers, self._ports())
        if self.current.verdict is not before.verdict:
            log.info("network.reachability", verdict=self.current.verdict.value, words=self.current.words())
        self._confirmed(self.current)
        return self.current

    def _ports(self) -> tuple[int, ...]:
        ports = (address.value_for_protocol("tcp") for address in own_addresses(self._host))
        return tuple(dict.fromkeys(int(port) for port in ports if port))

    async def _ask(self, peer: ID) -> tuple[bool, str]:
        request = Message(type=Message.DIAL)
        request.dial.peer.id = self._host.get_id().to_bytes()
        request.dial.peer.addrs.extend(address.to_bytes() for address in own_addresses(self._host))
        stream = await self._host.new_stream(peer, [PROTOCOL])
        try:
            await stream.write(encode_varint_prefixed(request.SerializeToString()))
            answer = Message.FromString(await read_varint_prefixed_bytes_limited(stream, MAX_MESSAGE))
            await stream.close()
        except BaseException:
            await reset(stream)
            raise
        response = answer.dialResponse
        if response.status == Message.OK:
            return True, str(Multiaddr(bytes(response.addr)))
        if response.status == Message.E_DIAL_ERROR:
            return False, "".join(c for c in response.statusText[:200] if c.isprintable())
        # Refused or busy says nothing of whether it could be dialled.
        raise ValueError(f"status {response.status}: {response.statusText[:100]}")

    async def _serve(self, stream: INetStream) -> None:
        with trio.fail_after(ASK_SECONDS):
            request = Message.FromString(await read_varint_prefixed_bytes_limited(stream, MAX_MESSAGE))
            answer = Message(type=Message.DIAL_RESPONSE)
            await self._dial_back(request, stream, answer.dialResponse)
            await stream.write(encode_varint_prefixed(answer.SerializeToString()))
            await stream.close()

    async def _dial_back(self, request: Message, stream: INetStream, response: Message.DialResponse) -> None:
        peer, remote = stream.muxed_conn.peer_id, stream.get_remote_address()
        if request.type != Message.DIAL or request.dial.peer.id != peer.to_bytes():
            response.status, response.statusText = Message.E_BAD_REQUEST, "name yourself"
            return
        candidates = [] if remote is None else seen_at(remote[0], list(request.dial.peer.addrs))
        if not candidates:
            response.status, response.statusText = Message.E_DIAL_REFUSED, "no TCP port is named"
            return
        if not self._per_peer.take(peer) or not self._in_all.take("all"):
            response.status, response.statusText = Message.E_DIAL_REFUSED, "asked too often"
            return
        reasons = []
        for address in candidates:
            try:
                with trio.fail_after(DIAL_SECONDS):
                    await self._probe(address, peer)
            except Exception as error:
                cause, detail = cause_of(error)
                reasons.append(f"{address}: {cause.value[0] or detail}")
                continue
            response.status, response.addr = Message.OK, address.to_bytes()
            return
        response.status, response.statusText = Message.E_DIAL_ERROR, "; ".join(reasons)[:500]


def seen_at(remote: str, addresses: Sequence[bytes]) -> list[Multiaddr]:
    """Where a peer that is seen at `remote` may be: that IP at the first TCP ports that it names."""
    address = ipaddress.ip_address(remote.partition("%")[0])
    family = f"ip{address.version}"
    ports: dict[str, None] = {}
    for raw in addresses[:32]:
        try:
            named = Multiaddr(bytes(raw))
            if [protocol.name for protocol in named.protocols()][1:2] == ["tcp"]:
                ports[str(named.value_for_protocol("tcp"))] = None
        except Exception as error:
            log.debug("reachability.bad_address", error=repr(error)[:100])
    return [Multiaddr(f"/{family}/{address}/tcp/{port}") for port in list(ports)[:MAX_PORTS]]


def judge(answers: Sequence[tuple[bool, str]], ports: tuple[int, ...]) -> Reachability:
    """What most of the answers say; an even split is unreachable, since half the peers fail."""
    yes = [text for dialled, text in answers if dialled]
    no = [text for dialled, text in answers if not dialled]
    if not answers:
        return Reachability(ports=ports)
    verdict = Verdict.REACHABLE if len(yes) > len(no) else Verdict.UNREACHABLE
    return Reachability(
        verdict, len(yes), len(no), tuple(dict.fromkeys(yes)), tuple(dict.fromkeys(no)), ports
    )
