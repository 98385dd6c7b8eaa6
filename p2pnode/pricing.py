"""The worker's strategy that a configuration asks for: the built-in one, or a class of the operator's own."""

import importlib

from p2pnode.config_market import WorkerConfig
from p2pnode.errors import ConfigError
from p2pnode.lists import account_of, model_prices, percents
from p2pnode.market.strategy import CostPlus, Strategy


def build_strategy(config: WorkerConfig) -> Strategy:
    """The strategy of `worker.strategy`, else cost plus margin. Raises ConfigError."""
    if config.strategy:
        return _load(config.strategy)
    return CostPlus(
        least=config.price,
        hour_price=config.hour_price,
        margin_percent=config.margin_percent,
        token_per_coin=config.joy_per_coin,
        model_prices=model_prices(config.model_prices),
        requester_percent=percents(config.requester_percent),
        allow=frozenset(map(account_of, config.allow)),
        deny=frozenset(map(account_of, config.deny)),
    )


def _load(path: str) -> Strategy:
    module, _, name = path.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"worker.strategy = {path!r}: {error}; write module:Class, a class without arguments that can be "
            "imported from where the node starts"
        ) from error
    if not callable(getattr(made, "ask", None)):
        raise ConfigError(f"worker.strategy = {path!r}: {name} has no method ask(costs)")
    strategy: Strategy = made
    return strategy
