"""Relay offers by gossip, and what a relayer takes and refuses; the network is in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from p2pnode.background import open_background
from p2pnode.errors import ChainError, NetworkError, ProtocolError
from p2pnode.jsc.bn254 import BN254
from p2pnode.jsc.clsag import Clsag
from p2pnode.jsc.codec import dump_transaction, load_transaction
from p2pnode.jsc.notes import StealthNote
from p2pnode.jsc.transaction import BinRing, Input, Member, Payment, Transaction
from p2pnode.ports import StreamProtocol
from p2pnode.relay import Relayer, RelayOffer, Relays
from p2pnode.relay.offers import FORGET_AFTER, MAX_REQUEST, MOST_OFFERS
from tests.sim.fake_clock import START, FakeClock
from tests.sim.fake_network import FakeBus, FakeNet

POOL, ACCOUNT = b"\1" * 20, b"\2" * 20
OFFER = RelayOffer(31337, POOL, ACCOUNT, 50)
ONE = (1, 2)
MEMBER = Member(ONE, ONE, ONE)
SIGNED = Transaction(
    (
        Input(
            BinRing((0, 1, 2, 3), (9, 9, 9, 9), (MEMBER,) * 16),
            ONE,
            ONE,
            Clsag(1, (2,) * 16, BN254.generator),
        ),
    ),
    (StealthNote(ONE, (4,), bytes(201)),) * 2,
    (ONE, ONE),
    b"proof",
    Payment(50, ACCOUNT, 0, bytes(20), False, START + 1000),
)


class FakePool:
    """Takes every transaction, or refuses with `error`."""

    def __init__(self) -> None:
        self.sent: list[Transaction] = []
        self.error: ChainError | None = None

    async def relay(self, transaction: Transaction) -> bytes:
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        self.sent.append(transaction)
        return b"\7" * 32


@contextmanager
def network() -> Iterator[tuple[FakeNet, Relays, FakePool, Relayer]]:
    net, clock, pool = FakeNet(), FakeClock(), FakePool()
    relays = Relays(FakeBus(net, "wallet"), clock, 31337, POOL)
    yield net, relays, pool, Relayer(FakeBus(net, "relayer"), clock, pool, OFFER)


async def test_an_offer_is_heard_and_used(autojump_clock: MockClock) -> None:
    with network() as (_, relays, pool, relayer):
        async with open_background(relays.run), open_background(relayer.run):
            await trio.sleep(1)
            (seen,) = relays.offers()
            assert (seen.peer, seen.offer) == ("relayer", OFFER)
            assert await relays.relay("relayer", dump_transaction(SIGNED)) == b"\7" * 32
            assert pool.sent == [SIGNED]


async def test_an_offer_that_is_not_repeated_is_forgotten(autojump_clock: MockClock) -> None:
    with network() as (_, relays, _, relayer):
        async with open_background(relays.run):
            async with open_background(relayer.run):
                await trio.sleep(10 * FORGET_AFTER)
                assert relays.offers()
            await trio.sleep(FORGET_AFTER + 61)
            assert not relays.offers()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fee": 49}, "at least 50"),
        ({"relayer": b"\3" * 20}, "relayer 0x0202"),
        ({"deadline": START + 59}, "deadline"),
    ],
)
async def test_a_relayer_refuses_what_does_not_pay_it(
    change: dict[str, object], reason: str, autojump_clock: MockClock
) -> None:
    with network() as (_, relays, pool, relayer):
        changed = replace(SIGNED, payment=replace(SIGNED.payment, **change))  # type: ignore[arg-type]
        async with open_background(relayer.run):
            await trio.sleep(1)
            with pytest.raises(NetworkError, match=reason):
                await relays.relay("relayer", dump_transaction(changed))
        assert not pool.sent


@pytest.mark.parametrize("request_", [b"", b"\xff", b"\x80", bytes(100), b"\x85\x80\x80\x80\x40\x80"])
async def test_a_relayer_answers_nonsense_with_a_refusal(request_: bytes, autojump_clock: MockClock) -> None:
    with network() as (_, relays, _, relayer):
        async with open_background(relayer.run):
            await trio.sleep(1)
            with pytest.raises(NetworkError, match="refused"):
                await relays.relay("relayer", request_)
            with pytest.raises(NetworkError, match="the peer takes"):
                await relays.relay("relayer", bytes(MAX_REQUEST + 1))


async def test_the_chains_reason_reaches_the_wallet(autojump_clock: MockClock) -> None:
    with network() as (net, relays, pool, relayer):
        pool.error = ChainError("JSC.transact: AlreadySpent(image=1)")
        async with open_background(relayer.run):
            await trio.sleep(1)
            with pytest.raises(NetworkError, match="AlreadySpent"):
                await relays.relay("relayer", dump_transaction(SIGNED))
            net.silent.add("relayer")
            with pytest.raises(NetworkError, match="did not answer"):
                await relays.relay("relayer", dump_transaction(SIGNED))


async def test_a_liar_is_not_believed() -> None:
    with network() as (net, relays, _, _):
        for answer in (b"", b"\x82\xf5\x41\x00", b"\x82\x01\x41\x00", bytes(50)):

            async def lie(peer: str, request: bytes, answer: bytes = answer) -> bytes:
                return answer

            FakeBus(net, "liar").serve(StreamProtocol.RELAY, lie, max_request=1 << 20)
            with pytest.raises(NetworkError, match=r"malformed|refused"):
                await relays.relay("liar", b"x")


async def test_hearsay_is_bounded_and_checked() -> None:
    with network() as (_, relays, _, _):
        hear = relays.hear
        for nonsense in (b"", b"\x80", bytes(300), replace(OFFER, fee=-1).encode(), b"\x84\x01\x02\x03\x04"):
            hear("peer", nonsense)
        hear("peer", replace(OFFER, chain_id=1).encode())
        hear("peer", replace(OFFER, pool=bytes(20)).encode())
        assert not relays.offers()
        for number in range(MOST_OFFERS + 10):
            hear(f"peer {number}", replace(OFFER, fee=1000 - number).encode())
        offers = relays.offers()
        assert len(offers) == MOST_OFFERS
        assert [seen.offer.fee for seen in offers] == sorted(seen.offer.fee for seen in offers)
        with pytest.raises(ProtocolError, match="malformed"):
            RelayOffer.decode(b"\xff")


def test_a_transaction_survives_its_encoding() -> None:
    assert load_transaction(dump_transaction(SIGNED)) == SIGNED
    with pytest.raises(ProtocolError, match="malformed"):
        load_transaction(dump_transaction(SIGNED)[:-1])
