"""Settings of a node: one TOML file, overridden by the environment, refused on the first bad field.

Each setting is declared once, with its default, bounds and sentence; the loader, the commented file that
`p2pnode init` writes and the check of docs/configuration.md all read that declaration.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from p2pnode.amounts import JOY, MAX_AMOUNT
from p2pnode.config_api import ApiConfig
from p2pnode.config_market import RequesterConfig, WorkerConfig
from p2pnode.config_network import NetworkConfig
from p2pnode.errors import ConfigError
from p2pnode.settings import Setting, checked, declared, parse_text, read_section, toml_lines

CONFIG_NAME = "p2pnode.toml"
ENV_PREFIX = "P2PNODE_"
MAX_CONFIG_BYTES = 1 << 20


def _check_level(value: str) -> str | None:
    right = ("debug", "info", "warning", "error")
    return None if value in right else f"use one of {', '.join(right)}"


def _check_format(value: str) -> str | None:
    right = ("auto", "json", "human")
    return None if value in right else f"use one of {', '.join(right)}"


def _check_url(value: str) -> str | None:
    right = "use an http:// or https:// URL, for example http://127.0.0.1:8545"
    try:
        parts = urlsplit(value)
        return None if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 else right
    except ValueError:
        return right


def _check_urls(value: tuple[str, ...]) -> str | None:
    return next((remedy for url in value if (remedy := _check_url(url))), None)


@dataclass(frozen=True, slots=True)
class ChainConfig:
    """The EVM chain that pays, and how transactions are sent to it."""

    rpc_url: Annotated[str, Setting("JSON-RPC endpoint of the chain.", check=_check_url)] = (
        "http://127.0.0.1:8545"
    )
    rpc_backups: Annotated[
        tuple[str, ...],
        Setting(
            "More endpoints of this chain: they step in, and are asked too where money hangs on an answer.",
            check=_check_urls,
        ),
    ] = ()
    deployment: Annotated[Path, Setting("File with the chain id and the contracts' addresses.")] = Path(
        "deployment.json"
    )
    confirmations: Annotated[int, Setting("Blocks on a transaction before it counts.", 1, 1000)] = 1
    poll_seconds: Annotated[float, Setting("Seconds between looks for new blocks.", 0.05, 600)] = 1.0
    timeout_seconds: Annotated[float, Setting("Seconds one JSON-RPC call may take.", 0.1, 600)] = 30.0
    resend_seconds: Annotated[
        float, Setting("Seconds without a block before a transaction is sent with more fee.", 0.1, 86400)
    ] = 60.0
    max_fee_gwei: Annotated[int, Setting("Most to pay for one unit of gas, in gwei.", 1, 10**9)] = 500

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """All endpoints, the preferred one first."""
        return (self.rpc_url, *self.rpc_backups)


@dataclass(frozen=True, slots=True)
class RelayerConfig:
    """Paying the gas of strangers' private transactions, for the fee inside them."""

    enabled: Annotated[bool, Setting("Offer to relay.")] = False
    fee: Annotated[
        int, Setting("Fee of a transaction, in the smallest unit; multiples of 10^9.", 0, MAX_AMOUNT)
    ] = JOY // 100


def _check_cluster(value: str) -> str | None:
    if not value:
        return None
    if remedy := _check_url(value):
        return remedy.replace("8545", "8081")
    parts = urlsplit(value)
    if parts.username is not None or parts.query or parts.fragment:
        return "leave out user, query and fragment; a token goes into prover.cluster_token_file"
    return None


@dataclass(frozen=True, slots=True)
class ProverConfig:
    """The prover subprocess, and the cluster that proves in its place."""

    binary: Annotated[str, Setting("Path of the prover; empty looks in its usual places.")] = ""
    timeout_seconds: Annotated[int, Setting("Seconds one proof may take.", 1, 604800)] = 7200
    cluster_url: Annotated[
        str,
        Setting(
            "Bento cluster that proves; it gets the tasks' inputs. Empty proves here.", check=_check_cluster
        ),
    ] = ""
    cluster_token_file: Annotated[
        Path | None, Setting("File (mode 0600) with the token that the cluster asks for, if it does.")
    ] = None
    cluster_seconds: Annotated[
        int, Setting("Seconds that the cluster may take for one proof.", 1, 604800)
    ] = 1800
    cluster_fallback: Annotated[bool, Setting("Prove on this machine what the cluster did not.")] = True


