"""The generators nobody knows a relation between, derived from names alone.

`python -m p2pnode.jsc.generators` prints them; contracts/contracts/jsc/GeneratorTable.sol derives the
vectors again on the chain.
"""

from functools import cache
from typing import Final

from p2pnode.jsc.bn254 import BN254, Jacobian, total
from p2pnode.jsc.hashing import digest, domain, hash_to_point

G: Final = BN254.generator
"""Base of keys and of blinding factors."""
H: Final = hash_to_point(domain("value"), bytes(32))[0]
"""Base of amounts."""
BITS: Final = 64
"""Bits of an amount."""
MAX_OUTPUTS: Final = 4
"""Most amounts in one range proof."""


@cache
def vectors() -> tuple[list[Jacobian], list[Jacobian]]:
    """The vectors G_i and H_i of Bulletproofs+, `BITS * MAX_OUTPUTS` points each."""
    families = []
    for name in ("bulletproofs+/G", "bulletproofs+/H"):
        prefix = domain(name)
        indices = range(BITS * MAX_OUTPUTS)
        families.append([hash_to_point(prefix, index.to_bytes(32, "big"))[0] for index in indices])
    return families[0], families[1]


@cache
def generators_digest() -> bytes:
    """Keccak of all generators, which every range proof's transcript begins with."""
    left, right = vectors()
    return digest(domain("generators"), BN254.encode([G, H]), BN254.encode(left), BN254.encode(right))


def commit(amount: int, mask: int) -> Jacobian:
    """The Pedersen commitment mask*G + amount*H."""
    return total((BN254.mul(mask, G), BN254.mul(amount, H)))


def main() -> None:
    """Print every generator with its name."""
    left, right = vectors()
    names = ["G", "H", *(f"G_{i}" for i in range(len(left))), *(f"H_{i}" for i in range(len(right)))]
    for name, (x, y) in zip(names, BN254.affine([G, H, *left, *right]), strict=True):
        print(f"{name:6} {x:#066x} {y:#066x}")
    print(f"digest 0x{generators_digest().hex()}")


if __name__ == "__main__":
    main()
