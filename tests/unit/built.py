"""What a test needs of `make setup`."""

import pytest

from p2pnode.errors import ProverError
from p2pnode.proving.locate import find_prover


def has_prover() -> bool:
    """Whether the prover is built."""
    try:
        find_prover("")
    except ProverError:
        return False
    return True


needs_prover = pytest.mark.skipif(not has_prover(), reason="the prover is not built; run `make setup`")
