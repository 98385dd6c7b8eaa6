#!/usr/bin/env python3
"""Builds the prover and the guest image. Standard library only: it runs before any environment exists.

    build.py prover            build p2pnode-prover into the per-user cache
    build.py guest [--check]   rebuild the guest image; --check compares its ID with the committed one
    build.py test              cargo tests of the workspace, and the interpreter's with overflow checks
    build.py stock FOLDER      verify a proved job's receipts with RISC Zero's crates as published
    build.py cargo -- ARGS     any cargo command with the patched sources in place

The cache is $XDG_CACHE_HOME/p2pnode (else ~/.cache/p2pnode): the first build of the prover compiles
what RISC Zero's circuits need of C++ and some 200 Rust crates, once a machine.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from image import build_guest, guest_compiler
from sources import BuildError, cargo, patch_options, tool, vector_flags

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "p2pnode"
TARGET = CACHE / "cargo"
PROVER = TARGET / "release" / "p2pnode-prover"
CRATES = ("onnx", "batch", "packed", "prover")
IMAGES = HERE / "images"
# Sizes have 32 bits there as in the guest, where those of a hostile model could wrap.
NARROW_TARGET = "i686-unknown-linux-musl"

# Share of a cold build's time that each slow C++ step takes, for the estimate that is shown.
SLOW_STEPS = {
    "risc0-circuit-rv32im-sys": 0.16,
    "risc0-circuit-recursion-sys": 0.12,
}
COLD_CORE_SECONDS = 510


def cargo_command(*args: str) -> list[str]:
    return [cargo(), *args, *patch_options(CACHE), "--manifest-path", str(HERE / "Cargo.toml")]


def environment() -> dict[str, str]:
    return {**os.environ, "CARGO_TARGET_DIR": str(TARGET), **vector_flags()}


def sources_digests() -> dict[str, str]:
    """What each crate of the prover is built from in this checkout."""
    shared = {"prover": [HERE / "Cargo.toml", HERE / "Cargo.lock", *IMAGES.iterdir()]}
    digests = {}
    for crate in CRATES:
        files = [path for path in (HERE / crate).rglob("*") if path.suffix in (".rs", ".toml")]
        digest = hashlib.sha256()
        for path in sorted([*files, *shared.get(crate, [])]):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(HERE)} {content}\n".encode())
        digests[crate] = digest.hexdigest()
    return digests


def build_prover() -> None:
    """Builds what differs from the last build, which may have been another checkout's.

    Checkouts share the target folder, and cargo tells by the time of a file whether it changed, which says
    nothing between checkouts. So the crates of this repository whose content differs are forgotten, and only
    those: RISC Zero's crates are built on top of `packed`.
    """
    digests, stamp = sources_digests(), TARGET / "sources.json"
    built = json.loads(stamp.read_text()) if stamp.exists() else {}
    changed = [crate for crate in CRATES if built.get(crate) != digests[crate]]
    if PROVER.exists() and changed:
        stamp.unlink(missing_ok=True)
        packages = [argument for crate in changed for argument in ("-p", f"p2pnode-{crate}")]
        forget = cargo_command("clean", "--quiet", "--release", *packages)
        subprocess.run(forget, env=environment(), check=True)
    run_cargo()
    stamp.write_text(json.dumps(digests))


def run_cargo() -> None:
    """Runs cargo and turns its messages into one line of progress every few seconds."""
    tool("c++", "RISC Zero's circuits are C++", "Install a C++ compiler (Debian: apt install g++).")
    command = cargo_command(
        "build",
        "--release",
        "--locked",
        "-p",
        "p2pnode-prover",
        "--message-format",
        "json-render-diagnostics",
    )
    start = last = time.monotonic()
    done, units = 0.0, 0
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    while process.poll() is None:
        for line in process.stdout:
            message = json.loads(line)
            if message.get("fresh") is False:
                units += 1
            if message["reason"] == "build-script-executed":
                done += next((s for n, s in SLOW_STEPS.items() if n in message["package_id"]), 0)
        elapsed = time.monotonic() - start
        if elapsed > 5 and time.monotonic() - last > 15 and units:
            last = time.monotonic()
            left = (COLD_CORE_SECONDS / (os.cpu_count() or 2) - elapsed) * (1 - done) / 60
            about = f"about {left:.0f} min left" if left > 0.5 else "the last and largest are being built"
            print(
                f"  prover: {units} crates built in {elapsed / 60:.0f} min, {about} (the first build only)",
                flush=True,
            )
        time.sleep(0.3)
    if process.returncode:
        raise BuildError("the prover did not build; cargo's message above says why")


def prover(*args: str) -> dict[str, object]:
    output = subprocess.run([str(PROVER), *args], check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(output.splitlines()[-1]))


def guest(check: bool) -> None:
    """Rebuild the image. Only the compiler that made the committed one can check it: others differ."""
    made_by, here = IMAGES / "rustc.txt", None
    try:
        here = subprocess.check_output([guest_compiler()[0], "--version"], text=True)
    except BuildError as error:
        if not check:
            raise
        print(f"skipped: {error}")
        return
    if check and here != made_by.read_text():
        print(f"skipped: the image was built by {made_by.read_text().strip()}, here is {here.strip()}")
        return
    with tempfile.TemporaryDirectory() as scratch:
        elf, image = Path(scratch) / "guest.elf", Path(scratch) / "guest.bin"
        elf.write_bytes(build_guest(CACHE, locked=check))
        made = prover("image", "--elf", str(elf), "--out", str(image))["image_id"]
        committed = IMAGES / "image_id.txt"
        if check:
            if made != committed.read_text().strip():
                raise BuildError(f"the rebuilt image ID is {made}, the committed one {committed.read_text()}")
            print(f"the rebuilt image is the committed one: {made}")
            return
        IMAGES.mkdir(exist_ok=True)
        shutil.copy(image, IMAGES / "guest.bin")
        committed.write_text(f"{made}\n")
        made_by.write_text(here)
        ids = prover("control-ids")
        ids.pop("event")
        (IMAGES / "control_ids.json").write_text(json.dumps(ids, indent=2) + "\n")
        print(f"wrote {IMAGES.name}/guest.bin, image ID {made}")


def narrow_environment() -> dict[str, str] | None:
    """What cargo needs to test for 32 bits, or None without that target's standard library and a linker."""
    query = ["rustc", "--print", "target-libdir", "--print", "sysroot", "--target", NARROW_TARGET]
    answer = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    if answer.returncode:
        return None
    library, sysroot = map(Path, answer.stdout.split())
    linkers = list(sysroot.glob("lib/rustlib/*/bin/rust-lld"))
    if not library.exists() or not linkers:
        return None
    name = NARROW_TARGET.replace("-", "_").upper()
    return {
        **environment(),
        f"CARGO_TARGET_{name}_LINKER": str(linkers[0]),
        f"CARGO_TARGET_{name}_RUSTFLAGS": "-Clinker-flavor=ld.lld",
    }


