"""JSC's values as CBOR: events for the cache, plans and signed transactions for cold signing.

Decoding raises ProtocolError for anything malformed. Scalars and coordinates are 32 bytes big-endian.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import Any, TypeVar

import cbor2

from p2pnode.errors import ProtocolError
from p2pnode.jsc.bn254 import BN254, Affine
from p2pnode.jsc.builder import Built, Plan, Source
from p2pnode.jsc.clsag import Clsag
from p2pnode.jsc.keys import Address
from p2pnode.jsc.notes import Payee, StealthNote
from p2pnode.jsc.pool import PoolEvent
from p2pnode.jsc.transaction import RING, BinRing, Input, Member, Payment, Transaction

T = TypeVar("T")


def dump_event(event: PoolEvent) -> bytes:
    """One event of the cache."""
    payment = None if event.payment is None else list(astuple(event.payment))
    return cbor2.dumps(
        [
            event.block,
            event.tx_hash,
            event.first,
            [_note(note) for note in event.notes],
            list(event.amounts),
            [_point(image) for image in event.images],
            [_point(commitment) for commitment in event.commitments],
            payment,
        ]
    )


def load_event(raw: Sequence[Any]) -> PoolEvent:
    """Of the decoded CBOR of `dump_event`."""

    def load() -> PoolEvent:
        block, tx_hash, first, notes, amounts, images, commitments, payment = raw
        return PoolEvent(
            block,
            tx_hash,
            first,
            tuple(_load_note(note) for note in notes),
            tuple(amounts),
            tuple(_load_point(image) for image in images),
            tuple(_load_point(commitment) for commitment in commitments),
            None if payment is None else Payment(*payment),
        )

    return _checked(load, "event")


def dump_plan(plan: Plan) -> bytes:
    """An unsigned transaction for the wallet that has the seed."""
    sources = [
        [s.index, _ring(s.ring), s.place, _word(s.offset), s.amount, _word(s.mask)] for s in plan.sources
    ]
    payees = [[payee.address.raw, payee.amount, payee.text] for payee in plan.payees]
    return cbor2.dumps(["plan", plan.chain_id, plan.pool, sources, payees, list(astuple(plan.payment))])


def load_plan(data: bytes) -> Plan:
    """Of `dump_plan`."""

    def load() -> Plan:
        kind, chain_id, pool, sources, payees, payment = cbor2.loads(data)
        if kind != "plan":
            raise ValueError(f"kind {kind}")
        return Plan(
            chain_id,
            pool,
            tuple(
                Source(index, _load_ring(ring), place, _int(offset), amount, _int(mask))
                for index, ring, place, offset, amount, mask in sources
            ),
            tuple(Payee(Address.from_raw(raw), amount, text) for raw, amount, text in payees),
            Payment(*payment),
        )

    return _checked(load, "unsigned transaction")


def dump_built(built: Built) -> bytes:
    """A signed transaction, and what proves its payments."""
    payees = [[payee.address.raw, payee.amount, payee.text] for payee in built.payees]
    return cbor2.dumps(["signed", dump_transaction(built.transaction), payees, list(built.anchors)])


def load_built(data: bytes) -> Built:
    """Of `dump_built`."""

    def load() -> Built:
        kind, transaction, payees, anchors = cbor2.loads(data)
        if kind != "signed":
            raise ValueError(f"kind {kind}")
        return Built(
            load_transaction(transaction),
            tuple(Payee(Address.from_raw(raw), amount, text) for raw, amount, text in payees),
            tuple(anchors),
        )

    return _checked(load, "signed transaction")


def dump_transaction(transaction: Transaction) -> bytes:
    """A signed transaction alone, as it goes to a relayer."""
    inputs = []
    for spent in transaction.inputs:
        signature = spent.signature
        if signature is None:
            raise ValueError("input is not signed")
        image = BN254.affine([signature.commitment_image])[0]
        responses = [_word(response) for response in signature.responses]
        inputs.append(
            [
                _ring(spent.ring),
                _point(spent.image),
                _point(spent.pseudo_out),
                _point(image),
                _word(signature.challenge),
                responses,
            ]
        )
    return cbor2.dumps(
        [
            inputs,
            [_note(output) for output in transaction.outputs],
            [_point(commitment) for commitment in transaction.commitments],
            transaction.range_proof,
            list(astuple(transaction.payment)),
        ]
    )


def load_transaction(data: bytes) -> Transaction:
    """Of `dump_transaction`; points are checked to be on the curve."""

    def load() -> Transaction:
        inputs, outputs, commitments, range_proof, payment = cbor2.loads(data)
        return Transaction(
            tuple(_load_input(*spent) for spent in inputs),
            tuple(_load_note(output) for output in outputs),
            tuple(_load_point(commitment) for commitment in commitments),
            _bytes(range_proof),
            Payment(*payment),
        )

    return _checked(load, "transaction")


def dump_images(images: Mapping[Affine, Affine]) -> bytes:
    """Key images by note key, for a view-only wallet."""
    return cbor2.dumps(["images", [[_point(key), _point(image)] for key, image in images.items()]])


def load_images(data: bytes) -> dict[Affine, Affine]:
    """Of `dump_images`."""

    def load() -> dict[Affine, Affine]:
        kind, pairs = cbor2.loads(data)
        if kind != "images":
            raise ValueError(f"kind {kind}")
        return {_load_point(key): _load_point(image) for key, image in pairs}

    return _checked(load, "key image file")


def _load_input(
    ring: Any, image: Any, pseudo_out: Any, commitment_image: Any, challenge: Any, responses: Any
) -> Input:
    signature = Clsag(
        _int(challenge),
        tuple(_int(response) for response in responses),
        BN254.point(*_load_point(commitment_image)),
    )
    return Input(_load_ring(ring), _load_point(image), _load_point(pseudo_out), signature)


def _ring(ring: BinRing) -> list[Any]:
    members = [[_point(m.key), _point(m.commitment), _point(m.base)] for m in ring.members]
    return [list(ring.bins), list(ring.completed_at), members]


def _load_ring(raw: Any) -> BinRing:
    bins, completed_at, members = raw
    if len(members) != RING:
        raise ValueError(f"ring of {len(members)}")
    loaded = tuple(Member(*(_load_point(point) for point in member)) for member in members)
    return BinRing(tuple(bins), tuple(completed_at), loaded)


def _note(note: StealthNote) -> list[Any]:
    return [_point(note.key), [_word(root) for root in note.roots], note.memo]


def _load_note(raw: Any) -> StealthNote:
    key, roots, memo = raw
    return StealthNote(_load_point(key), tuple(_int(root) for root in roots), _bytes(memo))


def _point(point: Affine) -> bytes:
    return _word(point[0]) + _word(point[1])


def _load_point(raw: Any) -> Affine:
    if len(_bytes(raw)) != 64:
        raise ValueError("point must have 64 bytes")
    return int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")


def _word(value: int) -> bytes:
    return int(value).to_bytes(32, "big")


def _int(raw: Any) -> int:
    return int.from_bytes(_bytes(raw), "big")


def _bytes(raw: Any) -> bytes:
    if not isinstance(raw, bytes):
        raise ValueError(f"{type(raw).__name__} where bytes must be")
    return raw


def _checked(load: Callable[[], T], name: str) -> T:
    try:
        return load()
    except (ValueError, TypeError, KeyError, IndexError, cbor2.CBORDecodeError) as error:
        raise ProtocolError(f"JSC {name} is malformed ({error}); have it made again") from error
