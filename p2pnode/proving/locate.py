"""Where the prover's binary is, and how large a segment this machine can prove."""

import os
from collections.abc import Mapping
from pathlib import Path

from p2pnode.errors import ProverError

LEAST_PO2 = 15
MOST_PO2 = 20
BYTES_PER_CYCLE = 10_000
"""Memory of proving a segment, measured: 1.2 GB for 2^17 cycles, in proportion."""
_SHARE = 0.6
"""Part of the memory that is free now which a proof may take."""


def find_prover(binary: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The setting, else P2PNODE_PROVER, else what set-up built. Raises ProverError with the remedy."""
    setting = binary or environment.get("P2PNODE_PROVER", "")
    if setting:
        path = Path(setting).expanduser()
        remedy = "correct prover.binary or P2PNODE_PROVER"
    else:
        cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        path = cache / "p2pnode" / "cargo" / "release" / "p2pnode-prover"
        remedy = "run `p2pnode prover build`"
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ProverError(f"prover {path} is not an executable file; {remedy}")
    return path.absolute()


def free_memory() -> int:
    """Bytes that a new process may take: what the kernel says, within the limit of the control group."""
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) * 1024
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists():
        text = limit.read_text().strip()
        free = min(free, int(text)) if text.isdigit() else free
    return free


def segment_po2(memory: int) -> int:
    """The largest segment, as a power of two of cycles, that `memory` bytes allow.

    Fewer segments mean fewer lifts and joins, and a single one skips them all.
    """
    po2 = LEAST_PO2
    while po2 < MOST_PO2 and BYTES_PER_CYCLE << (po2 + 1) <= memory * _SHARE:
        po2 += 1
    return po2
