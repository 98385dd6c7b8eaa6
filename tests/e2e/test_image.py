"""The image's content, built once and used as deploy/compose.yml does."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.e2e.conftest import ROOT
from tests.e2e.image_root import TOOLS, ImageRoot, make_root
from tests.unit.built import needs_prover

MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
COMPOSE = ROOT / "deploy" / "compose.yml"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.deep,
    needs_prover,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a root filesystem"),
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}; apt-get install mmdebstrap"),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> ImageRoot:
    return make_root(tmp_path_factory.mktemp("image") / "root")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The folders that the compose file's own first lines make."""
    (first,) = re.findall(r"^#   (mkdir .+)$", COMPOSE.read_text(), re.MULTILINE)
    addresses = {"chainId": 7}
    (tmp_path / "deployment.json").write_text(json.dumps(addresses))
    subprocess.run(["bash", "-ec", first], cwd=tmp_path, check=True)
    return tmp_path


def test_the_command_and_the_prover_work_in_it(image: ImageRoot) -> None:
    assert image.user != "0:0"
    told = image.run([*image.entrypoint, "version"])
    assert told.stdout.startswith("p2pnode "), told.stderr
    status = json.loads(image.run([*image.entrypoint, "prover", "status", "--json"]).stdout)
    committed = (ROOT / "circuits_guest" / "images" / "image_id.txt").read_text().strip()
    assert status["image_id"].removeprefix("0x") == committed
    assert status["path"] == image.environment["P2PNODE_PROVER"]
    assert image.run(["sh", "-c", "which cc gcc g++"]).stdout == "", "all packages came as wheels"
    assert not (image.path / "src").exists()
    assert list(image.path.glob("usr/**/p2pnode/cli/__pycache__/run.*.pyc")), "the user cannot write bytecode"


@pytest.mark.parametrize("service", ["worker-init", "requester-init"])
def test_a_node_is_made_by_the_command_of_compose(
    service: str, image: ImageRoot, checkout: Path, tmp_path: Path
) -> None:
    command = yaml.safe_load(COMPOSE.read_text())["services"][service]["command"]
    values = {"RPC_URL": "http://192.0.2.1:8545", "PUBLIC_IP": "192.0.2.7"}
    plain = [re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: values[found[1]], part) for part in command]
    # As a named volume starts: what the image has at that place.
    data = tmp_path / "data"
    shutil.copytree(image.path / "data", data)
    status = (image.path / "data").stat()
    os.chown(data, status.st_uid, status.st_gid)
    mounts = {
        data: "/data",
        checkout / "network": "/network",
        checkout / "secrets" / "password": "/run/secrets/password",
    }
    done = image.run([*image.entrypoint, *plain, "--json"], mounts)
    assert done.returncode == 0, done.stderr
    made = data / "p2pnode.toml"
    assert made.stat().st_uid == int(image.user.split(":")[0])
    for name, value in (part.removeprefix("--set=").split("=", 1) for part in plain if "--set=" in part):
        assert value in made.read_text(), name
    # All that is missing is the network itself, whose file says nothing yet.
    refused = image.run([*image.entrypoint, "run"], mounts)
    assert refused.returncode == 2
    assert "chain.deployment /network/deployment.json: addresses" in refused.stderr


def test_the_bootstrap_peer_of_compose_writes_its_list(image: ImageRoot, checkout: Path) -> None:
    command = yaml.safe_load(COMPOSE.read_text())["services"]["bootstrap"]["command"]
    data = checkout / "data"
    data.mkdir()
    os.chown(data, *map(int, image.user.split(":")))
    here = [part.replace("/ip4/0.0.0.0/tcp/4000", "/ip4/127.0.0.1/tcp/0") for part in command]
    ended = ["timeout", "--signal=TERM", "60", *image.entrypoint, *here]
    done = image.run(ended, {data: "/data", checkout / "network": "/network"})
    listed = (checkout / "network" / "bootstrap.peers").read_text().splitlines()
    assert any("/p2p/" in line for line in listed), done.stderr
