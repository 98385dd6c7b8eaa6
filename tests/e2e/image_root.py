"""The image of deploy/Dockerfile, made without a container engine: its steps in a Debian of the same release.

Debian's packages stand for the base image, and the prover that set-up built for the first stage's. What the
steps install, make and own is then as in the image; layers and the engine's own behaviour are not tested.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from p2pnode.proving.locate import find_prover
from tests.e2e.conftest import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TOOLS = ("mmdebstrap", "unshare", "chroot")
PACKAGES = "ca-certificates,python-is-python3,python3,python3-pip"
# The registry's certificate may be one of this machine's own.
_TRUST = dict.fromkeys(
    ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), "/etc/ssl/certs/ca-certificates.crt"
)


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class ImageRoot:
    """A root filesystem and what the Dockerfile says of running in it."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    entrypoint: Sequence[str] = ()

    def run(
        self, command: Sequence[str], mounts: Mapping[Path, str] | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """A command as the image's user; `mounts` are folders of this machine by where they appear."""
        steps = [f"mount -t proc proc {shlex.quote(str(self.path / 'proc'))}"]
        for source, target in (mounts or {}).items():
            inside = self.path / target.lstrip("/")
            if source.is_dir():
                inside.mkdir(parents=True, exist_ok=True)
            else:
                inside.parent.mkdir(parents=True, exist_ok=True)
                inside.touch()
            steps.append(f"mount --bind {shlex.quote(str(source))} {shlex.quote(str(inside))}")
        steps.append(shlex.join(["exec", "chroot", f"--userspec={self.user}", str(self.path), *command]))
        env = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/tmp",
            **self.environment,
            **more,
        }
        return subprocess.run(
            ["unshare", "--mount", "sh", "-ec", "\n".join(steps)],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )

    def copy(self, arguments: Sequence[str]) -> None:
        """A COPY step; of a whole context what .dockerignore leaves."""
        *options, source, target = arguments
        inside = self.path / target.lstrip("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        if options:
            assert (options, Path(source).name) == (["--from=prover"], "p2pnode-prover")
            shutil.copy(find_prover(""), inside)
        else:
            assert source == "."
            lines = (ROOT / ".dockerignore").read_text().split()
            anywhere = {line.removeprefix("**/") for line in lines if line.startswith("**/")}
            # The step's last command takes them out again; here they are a gigabyte to copy.
            at_top = {*lines, "contracts", *(path.name for path in ROOT.glob(".*_cache"))}

            def skip(folder: str, names: list[str]) -> set[str]:
                return set(names) & (anywhere | at_top if Path(folder) == ROOT else anywhere)

            shutil.copytree(ROOT, inside, symlinks=True, ignore=skip)


def make_root(folder: Path) -> ImageRoot:
    """Make the base image's stand-in in `folder` and carry out the last stage in it."""
    release = re.findall(r"^FROM python:\S+-slim-(\w+)$", DOCKERFILE.read_text(), re.MULTILINE)[0]
    # In a mount namespace of its own: what it mounts is gone with it, whatever ends it.
    options = ["--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={PACKAGES}"]
    subprocess.run(
        ["unshare", "--mount", "mmdebstrap", *options, release, folder],
        check=True,
        env={name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
    )
    return carry_out(folder)


def carry_out(folder: Path) -> ImageRoot:
    """The steps, in a root that has the base image's packages."""
    # Python's own image lets pip install into the system.
    for marker in folder.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    shutil.copy("/etc/resolv.conf", folder / "etc" / "resolv.conf")
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    shutil.copy(trusted, folder / str(trusted)[1:])
    root = ImageRoot(folder)
    for instruction, rest in last_stage():
        match instruction:
            case "COPY":
                root.copy(shlex.split(rest))
            case "RUN":
                done = root.run(["/bin/sh", "-c", rest], None, **_TRUST)
                assert done.returncode == 0, done.stdout + done.stderr
            case "USER":
                root.user = rest
            case "ENV":
                root.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "ENTRYPOINT":
                root.entrypoint = json.loads(rest)
    return root


def last_stage() -> list[tuple[str, str]]:
    """Instructions after the last FROM, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [
        (first, rest.strip()) for first, _, rest in (line.partition(" ") for line in joined.splitlines())
    ]
    start = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return [one for one in found[start + 1 :] if one[0]]
