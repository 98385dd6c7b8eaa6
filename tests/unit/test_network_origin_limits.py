"""Rates of signers with and without standing."""

from hypothesis import given
from hypothesis import strategies as st
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID

from p2pnode.network.origin_limits import GossipRates, OriginLimits
from p2pnode.ports import Topic

RATES = GossipRates(origin=(50.0, 100), unbacked=(0.5, 5), all_unbacked=(10.0, 50))
PEERS = [ID.from_pubkey(create_new_key_pair().public_key).to_bytes() for _ in range(40)]
OFFERS = Topic.OFFERS


class Known:
    """The first peer backs what it signs, and an account what is paid."""

    def backer(self, topic: Topic, peer: str, data: bytes) -> str | None:
        if peer == ID(PEERS[0]).to_base58():
            return peer
        return "account" if data.startswith(b"funded") else None


def limits(clock: list[float]) -> OriginLimits:
    return OriginLimits(RATES, Known(), lambda: clock[0])


def taken(limit: OriginLimits, origin: bytes, count: int, data: bytes = b"") -> int:
    return sum(limit.take(OFFERS, origin, data) for _ in range(count))


def test_standing_gets_the_full_rate_and_strangers_a_low_one() -> None:
    clock = [0.0]
    limit = limits(clock)
    assert taken(limit, PEERS[0], 1000) == 100
    assert taken(limit, PEERS[1], 1000) == 5
    assert taken(limit, PEERS[2], 1000, b"funded") == 100
    clock[0] += 4
    assert taken(limit, PEERS[1], 1000) == 2


def test_many_strangers_are_no_louder_than_a_few() -> None:
    limit = limits([0.0])
    assert sum(taken(limit, peer, 5) for peer in PEERS[1:]) == 50
    assert taken(limit, PEERS[0], 1000) == 100


def test_hopeless_takes_nothing() -> None:
    limit = limits([0.0])
    assert not any(limit.hopeless(OFFERS, PEERS[1], b"") for _ in range(1000))
    assert taken(limit, PEERS[1], 1000) == 5
    assert limit.hopeless(OFFERS, PEERS[1], b"")
    assert not limit.hopeless(OFFERS, PEERS[1], b"funded")
    assert not limit.hopeless(OFFERS, PEERS[0], b"")


def test_a_funded_account_has_one_rate_under_all_names() -> None:
    limit = limits([0.0])
    heard = sum(
        limit.take(OFFERS, peer, b"funded %d %d" % (index, number))
        for index, peer in enumerate(PEERS[1:])
        for number in range(100)
    )
    assert heard == 100


def test_offer_that_strangers_gossip_again_is_theirs_after_a_few_names() -> None:
    limit = limits([0.0])
    assert sum(taken(limit, peer, 5) for peer in PEERS[1:]) == 50, "the strangers' share is used up"
    assert sum(limit.take(OFFERS, peer, b"funded") for peer in PEERS[2:]) == 3
    assert limit.hopeless(OFFERS, PEERS[39], b"funded")
    assert taken(limit, PEERS[1], 1, b"funded next") == 1, "the account's other offers are heard"


def test_only_what_is_over_the_full_rate_is_a_flood() -> None:
    limit = limits([0.0])
    assert taken(limit, PEERS[1], 5) == 5
    assert sum(limit.floods(PEERS[1]) for _ in range(110)) == 10


@given(st.lists(st.tuples(st.integers(1, 39), st.floats(0, 2)), max_size=300))
def test_strangers_together_keep_to_their_share(events: list[tuple[int, float]]) -> None:
    clock = [0.0]
    limit = limits(clock)
    heard = 0
    for peer, pause in events:
        clock[0] += pause
        heard += limit.take(OFFERS, PEERS[peer], b"")
    assert heard <= 50 + 10 * clock[0] + 1


def test_without_standing_everyone_backs_its_own() -> None:
    limit = OriginLimits(RATES, None, lambda: 0.0)
    assert taken(limit, PEERS[5], 1000) == 100
    assert RATES.share(0.8).unbacked == (0.4, 4)
