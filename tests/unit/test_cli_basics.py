"""Commands that need no chain and no node: their results, their errors, their exit codes."""

import json
import re
import stat
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from p2pnode.cli.main import COMMANDS, exit_code, main
from p2pnode.cli.output import joy, printable
from p2pnode.config import load_config
from p2pnode.errors import ChainError, ConfigError, MarketError, NetworkError
from p2pnode.identity import load_account
from tests.quick import quick_scrypt

KEY = "0x" + "11" * 32
ENV = {"P2PNODE_PASSWORD": "correct horse"}


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


@pytest.fixture(autouse=True)
def _quick_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_scrypt(monkeypatch)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = run(name, "--help") if name != "demo" else run("--help")
    assert result.exit_code == 0, result.output
    assert "Usage: main" in result.output


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run("fly").exit_code == 2


def test_version_in_both_forms() -> None:
    assert re.fullmatch(r"p2pnode \d+\.\d+\.\d+\n", run("version").stdout)
    assert set(json.loads(run("version", "--json").stdout)) == {"version"}


def test_init_makes_a_node_that_loads(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    result = run(
        "init", folder, "--json", "--set", "worker.capacity=8", "--set", "worker.enabled=true", env=ENV
    )
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    config = load_config(Path(made["config"]), {})
    assert (config.worker.capacity, config.worker.enabled, config.data_dir) == (8, True, folder)
    assert load_account(config.keystore, ENV["P2PNODE_PASSWORD"]).checksum_address == made["account"]
    assert stat.S_IMODE(config.node_key.stat().st_mode) == 0o600
    assert made["peer_id"].startswith("12D3KooW")
    assert "correct horse" not in result.output + Path(made["config"]).read_text()


def test_init_imports_a_key(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    result = run("init", tmp_path / "node", "--import-key", key_file, "--json", env=ENV)
    assert json.loads(result.stdout)["account"] == "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
    key_file.chmod(0o644)
    result = run("init", tmp_path / "other", "--import-key", key_file, env=ENV)
    assert result.exit_code == 2
    assert "chmod 600" in result.stderr
    assert "11" * 32 not in result.output


def test_init_asks_for_a_password_twice(tmp_path: Path) -> None:
    result = run("init", tmp_path / "node", input="one\none\n", env={"P2PNODE_PASSWORD": ""})
    assert result.exit_code == 0, result.output
    assert load_account(tmp_path / "node" / "keystore.json", "one")


def test_init_writes_nothing_when_a_setting_is_wrong(tmp_path: Path) -> None:
    for change in ("worker.capacity=0", "worker.prize=1", "nonsense"):
        result = run("init", tmp_path / "node", "--set", change, env=ENV)
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")
        assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "node").exists()


def test_init_never_overwrites(tmp_path: Path) -> None:
    run("init", tmp_path, env=ENV)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    result = run("init", tmp_path, env=ENV)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("command", [["run"], ["node", "status"], ["escrow", "status"], ["receipts", "list"]])
def test_a_missing_configuration_says_how_to_make_one(tmp_path: Path, command: list[str]) -> None:
    result = run(*command, "--config", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "p2pnode init" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_wrong_password_is_refused_before_anything_starts(tmp_path: Path) -> None:
    run("init", tmp_path, env=ENV)
    result = run(
        "escrow", "deposit", "1", "-c", tmp_path / "p2pnode.toml", env={"P2PNODE_PASSWORD": "tulip-19"}
    )
    assert result.exit_code == 2
    assert "wrong password" in result.stderr
    assert "tulip-19" not in result.output


def test_a_missing_deployment_is_named(tmp_path: Path) -> None:
    run("init", tmp_path, env=ENV)
    result = run("node", "status", "-c", tmp_path / "p2pnode.toml")
    assert result.exit_code == 2
    assert "chain.deployment" in result.stderr


def test_no_receipts_is_no_error(tmp_path: Path) -> None:
    run("init", tmp_path, env=ENV)
    config = tmp_path / "p2pnode.toml"
    assert run("receipts", "list", "-c", config).stdout == "no receipt yet\n"
    assert json.loads(run("receipts", "list", "--json", "-c", config).stdout) == []
    result = run("receipts", "show", "0xabcd", "-c", config)
    assert result.exit_code == 1
    assert "0 receipts match" in result.stderr


def test_submit_without_a_node_says_how_to_start_one(tmp_path: Path) -> None:
    run("init", tmp_path, env=ENV)
    result = run("submit", "0x" + "00" * 32, tmp_path, "-c", tmp_path / "p2pnode.toml")
    assert result.exit_code == 3
    assert "p2pnode run" in result.stderr


@pytest.mark.parametrize("model", ["bafkreiabc", "0x12", "none.onnx"])
def test_submit_names_a_model_that_is_none(tmp_path: Path, model: str) -> None:
    run("init", tmp_path, env=ENV)
    result = run("submit", model, tmp_path, "-c", tmp_path / "p2pnode.toml")
    assert result.exit_code == 1
    assert model in result.stderr


@pytest.mark.parametrize("amount", ["-1", "much", "0.0000000000000000001", "1e30", "nan", "inf"])
def test_an_amount_that_is_none_is_a_usage_error(tmp_path: Path, amount: str) -> None:
    run("init", tmp_path, env=ENV)
    result = run("escrow", "deposit", "-c", tmp_path / "p2pnode.toml", "--", amount)
    assert result.exit_code == 2
    assert "0.05" in result.stderr


def test_amounts_are_exact() -> None:
    assert joy(0) == "0 JOY"
    assert joy(1) == "0.000000000000000001 JOY"
    assert joy(1_234 * 10**18 + 5 * 10**17) == "1,234.5 JOY"


def test_what_strangers_wrote_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[31m\nb" + "x" * 200) == "a?[31m?b" + "x" * 72


def test_each_kind_of_error_has_its_code() -> None:
    kinds = (ConfigError, NetworkError, ChainError, MarketError)
    assert [exit_code(kind("x")) for kind in kinds] == [2, 3, 4, 1]


def test_the_version_is_told_both_ways() -> None:
    told = [CliRunner().invoke(main, [word]).stdout for word in ("version", "--version")]
    assert told[0] == told[1] == f"p2pnode {version('p2pnode')}\n"
