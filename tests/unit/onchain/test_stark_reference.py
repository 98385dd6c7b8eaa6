"""The reference verifier accepts genuine proofs and refuses altered ones, at the step that should see it."""

from __future__ import annotations

import random

import pytest
from stark import params, reference
from stark.circuit import Circuit
from stark.field import P
from stark.layout import Layout
from stark.reader import InvalidProof

from tests.unit.onchain.stark_proofs import Proof


def test_genuine_proofs_are_accepted(proofs: list[Proof], circuit: Circuit) -> None:
    assert proofs
    for proof in proofs:
        result = reference.verify(proof.words, circuit)
        assert len(result.positions) == params.QUERIES
        if "controlId" in proof.known:
            assert result.control_id.hex() == proof.known["controlId"].removeprefix("0x")
        if "claim" in proof.known:
            assert result.claim.hex() == proof.known["claim"].removeprefix("0x")


def refusal(words: list[int], circuit: Circuit) -> str:
    with pytest.raises(InvalidProof) as caught:
        reference.verify(words, circuit)
    return str(caught.value)


@pytest.mark.parametrize("mode", ["flip", "random", "not reduced"])
def test_one_altered_word_anywhere_is_refused(
    proof: Proof, circuit: Circuit, layout: Layout, mode: str
) -> None:
    rnd = random.Random(mode)
    fields = [*layout.header, *(f for f in layout.fields() if f.name.startswith("query 2 "))]
    for field in fields:
        if mode == "not reduced" and (field.digests or field.name == "nonce"):
            continue
        words = list(proof.words)
        index = field.offset // 4 + rnd.randrange(field.length // 4)
        if mode == "flip":
            words[index] ^= 1 << rnd.randrange(31)
        elif mode == "random":
            words[index] = (words[index] + 1 + rnd.randrange(P - 1)) % P
        else:
            small = [
                i
                for i in range(field.offset // 4, (field.offset + field.length) // 4)
                if words[i] + P < 2**32
            ]
            index = rnd.choice(small)
            words[index] += P
        assert words != proof.words
        step = refusal(words, circuit)
        if mode == "not reduced":
            assert step == "range"


def test_a_proof_has_one_length(proof: Proof, circuit: Circuit) -> None:
    assert refusal(proof.words[:-1], circuit) == "length"
    assert refusal([*proof.words, 0], circuit) == "length"
    assert refusal([], circuit) == "length"