@dataclass(frozen=True, slots=True)
class Config:
    """All settings; paths are absolute."""

    data_dir: Annotated[Path, Setting("Folder of the keys, the ledger and the models.")] = Path(".")
    log_level: Annotated[str, Setting("debug, info, warning or error.", check=_check_level)] = "info"
    log_format: Annotated[str, Setting("json, human, or auto: human on a terminal.", check=_check_format)] = (
        "auto"
    )
    password_file: Annotated[
        Path | None,
        Setting("File (mode 0600) with the keystore's password; else P2PNODE_PASSWORD, else a prompt."),
    ] = None
    currency: Annotated[str, Setting("Currency to show amounts in beside JOY, for example EUR.")] = ""
    joy_price: Annotated[float, Setting("What one JOY is worth in that currency.", 0, 10**12)] = 0.0
    network: NetworkConfig = field(default_factory=NetworkConfig)
    chain: ChainConfig = field(default_factory=ChainConfig)
    worker: WorkerConfig = field(default_factory=WorkerConfig)
    requester: RequesterConfig = field(default_factory=RequesterConfig)
    relayer: RelayerConfig = field(default_factory=RelayerConfig)
    prover: ProverConfig = field(default_factory=ProverConfig)
    api: ApiConfig = field(default_factory=ApiConfig)

    @property
    def keystore(self) -> Path:
        """The account's encrypted key."""
        return self.data_dir / "keystore.json"

    @property
    def node_key(self) -> Path:
        """The libp2p key."""
        return self.data_dir / "node.key"

    @property
    def ledger(self) -> Path:
        """The running node's ledger, which it keeps to itself."""
        return self.data_dir / "ledger.sqlite"

    @property
    def operator_ledger(self) -> Path:
        """Transactions that the operator sends by hand, also while the node runs."""
        return self.data_dir / "operator.sqlite"

    @property
    def blobs(self) -> Path:
        """Models by digest."""
        return self.data_dir / "blobs"

    @property
    def network_state(self) -> Path:
        """Peers met and their reputation."""
        return self.data_dir / "network"

    @property
    def jobs(self) -> Path:
        """Proofs in the making."""
        return self.data_dir / "jobs"

    @property
    def control_socket(self) -> Path:
        """Where the running node answers the command line."""
        return self.data_dir / "control.sock"


SECTIONS: Mapping[str, type[Any]] = {
    "network": NetworkConfig,
    "chain": ChainConfig,
    "worker": WorkerConfig,
    "requester": RequesterConfig,
    "relayer": RelayerConfig,
    "prover": ProverConfig,
    "api": ApiConfig,
}
"""The tables of the file."""


def load_config(path: Path, env: Mapping[str, str] | None = None) -> Config:
    """Read the TOML file at `path` under the overrides of `env` (default: the process environment).

    Relative paths are relative to the file's folder. Raises ConfigError.
    """
    path = path.expanduser().absolute()
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; `p2pnode init` writes one") from error
    if len(raw) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes, so no p2pnode configuration")
    try:
        tree = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        hint = "correct it there, or write a new file with `p2pnode init FOLDER`"
        raise ConfigError(f"{path}: not valid TOML: {error}; {hint}") from error
    return parse_config(tree, path.parent, os.environ if env is None else env)


def parse_config(tree: Mapping[str, Any], base: Path, env: Mapping[str, str]) -> Config:
    """Build a Config from a decoded TOML document; `base` anchors relative paths."""
    tables: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    top: dict[str, Any] = {}
    for name, value in tree.items():
        if name not in SECTIONS:
            top[name] = value
        elif isinstance(value, dict):
            tables[name].update(value)
        else:
            raise ConfigError(f"{name} = {value!r}: must be a table; write [{name}] on its own line")
    for name, text in env.items():
        if name.startswith(ENV_PREFIX):
            _override(top, tables, name, text)
    values = {
        name: kind(**read_section(kind, tables[name], f"{name}.", base)) for name, kind in SECTIONS.items()
    }
    return Config(**read_section(Config, top, "", base), **values)


def default_toml(changes: Mapping[str, str] | None = None, base: Path = Path("/")) -> str:
    """The commented configuration file that `p2pnode init` writes: every default, and `changes` to them.

    `changes` maps names such as `worker.capacity` to texts as the environment would give them; `base`
    anchors relative paths among them. Raises ConfigError for one that is wrong.
    """
    top: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for name, text in (changes or {}).items():
        section, _, rest = name.rpartition(".")
        known = {item.name: item for item in declared(SECTIONS.get(section, Config))}
        if (section and section not in SECTIONS) or rest not in known:
            raise ConfigError(f"{name}: unknown setting; write for example worker.capacity=8")
        value = checked(known[rest], parse_text(known[rest], text, name), name, base)
        (tables[section] if section else top)[rest] = value
    lines = ["# Settings of a p2pnode. Each can be overridden by P2PNODE_<SECTION>_<FIELD>.", ""]
    lines += toml_lines(Config, top)
    for name, kind in SECTIONS.items():
        lines += ["", f"# {(kind.__doc__ or '').strip()}", f"[{name}]", *toml_lines(kind, tables[name])]
    return "\n".join(lines) + "\n"


def _override(top: dict[str, Any], tables: dict[str, dict[str, Any]], name: str, text: str) -> None:
    key = name.removeprefix(ENV_PREFIX).lower()
    section, _, rest = key.partition("_")
    if section not in SECTIONS or not rest:
        # Other variables with this prefix (the password, P2PNODE_PROVER) are none of the settings.
        for item in declared(Config):
            if item.name == key:
                top[key] = parse_text(item, text, name)
        return
    known = {item.name: item for item in declared(SECTIONS[section])}
    if rest not in known:
        raise ConfigError(f"{name}: unknown setting; [{section}] has {', '.join(known)}")
    tables[section][rest] = parse_text(known[rest], text, name)
