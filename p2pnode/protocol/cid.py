"""Content identifiers of models: CIDv1, codec raw, sha2-256, base32 (`bafkrei...`).

Source: the multiformats CID specification. `digest` here is the bare SHA-256, as the chain stores it.
"""

import base64
import binascii
import hashlib

from p2pnode.errors import ProtocolError

_HEADER = bytes([0x01, 0x55, 0x12, 0x20])
"""CIDv1, raw, sha2-256, 32 bytes."""


def content_digest(data: bytes) -> bytes:
    """SHA-256 of the content, 32 bytes."""
    return hashlib.sha256(data).digest()


def to_cid(digest: bytes) -> str:
    """CID of the content with this SHA-256."""
    if len(digest) != 32:
        raise ProtocolError(f"digest has {len(digest)} bytes; give the 32 of a SHA-256")
    return "b" + base64.b32encode(_HEADER + digest).decode().lower().rstrip("=")


def from_cid(cid: str) -> bytes:
    """SHA-256 in a CID. Raises ProtocolError for other versions, codecs, hashes or bases."""
    wrong = ProtocolError(f"CID is {cid!r:.100}; give a raw sha2-256 CIDv1 in base32, bafkrei...")
    if len(cid) != 59 or not cid.startswith("b") or cid != cid.lower():
        raise wrong
    try:
        raw = base64.b32decode(cid[1:].upper() + "======")
    except (binascii.Error, ValueError):
        raise wrong from None
    if raw[:4] != _HEADER or to_cid(raw[4:]) != cid:
        raise wrong
    return raw[4:]
