"""CLSAG and Bulletproofs+ accept a transaction of Monero's main chain and refuse every change to it.

The mutations are those of Monero's tests/unit_tests/ringct.cpp and bulletproofs_plus.cpp.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from p2pnode.jsc import bulletproofs_plus, clsag
from p2pnode.jsc.clsag import Ring
from tests.unit.jsc.ed25519 import ED25519, Extended, L, decode, hash_to_point
from tests.unit.jsc.monero import (
    H,
    MoneroClsagTranscript,
    MoneroRangeTranscript,
    MoneroTransaction,
    bases,
    parse,
)

VECTOR = Path(__file__).parents[2] / "vectors" / "monero_transaction.json"


@cache
def genuine() -> tuple[MoneroTransaction, Ring[Extended]]:
    vector = json.loads(VECTOR.read_text())
    keys = [bytes.fromhex(member["key"]) for member in vector["ring"]]
    ring = Ring(
        [decode(key) for key in keys],
        [decode(bytes.fromhex(member["commitment"])) for member in vector["ring"]],
        [hash_to_point(key) for key in keys],
    )
    return parse(bytes.fromhex(vector["transaction"]), len(keys)), ring


def signature_holds(tx: MoneroTransaction, ring: Ring[Extended]) -> bool:
    return clsag.verify(
        ED25519, MoneroClsagTranscript(), tx.message, ring, tx.pseudo_out, tx.image, tx.signature
    )


def proof_holds(tx: MoneroTransaction) -> bool:
    found = bases_once()
    return bulletproofs_plus.verify(ED25519, MoneroRangeTranscript(), found, 64, tx.commitments, tx.proof)


bases_once = cache(bases)


def other(point: Extended) -> Extended:
    return ED25519.add(point, ED25519.generator)


def signature_mutations() -> Iterator[tuple[str, MoneroTransaction, Ring[Extended]]]:
    tx, ring = genuine()
    sig = tx.signature
    yield "message", replace(tx, message=bytes(32)), ring
    yield "challenge", replace(tx, signature=replace(sig, challenge=(sig.challenge + 1) % L)), ring
    yield "unreduced challenge", replace(tx, signature=replace(sig, challenge=sig.challenge + L)), ring
    yield "no responses", replace(tx, signature=replace(sig, responses=())), ring
    yield "too few responses", replace(tx, signature=replace(sig, responses=sig.responses[:-1])), ring
    yield "too many responses", replace(tx, signature=replace(sig, responses=(*sig.responses, 1))), ring
    for i, response in enumerate(sig.responses):
        for name, value in (("other", (response + 1) % L), ("unreduced", response + L)):
            changed = (*sig.responses[:i], value, *sig.responses[i + 1 :])
            yield f"{name} response {i}", replace(tx, signature=replace(sig, responses=changed)), ring
    yield "key image", replace(tx, image=other(tx.image)), ring
    yield "key image at infinity", replace(tx, image=ED25519.identity), ring
    image = sig.commitment_image
    yield "D", replace(tx, signature=replace(sig, commitment_image=other(image))), ring
    yield "D at infinity", replace(tx, signature=replace(sig, commitment_image=ED25519.identity)), ring
    yield "I and D swapped", replace(tx, image=image, signature=replace(sig, commitment_image=tx.image)), ring
    yield "pseudo-output", replace(tx, pseudo_out=other(tx.pseudo_out)), ring
    for i in (0, 7, 15):
        for field in ("keys", "commitments", "bases"):
            points = list(getattr(ring, field))
            points[i] = other(points[i])
            yield f"{field} {i}", tx, replace(ring, **{field: points})
    yield "members swapped", tx, Ring(ring.keys[::-1], ring.commitments[::-1], ring.bases[::-1])


def proof_mutations() -> Iterator[tuple[str, MoneroTransaction]]:
    tx, _ = genuine()
    proof = tx.proof

    def with_part(name: str, value: Any) -> MoneroTransaction:
        return replace(tx, proof=replace(proof, **{name: value}))

    for name in ("a", "a1", "b"):
        yield name, with_part(name, other(getattr(proof, name)))
    for name in ("r1", "s1", "d1"):
        value = getattr(proof, name)
        yield name, with_part(name, (value + 1) % L)
        yield f"unreduced {name}", with_part(name, value + L)
    for name in ("left", "right"):
        points = getattr(proof, name)
        for i in range(len(points)):
            changed = (*points[:i], other(points[i]), *points[i + 1 :])
            yield f"{name} {i}", with_part(name, changed)
        yield f"{name} too short", with_part(name, points[:-1])
    for i in range(2):
        changed_commitments = list(tx.commitments)
        changed_commitments[i] = other(changed_commitments[i])
        yield f"commitment {i}", replace(tx, commitments=changed_commitments)
    yield "commitments swapped", replace(tx, commitments=tx.commitments[::-1])
    yield "no commitment", replace(tx, commitments=[])
    yield "one commitment more", replace(tx, commitments=[*tx.commitments, tx.commitments[0]])


def test_a_mainnet_transaction_holds() -> None:
    tx, ring = genuine()
    assert signature_holds(tx, ring)
    assert proof_holds(tx)
    spent = ED25519.add(ED25519.add(*tx.commitments), ED25519.mul(tx.fee, H))
    assert ED25519.equal(tx.pseudo_out, spent), "inputs equal outputs and fee"


@pytest.mark.parametrize("mutation", list(signature_mutations()), ids=lambda mutation: mutation[0])
def test_a_changed_ring_signature_fails(
    mutation: tuple[str, MoneroTransaction, Ring[Extended]],
) -> None:
    assert not signature_holds(mutation[1], mutation[2])


@pytest.mark.parametrize("mutation", list(proof_mutations()), ids=lambda mutation: mutation[0])
def test_a_changed_range_proof_fails(mutation: tuple[str, MoneroTransaction]) -> None:
    assert not proof_holds(mutation[1])
