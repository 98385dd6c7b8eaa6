"""Builds the guest's ELF: the same bytes in every folder and for every user.

Standard library only, like build.py.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from sources import BuildError, cargo

HERE = Path(__file__).resolve().parent
TARGET = "riscv32im-risc0-zkvm-elf"
MEMBERS = ("batch", "guest", "onnx")


def guest_compiler() -> tuple[str, str, Path]:
    """A rustc that has its library source, its source root, and a rust-lld."""
    toolchains = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup") / "toolchains"
    candidates = [os.environ.get("P2PNODE_GUEST_RUSTC"), "/usr/bin/rustc", shutil.which("rustc")]
    for rustc in filter(None, candidates):
        if not Path(rustc).exists():
            continue
        sysroot = Path(subprocess.check_output([rustc, "--print", "sysroot"], text=True).strip())
        library = sysroot / "lib" / "rustlib" / "src" / "rust" / "library"
        if not library.exists():
            continue
        host = subprocess.check_output([rustc, "--print", "host-tuple"], text=True).strip()
        linkers = [
            *sysroot.glob(f"lib/rustlib/{host}/bin/rust-lld"),
            *toolchains.glob(f"*/lib/rustlib/{host}/bin/rust-lld"),
        ]
        if linkers:
            return rustc, str(linkers[0]), library.resolve().parent
    raise BuildError(
        "no rustc with its library source: the guest compiles core for its own target. "
        "Install rust-src (rustup component add rust-src) or Debian's rustc-web and rust-web-src."
    )


def lay_out(folder: Path) -> None:
    """Copies what the guest is made of into a workspace of its own.

    Cargo names a crate in the symbols by its path, unless that lies within the workspace. The prover's
    workspace contains patched crates, which lie in the user's cache: symbols, their order and with it the
    image would be that user's alone. The guest needs none of the patches.
    """
    for member in MEMBERS:
        # Not copy2, which keeps times: cargo goes by them, and the target folder is every checkout's.
        shutil.copytree(HERE / member / "src", folder / member / "src", copy_function=shutil.copyfile)
        shutil.copyfile(HERE / member / "Cargo.toml", folder / member / "Cargo.toml")
    shutil.copyfile(HERE / "guest" / "workspace.toml", folder / "Cargo.toml")
    shutil.copyfile(HERE / "guest" / "Cargo.lock", folder / "Cargo.lock")


def build_guest(cache: Path, locked: bool = True) -> bytes:
    """The guest's ELF. `locked` insists on guest/Cargo.lock; else it is brought up to date.

    The folder has another name each time, so that nothing can depend on it.
    """
    rustc, linker, source = guest_compiler()
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    target = cache / "cargo-guest"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lay_out(folder)
        flags = [
            "-Cpasses=lower-atomic",
            "-Clink-arg=-Ttext=0x00200800",
            "-Clink-arg=--fatal-warnings",
            "-Cpanic=abort",
            '--cfg=getrandom_backend="custom"',
            f"-Clinker={linker}",
            "-Zlocation-detail=none",
            f"--remap-path-prefix={cargo_home}=/cargo",
            f"--remap-path-prefix={source}=/rust",
        ]
        env = {
            **os.environ,
            "CARGO_TARGET_DIR": str(target),
            "RUSTC": rustc,
            "RUSTC_BOOTSTRAP": "1",
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        }
        command = [
            cargo(), "build", "--manifest-path", str(folder / "Cargo.toml"), "-p", "p2pnode-guest",
            "--profile", "guest", "--target", TARGET, *(["--locked"] if locked else []),
            "-Zbuild-std=core,alloc,panic_abort,std,proc_macro", "-Zbuild-std-features=compiler-builtins-mem",
        ]  # fmt: skip
        subprocess.run(command, env=env, check=True)
        if not locked:
            shutil.copyfile(folder / "Cargo.lock", HERE / "guest" / "Cargo.lock")
    return (target / TARGET / "guest" / "p2pnode-guest").read_bytes()
