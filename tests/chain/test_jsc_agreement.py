"""Three verifiers agree on random transactions and on random changes to them: the Python package, the
contracts, and contracts/test/jsc/support/verifier.ts, which shares no code with either.

`make test` tries a few; `make test-deep` 500 transactions and 2,000 changes, in parts that each tell.
"""

import json
import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from p2pnode.errors import ProtocolError
from p2pnode.identity import Account
from p2pnode.jsc.bn254 import BN254
from p2pnode.jsc.builder import build, verify
from p2pnode.jsc.clsag import Clsag
from p2pnode.jsc.notes import Payee, StealthNote
from p2pnode.jsc.transaction import BinRing, Input, Member, Payment, Transaction
from tests.chain.conftest import BIN, CONTRACTS, Devnet, environment
from tests.chain.jsc_fixtures import OWNER, PoolUnderTest, open_pool, public

PARTS = 20 if os.environ.get("P2PNODE_DEEP") else 1
TRANSACTIONS, CHANGES = (25, 100) if PARTS > 1 else (3, 16)
"""Of one part."""
SEED = 20261126


def from_abi(abi: Any) -> Transaction:
    """The transaction of an argument of `JSC.transact`; ProtocolError for a point off the curve."""
    inputs, outputs, commitments, range_proof, payment = abi
    return Transaction(
        tuple(_input(*spent) for spent in inputs),
        tuple(StealthNote(tuple(key), tuple(roots), memo) for key, roots, memo in outputs),
        tuple(tuple(point) for point in commitments),
        range_proof,
        Payment(*payment),
    )


def _input(bins: Any, blocks: Any, members: Any, image: Any, out: Any, d: Any, c: int, s: Any) -> Input:
    ring = BinRing(tuple(bins), tuple(blocks), tuple(Member(*map(tuple, member)) for member in members))
    return Input(ring, tuple(image), tuple(out), Clsag(c, tuple(s), BN254.point(*d)))


def python_accepts(abi: Any, pool: PoolUnderTest) -> bool:
    try:
        return verify(from_abi(abi), pool.wallet.pool.chain_id, pool.wallet.pool.address)
    except ProtocolError:
        return False


def second_verifier(cases: Sequence[Any], pool: PoolUnderTest) -> list[bool]:
    lines = [
        json.dumps(
            {
                "chainId": str(pool.wallet.pool.chain_id),
                "pool": "0x" + pool.wallet.pool.address.hex(),
                "transaction": plain(case),
            }
        )
        for case in cases
    ]
    done = subprocess.run(
        [str(BIN / "node"), "test/jsc/support/verify.ts"],
        cwd=CONTRACTS,
        env=environment(),
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line == "true" for line in done.stdout.split()]


def plain(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return [plain(inner) for inner in value]


def leaves(value: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    if isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    else:
        yield path


def changed(value: Any, path: tuple[int, ...], randomness: random.Random) -> Any:
    """`value` with one bit of the leaf at `path` flipped."""
    if path:
        inner = list(value)
        inner[path[0]] = changed(inner[path[0]], path[1:], randomness)
        return type(value)(inner)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        # The smallest integers are uint64; a bit of those or of a word may flip.
        return value ^ 1 << randomness.randrange(256 if value >> 64 else 64)
    bit = randomness.randrange(len(value) * 8)
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")


async def random_transaction(pool: PoolUnderTest, randomness: random.Random) -> Any:
    """1 to 4 notes in, 2 to 4 out, sometimes with a relayer and a withdrawal."""
    amounts = [randomness.randrange(50) for _ in range(randomness.randint(1, 3))]
    payees = [Payee(OWNER.views.address(i + 1), amount) for i, amount in enumerate(amounts)]
    some = bytes(randomness.randrange(1, 256) for _ in range(20))
    # 100 units a note: a large public amount takes up to four of them.
    amount = randomness.choice([0, 1, 40, 140, 240])
    payment = public(fee=randomness.randrange(9), relayer=some, amount=amount, recipient=some)
    made = await pool.plan(payees, payment)
    return build(made, OWNER.spend, None).transaction.abi()


@pytest.mark.parametrize("part", range(PARTS))
async def test_three_verifiers_agree(chain_state: Devnet, rich: Account, part: int) -> None:
    randomness = random.Random(SEED + part)
    async with open_pool(chain_state, rich, [100] * 16) as pool:
        genuine = [await random_transaction(pool, randomness) for _ in range(TRANSACTIONS)]
        cases = list(genuine)
        for _ in range(CHANGES):
            abi = randomness.choice(genuine)
            cases.append(changed(abi, randomness.choice(list(leaves(abi))), randomness))
        expected = [True] * TRANSACTIONS + [False] * CHANGES
        shapes = {(len(abi[0]), len(abi[1])) for abi in genuine}
        assert len(shapes) > 1
        assert [python_accepts(case, pool) for case in cases] == expected
        assert [await pool.refusal((case,)) is None for case in cases] == expected
        assert second_verifier(cases, pool) == expected
