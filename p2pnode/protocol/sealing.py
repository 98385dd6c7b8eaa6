"""Inputs sealed to the awarded worker: HPKE (RFC 9180), base mode, X25519, HKDF-SHA256, ChaCha20-Poly1305.

The key is the worker's libp2p identity, which its registration binds to its account: Ed25519 keys become
X25519 keys by the birational map of RFC 7748, section 4.1, as libsodium computes it. What is sealed names
the award that it is for, so that it opens for no other one. The worker itself reads the input; nobody
between the two does.
"""

from typing import Final

import base58
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from nacl import bindings
from nacl.exceptions import CryptoError

from p2pnode.errors import ProtocolError

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_INFO: Final = b"p2pnode/input/1"
_PEER_PREFIX: Final = bytes.fromhex("002408011220")
"""Identity multihash of 36 bytes: libp2p's protobuf PublicKey of type Ed25519 with 32 bytes of key."""


def seal_input(peer_id: str, task_id: bytes, tensors: bytes) -> bytes:
    """`tensors` for the eyes of `peer_id` and this award. Raises ProtocolError if it has no Ed25519 key."""
    return _SUITE.encrypt(tensors, _public_key(peer_id), info=_INFO + task_id)


def open_input(seed: bytes, task_id: bytes, sealed: bytes) -> bytes:
    """The input in `sealed`, with the 32-byte seed of the Ed25519 key it was sealed to.

    Raises ProtocolError when it was sealed for another key or award, or was altered.
    """
    try:
        _, secret = bindings.crypto_sign_seed_keypair(seed)
        key = X25519PrivateKey.from_private_bytes(bindings.crypto_sign_ed25519_sk_to_curve25519(secret))
        return _SUITE.decrypt(sealed, key, info=_INFO + task_id)
    except (InvalidTag, ValueError) as error:
        raise ProtocolError(
            "input does not open: seal it to the PeerId of this worker, for this award"
        ) from error


def _public_key(peer_id: str) -> X25519PublicKey:
    try:
        raw = base58.b58decode(peer_id)
        if len(raw) != 38 or not raw.startswith(_PEER_PREFIX):
            raise ValueError("not an Ed25519 PeerId")
        converted = bindings.crypto_sign_ed25519_pk_to_curve25519(raw[len(_PEER_PREFIX) :])
        return X25519PublicKey.from_public_bytes(converted)
    except (ValueError, CryptoError) as error:
        raise ProtocolError(f"peer {peer_id!r:.80} has no Ed25519 key to seal to: {error}") from error
