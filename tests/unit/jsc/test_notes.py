"""A note reaches its receiver and nobody else, and a cheating sender is found out."""

from dataclasses import replace
from typing import Any

import pytest

from p2pnode.errors import ConfigError, ProtocolError
from p2pnode.jsc import notes
from p2pnode.jsc.bn254 import BN254, Affine, compress
from p2pnode.jsc.generators import commit
from p2pnode.jsc.hashing import digest, wide_scalar
from p2pnode.jsc.keys import Address, SpendKeys, ViewKeys, new_phrase
from p2pnode.jsc.notes import MEMO, Payee, StealthNote, context, ephemeral_key, make, receive, recover, reveal

ALICE = SpendKeys.from_scalar(11)
BOB = SpendKeys.from_scalar(22)
POOL = bytes(range(20))
TIED = context(31337, POOL, (1, 2)) + b"\0"
SUBADDRESSES: dict[Affine, int] = {
    BN254.affine([BOB.views.address(index).spend])[0]: index for index in range(5)
}


def seen(
    note: StealthNote, commitment: Any, keys: ViewKeys = BOB.views, tied: bytes = TIED
) -> notes.Received | None:
    shared = BN254.mul(keys.view, ephemeral_key(note))
    return receive(keys, shared, note, tied, SUBADDRESSES, BN254.affine([commitment])[0])


@pytest.fixture
def payment() -> tuple[StealthNote, Any, bytes]:
    note, mask, anchor = make(Payee(BOB.views.address(3), 77, b"thanks"), TIED, ALICE.views.outgoing)
    return note, commit(77, mask), anchor


def test_the_receiver_sees_and_can_spend_it(payment: tuple[StealthNote, Any, bytes]) -> None:
    note, commitment, _ = payment
    assert len(note.memo) == MEMO == 201
    got = seen(note, commitment)
    assert got is not None
    assert (got.amount, got.subaddress, got.text) == (77, 3, b"thanks")
    secret = (BOB.spend + got.offset) % BN254.order
    assert BN254.affine([BN254.mul(secret, BN254.generator)])[0] == note.key
    assert BN254.equal(commit(got.amount, got.mask), commitment)


def test_nobody_else_sees_it(payment: tuple[StealthNote, Any, bytes]) -> None:
    note, commitment, _ = payment
    assert seen(note, commitment, ALICE.views) is None
    assert recover(b"\1" * 32, note, TIED) is None


def test_sender_and_proof_see_it(payment: tuple[StealthNote, Any, bytes]) -> None:
    note, _, anchor = payment
    assert ALICE.views.outgoing is not None
    sent = recover(ALICE.views.outgoing, note, TIED)
    assert sent is not None
    assert (sent.address, sent.amount, sent.text) == (BOB.views.address(3), 77, b"thanks")
    assert reveal(BOB.views.address(3), anchor, note, TIED) == sent
    assert reveal(BOB.views.address(2), anchor, note, TIED) is None
    assert reveal(BOB.views.address(3), bytes(16), note, TIED) is None


@pytest.mark.parametrize(
    "tied",
    [
        context(1, POOL, (1, 2)) + b"\0",
        context(31337, bytes(20), (1, 2)) + b"\0",
        context(31337, POOL, (1, 3)) + b"\0",
        context(31337, POOL, (1, 2)) + b"\1",
        context(31337, POOL, None),
    ],
    ids=["chain", "pool", "key image", "place", "deposit"],
)
def test_a_note_counts_in_its_own_context_alone(payment: tuple[StealthNote, Any, bytes], tied: bytes) -> None:
    """1: a copied note is not credited, so it cannot burn the first."""
    note, commitment, _ = payment
    assert seen(note, commitment, tied=tied) is None


def test_a_wrong_amount_is_not_credited(payment: tuple[StealthNote, Any, bytes]) -> None:
    note, commitment, _ = payment
    assert seen(note, BN254.add(commitment, BN254.generator)) is None


def test_every_byte_of_what_the_receiver_reads_counts(payment: tuple[StealthNote, Any, bytes]) -> None:
    note, commitment, _ = payment
    for place in [0, *range(33, 105)]:
        memo = bytearray(note.memo)
        memo[place] ^= 1
        assert seen(replace(note, memo=bytes(memo)), commitment) is None


def test_a_sender_who_mixes_two_subaddresses_is_refused() -> None:
    """15, Janus: view part of one subaddress, spend part of another; were it credited, a thank-you would tell
    the sender that both are one wallet's."""
    first, second = BOB.views.address(1), BOB.views.address(2)
    mixed = Address(first.view, second.spend)
    note, mask, _ = make(Payee(mixed, 5), TIED, None)
    assert seen(note, commit(5, mask)) is None
    # The cleverer sender takes R for the first, so that the shared point fits, and the key of the second.
    anchor = bytes(range(16))
    ephemeral = notes._ephemeral(anchor, TIED, second)
    public = compress(BN254.mul(ephemeral, first.spend))
    raw = BN254.encode([BN254.mul(ephemeral, first.view)])
    tag, shared = notes.view_tag(raw, TIED), notes._shared(raw, public, TIED)
    offset = wide_scalar(notes._OFFSET, shared)
    key = BN254.affine([BN254.add(second.spend, BN254.mul(offset, BN254.generator))])[0]
    body = (5).to_bytes(8, "big") + anchor + bytes(32)
    memo = bytes([tag]) + public + notes._seal(digest(notes._MEMO_KEY, shared), body) + bytes(96)
    forged = StealthNote(key, (), memo)
    assert seen(forged, commit(5, wide_scalar(notes._MASK, shared))) is None


def test_a_memo_without_a_point_is_nobodys() -> None:
    for memo in (b"", bytes(200), bytes(1) + b"\xff" * 32 + bytes(168)):
        with pytest.raises(ProtocolError):
            ephemeral_key(StealthNote((1, 2), (), memo))


def test_texts_are_short() -> None:
    with pytest.raises(ProtocolError, match="33 bytes"):
        make(Payee(BOB.views.address(), 1, b"x" * 33), TIED, None)


def test_addresses_and_view_keys_survive_text() -> None:
    address = BOB.views.address(7)
    assert Address.parse(address.encode()) == address
    assert address.encode().startswith("jsc")
    for wrong in ("", "jsc", address.encode()[:-1], address.encode().replace("jsc", "xmr"), "jsc" + "1" * 90):
        with pytest.raises(ConfigError, match="no JSC address"):
            Address.parse(wrong)
    views = ViewKeys.parse(BOB.views.encode())
    assert (views.view, views.outgoing) == (BOB.views.view, BOB.views.outgoing)
    assert views.address(2) == BOB.views.address(2)
    with pytest.raises(ConfigError, match="view key is malformed"):
        ViewKeys.parse("jscview123")


def test_a_phrase_gives_the_same_keys_again_and_a_wrong_one_none() -> None:
    phrase = new_phrase()
    first, again = SpendKeys.from_phrase(phrase), SpendKeys.from_phrase("  ".join(phrase.split()))
    assert first.spend == again.spend != SpendKeys.from_phrase(phrase, "more").spend
    wrong = " ".join(reversed(phrase.split()))
    with pytest.raises(ConfigError, match="seed phrase is wrong") as caught:
        SpendKeys.from_phrase(wrong + " abandon")
    assert phrase.split()[0] not in str(caught.value)
    assert "SpendKeys" not in repr(phrase)
