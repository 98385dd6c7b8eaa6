"""Bootstrap peers from DNS: TXT records `dnsaddr=<multiaddr>` at `_dnsaddr.<name>`.

libp2p addressing spec, "DNS names" (`/dnsaddr`). A record may name another `/dnsaddr/<name>`; such a chain
is followed three names deep. Multiaddr's own resolver is not used: it reads the first 255 bytes of a record
only, and says the same of a name that does not exist as of one without records.
"""

from collections.abc import Awaitable, Callable

import dns.asyncresolver
import dns.exception
import dns.rdtypes.txtbase
import dns.resolver
import structlog
import trio

from p2pnode.errors import ProtocolError
from p2pnode.network.address import split_address
from p2pnode.network.attempts import NameUnknown, NoRecord

log = structlog.get_logger("p2pnode.network")

PREFIX = "/dnsaddr/"
MAX_DEPTH = 3
MAX_RECORDS = 64
LOOKUP_SECONDS = 10.0

Lookup = Callable[[str], Awaitable[list[str]]]
"""Texts of the TXT records of a name; NameUnknown when there are none to be had."""


async def lookup_txt(name: str) -> list[str]:
    """TXT records of `name` by the system's resolvers."""
    return await txt_by(dns.asyncresolver.Resolver, name)


async def txt_by(make: Callable[[], dns.asyncresolver.Resolver], name: str) -> list[str]:
    """TXT records of `name` by the resolver that `make` gives; NoRecord or NameUnknown."""
    try:
        with trio.fail_after(LOOKUP_SECONDS):
            answer = await make().resolve(name, "TXT", lifetime=LOOKUP_SECONDS)
    except dns.resolver.NoAnswer as error:
        raise NoRecord(f"{name} has no TXT record") from error
    except (dns.exception.DNSException, OSError, trio.TooSlowError) as error:
        raise NameUnknown(f"{name}: {error}") from error
    return [
        # A record longer than 255 bytes comes in pieces that belong together (RFC 7208 section 3.3).
        b"".join(record.strings).decode("utf-8", "replace")
        for record in answer
        if isinstance(record, dns.rdtypes.txtbase.TXTBase)
    ]


async def resolve(name: str, lookup: Lookup, depth: int = MAX_DEPTH) -> list[str]:
    """Multiaddrs with `/p2p/<peer ID>` of `/dnsaddr/<name>`, at most 64; NoRecord or NameUnknown."""
    found: dict[str, None] = {}
    for text in await lookup(f"_dnsaddr.{name}"):
        address = text.removeprefix("dnsaddr=").strip()
        if address == text:
            continue
        if address.startswith(PREFIX):
            inner = address.removeprefix(PREFIX).partition("/")[0]
            if depth > 1:
                found.update(dict.fromkeys(await resolve(inner, lookup, depth - 1)))
            continue
        try:
            split_address(address)
        except ProtocolError as error:
            # Records for other transports stand beside ours: not ours to complain about.
            log.debug("bootstrap.record_skipped", name=name, error=str(error))
            continue
        found[address] = None
    if not found:
        raise NoRecord(f"_dnsaddr.{name} names no TCP peer")
    return list(found)[:MAX_RECORDS]
