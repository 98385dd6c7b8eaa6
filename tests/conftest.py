"""What all tests share: the `deep` marker and how many examples a property is tried on.

`make test` leaves out tests marked `deep`; `make test-deep` runs them too, with more examples a property.
"""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# No deadline for one example: proving on the same machine makes any of them slow.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", settings.get_profile("default"), max_examples=2000)
settings.load_profile("deep" if os.environ.get("P2PNODE_DEEP") else "default")


@pytest.fixture(autouse=True)
def recursion_limit() -> None:
    """As the package sets it: others raise it, and nested JSON would then overflow the stack."""
    sys.setrecursionlimit(1000)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "deep: too slow for `make test`; run by `make test-deep`")
    # libp2p 0.8.1 imports websockets' old server, for a transport that is never opened here.
    config.addinivalue_line("filterwarnings", "ignore:websockets.legacy is deprecated:DeprecationWarning")