def run_tests() -> bool:
    """The workspace's tests; then the interpreter's and its fuzzing with every overflow checked."""
    checked = cargo_command("test", "--profile", "fuzz", "-p", "p2pnode-onnx", "--test", "*")
    runs = [(cargo_command("test", "--release"), environment()), (checked, environment())]
    narrow = narrow_environment()
    if narrow is None:
        print(f"skipped: tests with 32-bit sizes; rustup target add {NARROW_TARGET} makes them run")
    else:
        runs.append(([*checked, "--target", NARROW_TARGET], narrow))
    codes = [subprocess.run(command, env=env, check=False).returncode for command, env in runs]
    return not any(codes)


def stock(folder: Path) -> int:
    """The exit code of the verifier that neither the patches nor the vectors are in."""
    target = CACHE / "cargo-stock"
    env = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    build = [cargo(), "build", "--quiet", "--release", "--locked"]
    manifest = HERE / "stock" / "Cargo.toml"
    subprocess.run([*build, "--manifest-path", str(manifest)], env=env, check=True)
    return subprocess.run([str(target / "release" / "p2pnode-stock"), str(folder)], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("prover", "test"):
        commands.add_parser(name)
    commands.add_parser("guest").add_argument("--check", action="store_true")
    commands.add_parser("stock").add_argument("folder", type=Path)
    commands.add_parser("cargo").add_argument("args", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        if options.command == "prover":
            build_prover()
        elif options.command == "guest":
            build_prover()
            guest(options.check)
        elif options.command == "stock":
            return stock(options.folder)
        elif options.command == "test":
            build_prover()
            return 0 if run_tests() else 1
        else:
            args = [argument for argument in options.args if argument != "--"]
            return subprocess.run(cargo_command(*args), env=environment(), check=False).returncode
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {error.cmd[0]} failed with exit code {error.returncode}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
