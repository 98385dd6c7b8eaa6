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


def go() -> list[str | Path]:
    """go-libp2p and go-libp2p-pubsub; about 80 s of CPU to build."""
    compiler = tool("go")
    with building("go", "go.mod", "go.sum", "main.go") as (folder, built):
        if not built:
            build(folder, [compiler, "build", "-mod=readonly", "-o", folder / "peer", "."], SOURCES / "go")
    return [folder / "peer"]


def rust() -> list[str | Path]:
    """rust-libp2p; some minutes of CPU to build."""
    cargo = tool("cargo")
    with building("rust", "Cargo.toml", "Cargo.lock", "src/main.rs", "src/blobs.rs") as (folder, built):
        if not built:
            target = folder / "target"
            build(folder, [cargo, "build", "--release", "--locked", "--target-dir", target], SOURCES / "rust")
    return [folder / "target" / "release" / "p2pnode-interop"]
