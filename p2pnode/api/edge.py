"""EdgeNode for programs: the whole node, as `p2pnode run` runs it."""

import importlib
import os
from pathlib import Path
from typing import Any

from p2pnode.config import Config, load_config
from p2pnode.identity import read_password
from p2pnode.log import configure_logging
from p2pnode.stopping import run_until_stopped


class EdgeNode:
    """A node with the configuration at `config_path`; the file is checked at once (ConfigError)."""

    def __init__(self, config_path: str | Path) -> None:
        self.config: Config = load_config(Path(config_path))

    def run(self, password: str | None = None) -> None:
        """Run until SIGINT or SIGTERM; in the main thread. Raises P2PNodeError when the node fails.

        `password` of the keystore is taken from P2PNODE_PASSWORD or password_file when not given.
        """
        if password is None:
            password = read_password(self.config.password_file, os.environ)
        configure_logging(self.config.log_level, self.config.log_format, secrets=[password])
        app: Any = importlib.import_module("p2pnode.app")
        surfaces = []
        if self.config.api.enabled:
            surfaces.append(importlib.import_module("p2pnode.api.http").open_api)
        if self.config.api.trace_endpoint:
            surfaces.append(importlib.import_module("p2pnode.tracing").open_tracing)
        run_until_stopped(app.run_node, self.config, password, surfaces)
