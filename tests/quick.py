"""What makes tests of commands quick without another path through the code."""

import pytest

from p2pnode.identity import create_identity


def quick_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little work for a password: how much is a default argument of the function that encrypts with it."""
    defaults = create_identity.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "scrypt_n", 1 << 4)
