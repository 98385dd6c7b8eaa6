"""One bad field, one error that names it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from p2pnode.config import SECTIONS, Config, default_toml, load_config, parse_config
from p2pnode.errors import ConfigError
from p2pnode.settings import declared

BASE = Path("/srv/node")
TABLES: dict[str, type[Any]] = {"": Config, **SECTIONS}


def write(folder: Path, text: str) -> Path:
    path = folder / "p2pnode.toml"
    path.write_text(text)
    return path


def test_the_written_defaults_are_the_defaults() -> None:
    assert parse_config(tomllib.loads(default_toml()), BASE, {}) == parse_config({}, BASE, {})


def test_every_setting_is_in_the_written_file() -> None:
    text = default_toml()
    for name, kind in TABLES.items():
        assert not name or f"[{name}]" in text
        for item in declared(kind):
            assert f"{item.name} = " in text


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, '[chain]\ndeployment = "chain/deployment.json"\n'), {})
    assert config.data_dir == tmp_path
    assert config.chain.deployment == tmp_path / "chain" / "deployment.json"


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("log_level", {"log_level": "loud"}, "'loud'"),
    ("log_format", {"log_format": "xml"}, "json"),
    ("data_dir", {"data_dir": ""}, "path"),
    ("data_dir", {"data_dir": 3}, "path"),
    ("password_file", {"password_file": ["a"]}, "path"),
    ("colour", {"colour": "red"}, "unknown setting"),
    ("worker", {"worker": 7}, "[worker]"),
    ("network.listen", {"network": {"listen": []}}, "at least one"),
    ("network.listen", {"network": {"listen": ["127.0.0.1:4001"]}}, "/ip4/"),
    ("network.listen", {"network": {"listen": "/ip4/0.0.0.0/tcp/1"}}, "list of texts"),
    ("network.announce", {"network": {"announce": ["here"]}}, "/ip4/"),
    ("network.bootstrap", {"network": {"bootstrap": [""]}}, "empty entry"),
    ("network.bootstrap", {"network": {"bootstrap": [1]}}, "list of texts"),
    ("network.mdns", {"network": {"mdns": 1}}, "true or false"),
    ("network.upnp", {"network": {"upnp": "on"}}, "true or false"),
    ("network.builtin_bootstrap", {"network": {"builtin_bootstrap": "yes"}}, "true or false"),
    ("network.psk_file", {"network": {"psk_file": 1}}, "path in quotes"),
    ("network.allow", {"network": {"allow": "192.0.2.0/24"}}, "list of texts"),
    ("network.allow", {"network": {"allow": ["somewhere"]}}, "192.0.2.0/24"),
    ("network.deny", {"network": {"deny": ["192.0.2.300"]}}, "192.0.2.0/24"),
    ("network.max_connections", {"network": {"max_connections": 64}}, "between 1 and 63"),
    ("network.max_per_ip", {"network": {"max_per_ip": 0}}, "between 1 and 63"),
    ("network.blob_quota_mib", {"network": {"blob_quota_mib": 1}}, "between 64"),
    ("network.relay", {"network": {"relay": 1}}, "true or false"),
    ("network.relay_reservations", {"network": {"relay_reservations": 0}}, "between 1"),
    ("network.relay_mib", {"network": {"relay_mib": 0}}, "between 1"),
    ("network.relay_seconds", {"network": {"relay_seconds": 1}}, "between 10"),
    ("network.port", {"network": {"port": 1}}, "listen, bootstrap, announce, mdns"),
    ("chain.rpc_url", {"chain": {"rpc_url": "localhost:8545"}}, "http://"),
    ("chain.rpc_url", {"chain": {"rpc_url": "http://[::1"}}, "http://"),
    ("chain.rpc_url", {"chain": {"rpc_url": "http://a:99999"}}, "http://"),
    ("currency", {"currency": 1}, "a text"),
    ("joy_price", {"joy_price": -0.5}, "between"),
    ("worker.payout", {"worker": {"payout": "jsc1short"}}, "JSC address"),
    ("worker.payout", {"worker": {"payout": ""}}, "direct, credit"),
    ("worker.call_price", {"worker": {"call_price": -1}}, "between"),
    ("worker.margin_percent", {"worker": {"margin_percent": -1}}, "between"),
    ("worker.joy_per_coin", {"worker": {"joy_per_coin": 1.5}}, "integer"),
    ("worker.model_prices", {"worker": {"model_prices": ["bafk=1"]}}, "bafkrei..."),
    ("worker.requester_percent", {"worker": {"requester_percent": ["0x12=90"]}}, "=90"),
    ("worker.allow", {"worker": {"allow": ["0x12"]}}, "40 hex digits"),
    ("worker.deny", {"worker": {"deny": ["me"]}}, "40 hex digits"),
    ("worker.strategy", {"worker": {"strategy": 1}}, "a text"),
    ("worker.most_failures", {"worker": {"most_failures": 0}}, "between 1 and 1000"),
    ("requester.weight_price", {"requester": {"weight_price": -1.0}}, "between"),
    ("requester.weight_free", {"requester": {"weight_free": -1.0}}, "between"),
    ("requester.weight_load", {"requester": {"weight_load": -1.0}}, "between"),
    ("requester.weight_stake", {"requester": {"weight_stake": -1.0}}, "between"),
    ("requester.weight_record", {"requester": {"weight_record": -1.0}}, "between"),
    ("requester.weight_latency", {"requester": {"weight_latency": -1.0}}, "between"),
    ("chain.rpc_backups", {"chain": {"rpc_backups": ["http://a", "b"]}}, "http://"),
    ("chain.deployment", {"chain": {"deployment": False}}, "path"),
    ("chain.confirmations", {"chain": {"confirmations": 0}}, "between 1 and 1000"),
    ("chain.confirmations", {"chain": {"confirmations": True}}, "integer"),
    ("chain.poll_seconds", {"chain": {"poll_seconds": float("nan")}}, "between"),
    ("chain.timeout_seconds", {"chain": {"timeout_seconds": "30"}}, "number"),
    ("chain.resend_seconds", {"chain": {"resend_seconds": 0}}, "between"),
    ("chain.max_fee_gwei", {"chain": {"max_fee_gwei": 1.5}}, "integer"),
    ("api.enabled", {"api": {"enabled": 1}}, "true or false"),
    ("api.listen", {"api": {"listen": "localhost:8420"}}, "IP address"),
    ("api.listen", {"api": {"listen": "127.0.0.1"}}, "port"),
    ("api.listen", {"api": {"listen": "127.0.0.1:99999"}}, "port"),
    ("api.token_file", {"api": {"token_file": ""}}, "path"),
    ("api.open", {"api": {"open": "yes"}}, "true or false"),
    ("api.price_max", {"api": {"price_max": -1}}, "-1"),
    ("api.trace_endpoint", {"api": {"trace_endpoint": "localhost:4318"}}, "http://"),
    ("worker.enabled", {"worker": {"enabled": "yes"}}, "true or false"),
    ("worker.capacity", {"worker": {"capacity": 1025}}, "1025"),
    ("worker.price", {"worker": {"price": -1}}, "-1"),
    ("worker.hour_price", {"worker": {"hour_price": -1}}, "-1"),
    ("worker.batch_size", {"worker": {"batch_size": 0}}, "between 1 and 256"),
    ("worker.batch_seconds", {"worker": {"batch_seconds": 0.5}}, "integer"),
    ("worker.call_price", {"worker": {"call_price": -1}}, "0"),
    ("worker.min_bond", {"worker": {"min_bond": -1}}, "0"),
    ("worker.rescue", {"worker": {"rescue": "yes"}}, "true or false"),
    ("requester.enabled", {"requester": {"enabled": 0}}, "true or false"),
    ("requester.bid_wait", {"requester": {"bid_wait": 0}}, "between"),
    ("requester.result_seconds", {"requester": {"result_seconds": 0}}, "between"),
    ("requester.settle_seconds", {"requester": {"settle_seconds": 1}}, "between 60"),
    ("relayer.enabled", {"relayer": {"enabled": 1}}, "true or false"),
    ("relayer.fee", {"relayer": {"fee": -1}}, "between 0"),
    ("requester.min_stake", {"requester": {"min_stake": "1"}}, "integer"),
    ("requester.report", {"requester": {"report": 1}}, "true or false"),
    ("requester.publish_input", {"requester": {"publish_input": 1}}, "true or false"),
    ("prover.binary", {"prover": {"binary": 1}}, "text"),
    ("prover.cluster_url", {"prover": {"cluster_url": "bento:8081"}}, "http://"),
    ("prover.cluster_url", {"prover": {"cluster_url": "https://me:secret@bento"}}, "cluster_token_file"),
    ("prover.cluster_token_file", {"prover": {"cluster_token_file": 1}}, "path in quotes"),
    ("prover.cluster_fallback", {"prover": {"cluster_fallback": 1}}, "true or false"),
    ("prover.cluster_seconds", {"prover": {"cluster_seconds": 0}}, "between 1 and"),
    ("prover.timeout_seconds", {"prover": {"timeout_seconds": 0}}, "between"),
]


@pytest.mark.parametrize(("name", "tree", "remedy"), BAD)
def test_a_bad_field_is_named_with_its_remedy(name: str, tree: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(tree, BASE, {})
    assert str(caught.value).startswith(name)
    assert remedy in str(caught.value)


def test_every_setting_has_a_bad_example() -> None:
    settings = {f"{name}.{item.name}" for name, kind in SECTIONS.items() for item in declared(kind)}
    settings |= {item.name for item in declared(Config)}
    assert settings <= {name for name, _, _ in BAD}


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    env = {
        "P2PNODE_WORKER_CAPACITY": "9",
        "P2PNODE_NETWORK_LISTEN": "/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2",
        "P2PNODE_NETWORK_MDNS": "false",
        "P2PNODE_REQUESTER_BID_WAIT": "0.5",
        "P2PNODE_LOG_LEVEL": "debug",
        "P2PNODE_DATA_DIR": "/srv/other",
        "P2PNODE_PASSWORD": "correct horse",
    }
    config = load_config(write(tmp_path, "[worker]\ncapacity = 2\n"), env)
    assert config.worker.capacity == 9
    assert config.network.listen == ("/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2")
    assert config.network.mdns is False
    assert config.requester.bid_wait == 0.5
    assert (config.log_level, config.data_dir) == ("debug", Path("/srv/other"))


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("P2PNODE_WORKER_CAPACITY", "many", "integer"),
        ("P2PNODE_REQUESTER_BID_WAIT", "long", "number"),
        ("P2PNODE_NETWORK_MDNS", "perhaps", "true or false"),
        ("P2PNODE_WORKER_PRIZE", "1", "unknown setting"),
    ],
)
def test_a_bad_override_is_named(name: str, text: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({}, BASE, {name: text})
    assert str(caught.value).startswith(name)
    assert remedy in str(caught.value)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="p2pnode init"):
        load_config(tmp_path / "none.toml", {})


@pytest.mark.parametrize("text", ["worker = [", "\N{ZERO WIDTH SPACE}= 1"])
def test_broken_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(write(tmp_path, text), {})


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="larger than"):
        load_config(write(tmp_path, "#" * (1 << 20) + "\n"), {})


def test_written_changes_are_read_back() -> None:
    changes = {
        "worker.capacity": "8",
        "worker.enabled": "true",
        "log_level": "debug",
        "network.listen": "/ip4/1.2.3.4/tcp/5",
    }
    config = parse_config(tomllib.loads(default_toml(changes)), BASE, {})
    assert (config.worker.capacity, config.worker.enabled, config.log_level) == (8, True, "debug")
    assert config.network.listen == ("/ip4/1.2.3.4/tcp/5",)


@pytest.mark.parametrize("name", ["worker.prize", "joy.price", "capacity", "worker"])
def test_an_unknown_change_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown setting"):
        default_toml({name: "1"})


def test_a_change_out_of_bounds_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"worker\.capacity = 0"):
        default_toml({"worker.capacity": "0"})


def test_variables_of_other_parts_are_left_alone() -> None:
    env = {"P2PNODE_PROVER": "/bin/prover", "P2PNODE_RPC_URL": "x", "P2PNODE_DEEP": "1"}
    assert parse_config({}, BASE, env) == parse_config({}, BASE, {})


def test_every_setting_is_documented_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    for name, kind in TABLES.items():
        part = text.partition(f"## `[{name}]`" if name else "## Without a section")[2].partition("\n## ")[0]
        rows = {row.split("|")[1].strip(): row for row in part.splitlines() if row.startswith("| `")}
        assert set(rows) == {f"`{item.name}`" for item in declared(kind)}
        for item in declared(kind):
            assert item.setting.doc in rows[f"`{item.name}`"]


def test_every_setting_that_is_empty_has_an_example_that_is_taken(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    load_config(write(tmp_path, example), {})
    tree = tomllib.loads(example)
    for name, kind in TABLES.items():
        empty = {item.name for item in declared(kind) if item.default in (None, "", (), [])}
        assert empty <= set(tree.get(name, {}) if name else tree), name


def test_every_number_has_its_unit() -> None:
    units = {
        r"seconds|_wait$": "econds",
        r"_mib$": "MiB",
        r"percent": "percent",
        r"(?<!joy_)(?<!weight_)price(?!s)|fee$|min_|joy_per": "mallest unit",
        r"_gwei$": "gwei",
    }
    for kind in TABLES.values():
        for item in declared(kind):
            for pattern, unit in units.items():
                if item.kind in (int, float) and re.search(pattern, item.name):
                    assert unit in item.setting.doc, item.name


def test_paths_are_anchored_where_they_were_written() -> None:
    tree = {"network": {"bootstrap": ["peers.txt", "/ip4/1.2.3.4/tcp/1/p2p/12D3", "/etc/peers"]}}
    assert parse_config(tree, BASE, {}).network.bootstrap == (
        "/srv/node/peers.txt",
        "/ip4/1.2.3.4/tcp/1/p2p/12D3",
        "/etc/peers",
    )
    written = default_toml({"network.bootstrap": "peers.txt", "chain.deployment": "d.json"}, Path("/here"))
    config = parse_config(tomllib.loads(written), BASE, {})
    assert config.network.bootstrap == ("/here/peers.txt",)
    assert config.chain.deployment == Path("/here/d.json")
