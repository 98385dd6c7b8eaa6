"""The machine: its clock, disk, memory, and the versions of what the node stands on."""

import ctypes
import platform
import shutil
import sys
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import trio

from p2pnode.config import Config
from p2pnode.doctor.check import Check, fail, ok, warn
from p2pnode.errors import ProverError
from p2pnode.proving.locate import BYTES_PER_CYCLE, find_prover, free_memory, segment_po2
from p2pnode.proving.rates import load_rates

GIB: Final = 1 << 30
_WANT_DISK: Final = 5 * GIB
_NEED_DISK: Final = GIB
_NEED_MEMORY: Final = int(2.5 * GIB)
"""A batch of sixteen digits takes 2.3 GiB."""
_UNSYNCHRONISED: Final = 0x40
"""STA_UNSYNC of adjtimex(2)."""
_LIBRARIES: Final = ("libp2p", "onnxruntime", "onnx", "web3", "trio")


async def clock(config: Config) -> AsyncIterator[Check]:
    """Whether the kernel's clock is kept in step. `chain.rpc` compares it with another machine's."""
    status = await trio.to_thread.run_sync(_clock_status)
    if status is None:
        yield ok("clock.sync", "the system does not say whether the clock is kept in step")
    elif status & _UNSYNCHRONISED:
        yield warn(
            "clock.sync",
            "nothing keeps this machine's clock in step",
            "run `timedatectl set-ntp true`, or start chrony: offers and bids are refused when clocks differ",
        )
    else:
        yield ok("clock.sync", "the system keeps the clock in step")


def _clock_status() -> int | None:
    """The status word of adjtimex(2); None where there is no such call."""
    if sys.platform != "linux":
        return None
    # struct timex of 64-bit Linux: `modes` (0 only reads), four longs in front of `status`, 208 bytes in all.
    buffer = ctypes.create_string_buffer(512)
    if ctypes.CDLL(None, use_errno=True).adjtimex(buffer) < 0:
        return None
    size = ctypes.sizeof(ctypes.c_long)
    return int.from_bytes(buffer.raw[5 * size : 5 * size + 4], sys.byteorder)


async def disk(config: Config) -> AsyncIterator[Check]:
    """Room for the ledger, models and proofs in the making."""
    folder = config.data_dir
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.1f} GiB free for {config.data_dir}"
    remedy = "make room, or move data_dir: a full disk stops the ledger, and with it the node"
    if free < _NEED_DISK:
        yield fail("disk.free", found, remedy)
    elif free < _WANT_DISK:
        yield warn("disk.free", found, remedy)
    else:
        yield ok("disk.free", found)


async def memory(config: Config) -> AsyncIterator[Check]:
    """Memory for a proof; only a worker makes any."""
    free = free_memory()
    po2 = segment_po2(free)
    found = (
        f"{free / GIB:.1f} GiB free, segments of 2^{po2} cycles ({BYTES_PER_CYCLE * 2**po2 / GIB:.1f} GiB)"
    )
    if config.worker.enabled and free < _NEED_MEMORY:
        yield warn("memory.free", found, "free some memory: a proof takes 2.3 GiB or more")
    else:
        yield ok("memory.free", found)


async def versions(config: Config) -> AsyncIterator[Check]:
    """What runs here, for a report of a fault."""
    found = ", ".join(f"{name} {version(name)}" for name in ("p2pnode", *_LIBRARIES))
    yield ok("versions", f"{found}, Python {platform.python_version()} on {platform.platform(terse=True)}")


async def runtime(config: Config) -> AsyncIterator[Check]:
    """ONNX Runtime, and what its build could run models on."""

    def load() -> tuple[str, str, list[str]]:
        from p2pnode.inference import providers

        return providers()

    number, used, known = await trio.to_thread.run_sync(load)
    yield ok("onnxruntime", f"{number}, answers on {used}; this build has {', '.join(known)}")


async def prover(config: Config) -> AsyncIterator[Check]:
    """The prover's binary, its guest, and whether its speed was measured."""
    from p2pnode.proving import open_prover

    try:
        path = find_prover(config.prover.binary)
        async with open_prover(binary=config.prover.binary) as opened:
            image_id = opened.image_id
    except ProverError as error:
        problem, _, remedy = str(error).partition("; ")
        if config.worker.enabled:
            yield fail("prover.binary", problem, remedy or "run `p2pnode prover build`")
        else:
            yield warn(
                "prover.binary", problem, f"{remedy}; until then receipts are checked by the chain alone"
            )
        return
    yield ok("prover.binary", f"{path}, guest {image_id.hex()[:16]}…")
    for check in _image(config, image_id):
        yield check
    rates = load_rates(path)
    if rates.measured_at:
        yield ok("prover.speed", f"{rates.cycles_per_second / 1000:.1f} kHz at the last proof")
    elif config.worker.enabled:
        yield warn(
            "prover.speed", "never measured here", "run `p2pnode bench`, so that prices and waits are right"
        )
    else:
        yield ok("prover.speed", "never measured here; only a worker needs it")


def _image(config: Config, image_id: bytes) -> list[Check]:
    """The contracts must accept the proofs of this very guest."""
    from p2pnode.chain import load_deployment

    if not Path(config.chain.deployment).exists():
        return []
    wanted = load_deployment(config.chain.deployment).image_id
    if wanted == image_id:
        return [ok("prover.image", "the guest that the contracts accept")]
    return [
        fail(
            "prover.image",
            f"guest {image_id.hex()[:16]}…, but the contracts accept {wanted.hex()[:16]}…",
            "install the version of p2pnode that this network uses, then `p2pnode prover build`",
        )
    ]
