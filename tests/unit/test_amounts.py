"""Amounts as people read them."""

import pytest

from p2pnode.amounts import JOY, joy
from p2pnode.api.http.money import priced_text
from p2pnode.cli.output import priced
from p2pnode.config import Config


@pytest.mark.parametrize(
    ("units", "shown"),
    [(0, "0 JOY"), (1, "0.000000000000000001 JOY"), (JOY // 20, "0.05 JOY"), (1234 * JOY, "1,234 JOY")],
)
def test_joy_is_exact(units: int, shown: str) -> None:
    assert joy(units) == shown
    assert priced(units, Config()) == shown, "no price, no currency"
    assert priced(units, Config(currency="EUR")) == shown


def test_a_currency_stands_beside_it() -> None:
    config = Config(currency="EUR", joy_price=2.5)
    assert priced(JOY // 20, config) == "0.05 JOY (0.125 EUR)"
    assert priced(1234 * JOY, config) == "1,234 JOY (3,085 EUR)"


def test_the_dashboard_shows_it_too() -> None:
    assert priced_text(str(JOY // 20), Config(currency="EUR", joy_price=2.5)) == "0.05 JOY (0.125 EUR)"
    assert priced_text(JOY, Config()) == "1 JOY"
