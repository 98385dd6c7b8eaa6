"""Builds and commands of the foreign peers."""

import shutil
from pathlib import Path

from tests.interop.foreign import SOURCES, build, building, tool


def js() -> list[str | Path]:
    """js-libp2p, from package-lock.json."""
    node, npm = tool("node"), tool("npm")
    with building("js", "package.json", "package-lock.json", "peer.mjs") as (folder, built):
        if not built:
            for name in ("package.json", "package-lock.json", "peer.mjs"):
                shutil.copy(SOURCES / "js" / name, folder)
            build(folder, [npm, "ci", "--no-audit", "--no-fund"], folder)
    return [node, folder / "peer.mjs"]
