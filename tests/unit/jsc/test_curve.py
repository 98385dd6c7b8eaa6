"""The curve, its hash and the generators, against py_ecc and against fixed values."""

import secrets

import pytest
from py_ecc.bn128 import bn128_curve

from p2pnode.errors import ProtocolError
from p2pnode.jsc.bn254 import BN254, N, P, compress, decompress, split, sqrt
from p2pnode.jsc.generators import G, H, generators_digest, vectors
from p2pnode.jsc.hashing import KEY_IMAGE_BASE, digest, key_image_base

EDGES = (0, 1, 2, N - 1, N, N + 1, 2**256 - 1, 5)


def oracle(scalar: int) -> tuple[int, int]:
    point = bn128_curve.multiply(bn128_curve.G1, scalar % N)
    return (0, 0) if point is None else (int(point[0]), int(point[1]))


@pytest.mark.parametrize("scalar", [*EDGES, *(secrets.randbelow(N) for _ in range(6))])
def test_multiples_equal_those_of_py_ecc(scalar: int) -> None:
    assert BN254.affine([BN254.mul(scalar, G)])[0] == oracle(scalar)
    assert BN254.affine([BN254.multiplier(scalar)(G)])[0] == oracle(scalar)


def test_sums_equal_those_of_py_ecc() -> None:
    points = [BN254.mul(scalar, G) for scalar in (1, 1, N - 1, 0, 7)]
    for i, left in enumerate(points):
        for j, right in enumerate(points):
            expected = oracle((1, 1, -1, 0, 7)[i] + (1, 1, -1, 0, 7)[j])
            assert BN254.affine([BN254.add(left, right)])[0] == expected
            assert BN254.equal(BN254.sub(BN254.add(left, right), right), left)
    assert (
        BN254.affine([BN254.msm([3, N - 1, 5], [G, points[4], H])])[0]
        == BN254.affine([BN254.add(BN254.mul(3 - 7, G), BN254.mul(5, H))])[0]
    )


def test_scalars_are_split_in_halves() -> None:
    for _ in range(100):
        scalar = secrets.randbelow(N)
        low, high = split(scalar)
        assert (low + high * 4407920970296243842393367215006156084916469457145843978461 - scalar) % N == 0
        assert max(abs(low), abs(high)).bit_length() <= 129


def test_points_survive_compression() -> None:
    for scalar in (1, 2, 3, N - 1, secrets.randbelow(N)):
        point = BN254.mul(scalar, G)
        assert BN254.equal(decompress(compress(point)), point)


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(32), P.to_bytes(32, "big"), b"\xff" * 32])
def test_what_is_no_point_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="not on bn254"):
        decompress(data)


@pytest.mark.parametrize("point", [(0, 0), (1, 1), (1 + P, 2), (1, 2 + P), (-1, 2), (1, -2)])
def test_coordinates_must_be_canonical_and_on_the_curve(point: tuple[int, int]) -> None:
    with pytest.raises(ProtocolError, match="not on bn254"):
        BN254.point(*point)


def test_a_base_of_key_images_is_shown_by_its_roots() -> None:
    for scalar in range(1, 20):
        key = BN254.mul(scalar, G)
        base, roots = key_image_base(key)
        (x, y) = BN254.affine([base])[0]
        for attempt, root in enumerate(roots):
            data = BN254.encode([key]), attempt.to_bytes(32, "big")
            tried = int.from_bytes(digest(KEY_IMAGE_BASE, *data), "big") % P
            square = root * root % P
            if attempt < len(roots) - 1:
                assert square == -(tried**3 + 3) % P
                assert sqrt(tried**3 + 3) is None
            else:
                assert (tried, root, square, root & 1) == (x, y, (x**3 + 3) % P, 0)


def test_no_two_generators_are_equal_up_to_sign() -> None:
    left, right = vectors()
    xs = [x for x, _ in BN254.affine([G, H, *left, *right])]
    assert len(set(xs)) == len(xs) == 514


def test_the_generators_are_those_of_the_contracts() -> None:
    # BulletproofsPlusVerifier computes this; contracts/test/jsc/generators.test.ts derives it a third time.
    assert generators_digest().hex() == "ffb49d3f186e186024c091fcc3c39ec4bf73c5eb9e254e3ced309c6fd51fb816"
    assert BN254.affine([H])[0] == (
        14086160586621349339062044943192136163156415057485930512228624736273953263843,
        4402584290871352663877802244210026287956780128232435016064738949470610858666,
    )
