"""Receipts in a stranger's hands: one is verified as it is, and altered copies of it are refused."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p2pnode.cli.verify import REFUSED
from p2pnode.devnet.node import DevnetNode, run_p2pnode


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `p2pnode verify` said of a file."""

    file: str
    what: str
    valid: bool
    reason: str


async def fetch(requester: DevnetNode, task_id: str, target: Path) -> None:
    """Have the requester's node write the receipt of a task to a file."""
    await run_p2pnode(
        requester.folder, "receipts", "show", task_id, "--output", target, "--config", requester.config
    )


async def verify(file: Path, what: str) -> Verdict:
    """`p2pnode verify`, offline and without any configuration."""
    found = await run_p2pnode(file.parent, "verify", file, "--json", codes=(0, REFUSED))
    problems = [f"{check['check']}: {check['problem']}" for check in found["checks"] if not check["ok"]]
    return Verdict(str(file), what, found["valid"], "; ".join(problems))


def altered(receipt: Path) -> Iterator[tuple[Path, str]]:
    """Copies of a receipt, each with one byte changed, and what was changed."""
    document = json.loads(receipt.read_text())

    def save(name: str, **changes: Any) -> Path:
        target = receipt.with_name(name)
        target.write_text(json.dumps({**document, **changes}, indent=2))
        return target

    seal = bytearray(base64.b64decode(document["seal"]))
    position = len(seal) // 2
    seal[position] ^= 1
    changed = base64.b64encode(bytes(seal)).decode()
    yield save("altered-seal.json", seal=changed), f"one bit of byte {position:,} of its seal changed"
    digest = bytearray.fromhex(document["outputDigest"][2:])
    digest[0] ^= 1
    yield save("altered-output.json", outputDigest=f"0x{digest.hex()}"), "another output claimed"
