"""Homes behind NATs: each site is a network namespace, and this process is the routers and the internet.

A site's only way out is a TUN device whose other end is here. A home's router rewrites addresses as most home
routers do: the port is kept (RFC 4787, REQ-3), and a packet comes in only from where one went out to (address
and port-dependent filtering, section 5); others are dropped. Run as the root of a user namespace of its own
(`unshare -rn`).
"""

import ctypes
import fcntl
import heapq
import json
import os
import select
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEWNET, TUNSETIFF, TUN_NO_PI = 0x40000000, 0x400454CA, 0x1001
DELAY = 0.01
"""Seconds that a packet is on its way."""
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass
class Site:
    """A machine at `inside`, seen at `outside`; a home if they differ."""

    name: str
    inside: str
    outside: str
    device: int = -1
    process: "subprocess.Popen[str] | None" = None
    open: set[tuple[int, bytes, int]] = field(default_factory=set)
    lines: list[dict[str, Any]] = field(default_factory=list)
    rest: str = ""


def checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def packed(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def readdressed(packet: bytes, source: bytes, target: bytes) -> bytes:
    """A TCP packet with other addresses and its two checksums right again."""
    header, body = bytearray(packet[:20]), bytearray(packet[20:])
    header[12:16], header[16:20] = source, target
    header[10:12] = bytes(2)
    header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
    body[16:18] = bytes(2)
    pseudo = source + target + b"\0\x06" + len(body).to_bytes(2, "big")
    body[16:18] = checksum(pseudo + bytes(body)).to_bytes(2, "big")
    return bytes(header + body)


class Lab:
    """The sites, and what is on its way between them."""

    def __init__(self, sites: list[Site]) -> None:
        self.sites = sites
        self._flying: list[tuple[float, int, Site, bytes]] = []
        self._count = 0

    def start(self, site: Site, program: str, *arguments: str) -> None:
        """Make the site's namespace and run a Python program in it; its stdout is JSON lines."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        checked(LIBC.unshare(NEWNET))
        site.device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(site.device, TUNSETIFF, struct.pack("16sH14x", b"wan0", TUN_NO_PI))
        for command in (
            "ip link set lo up",
            f"ip addr add {site.inside}/32 dev wan0",
            "ip link set wan0 up mtu 1400",
            "ip route add default dev wan0",
        ):
            subprocess.run(command.split(), check=True)
        site.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )
        checked(LIBC.setns(home, NEWNET))
        os.close(home)

    def tell(self, site: Site, line: object) -> None:
        """Send a JSON line to the program of a site."""
        assert site.process is not None
        assert site.process.stdin is not None
        site.process.stdin.write(json.dumps(line) + "\n")
        site.process.stdin.flush()

    def wait(self, site: Site, key: str, seconds: float) -> Any:
        """Route until the site's program says a line with `key`; its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in site.lines:
                if key in line:
                    return line[key]
            self._turn()
        raise TimeoutError(f"{site.name} did not say {key} within {seconds:g} s; it said {site.lines}")

    def stop(self) -> None:
        """End the programs."""
        for site in self.sites:
            if site.process is not None:
                site.process.kill()
                site.process.communicate()
                os.close(site.device)

    def _turn(self) -> None:
        outputs = {
            site.process.stdout.fileno(): site for site in self.sites if site.process and site.process.stdout
        }
        devices = {site.device: site for site in self.sites if site.device >= 0}
        until = self._flying[0][0] - time.monotonic() if self._flying else 0.1
        for ready in select.select([*outputs, *devices], [], [], max(0.0, min(until, 0.1)))[0]:
            if ready in devices:
                self._from(devices[ready], os.read(ready, 65536))
            else:
                self._said(outputs[ready], os.read(ready, 65536).decode())
        while self._flying and self._flying[0][0] <= time.monotonic():
            _, _, site, packet = heapq.heappop(self._flying)
            os.write(site.device, packet)

    def _said(self, site: Site, text: str) -> None:
        if not text:
            raise RuntimeError(f"{site.name} ended; it said {site.lines}")
        *lines, site.rest = (site.rest + text).split("\n")
        site.lines += [json.loads(line) for line in lines if line.startswith("{")]

    def _from(self, sender: Site, packet: bytes) -> None:
        if packet[0] != 0x45 or packet[9] != 6:
            return
        source, target = packed(sender.outside), packet[16:20]
        own, other = struct.unpack(">HH", packet[20:24])
        sender.open.add((own, target, other))
        for site in self.sites:
            if packed(site.outside) != target:
                continue
            if site.inside == site.outside or (other, source, own) in site.open:
                self._count += 1
                arrived = readdressed(packet, source, packed(site.inside))
                heapq.heappush(self._flying, (time.monotonic() + DELAY, self._count, site, arrived))


NODE = """
import json, os, sys, pathlib, trio
from p2pnode.network import NetworkSettings, RelayTerms, create_key, open_network
from p2pnode.ports import StreamProtocol

def say(**line):
    print(json.dumps(line), flush=True)

async def main(folder, address, boot, relay):
    folder = pathlib.Path(folder)
    create_key(folder / "key")
    settings = NetworkSettings(
        key_path=folder / "key", cache_dir=folder / "blobs", listen=(f"/ip4/{address}/tcp/4001",),
        bootstrap=tuple(filter(None, [boot])), relay=RelayTerms() if relay else None, target_peers=1,
    )
    async def echo(peer, request):
        return request
    async with open_network(settings) as node:
        node.serve(StreamProtocol.TASK, echo, max_request=1 << 20)
        say(addresses=node.addresses, peer=node.peer_id)
        async def watch():
            told = None
            while True:
                now = (node.reachability.verdict.value, bool(node.relays()))
                if now != told:
                    told = now
                    say(verdict=now[0])
                    if now[1]:
                        say(placed=True)
                await trio.sleep(0.05)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            async for line in trio.wrap_file(sys.stdin):
                asked = json.loads(line)
                if "ask" in asked:
                    answer = await node.request(asked["ask"], StreamProtocol.TASK, b"x" * 100_000,
                                                timeout=60, max_response=1 << 20)
                    say(answered=len(answer), ways=node.ways(asked["ask"]))
                if "direct" in asked:
                    with trio.fail_after(60):
                        while "direct" not in node.ways(asked["direct"]):
                            await trio.sleep(0.05)
                    say(direct=node.ways(asked["direct"]))
                if "only" in asked:
                    with trio.fail_after(90):
                        while node.ways(asked["only"]) != ["direct"]:
                            await trio.sleep(0.05)
                    answer = await node.request(asked["only"], StreamProtocol.TASK, b"again",
                                                timeout=60, max_response=1 << 20)
                    say(after=len(answer))

trio.run(main, *sys.argv[1:])
"""


def main(folder: str) -> None:
    """Two homes meet through a relay, then directly; prints how, as a JSON line."""
    public = Site("relay", "203.0.113.1", "203.0.113.1")
    worker = Site("worker", "10.1.0.2", "198.51.100.1")
    alice = Site("alice", "10.2.0.2", "198.51.100.2")
    lab = Lab([public, worker, alice])
    try:
        for site in lab.sites:
            place = Path(folder) / site.name
            place.mkdir()
            boot = lab.wait(public, "addresses", 240)[0] if site is not public else ""
            lab.start(site, NODE, str(place), site.inside, boot, "relay" if site is public else "")
        for site in (worker, alice):
            # By then each knows that nobody can dial it, and the relay.
            lab.wait(site, "placed", 300)
        lab.tell(alice, {"ask": lab.wait(worker, "peer", 60)})
        answered, ways = lab.wait(alice, "answered", 240), lab.wait(alice, "ways", 1)
        lab.tell(alice, {"direct": lab.wait(worker, "peer", 1)})
        then = lab.wait(alice, "direct", 120)
        # The relayed connection is closed a little later, and the direct one goes on.
        lab.tell(alice, {"only": lab.wait(worker, "peer", 1)})
        after = lab.wait(alice, "after", 180)
        print(json.dumps({"answered": answered, "ways": ways, "then": then, "after": after}))
    finally:
        lab.stop()


if __name__ == "__main__":
    main(sys.argv[1])
