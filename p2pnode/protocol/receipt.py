"""The portable receipt: one JSON file that says who paid whom for which answer, with its proof.

It holds the award and the result with their signatures, the proved output digest, the Merkle path from
the task's leaf to the journal's root, the journal, the image ID, the seal (contract encoding without the
verifier's selector) and the settlement transaction. `check_receipt` verifies all of it but the STARK and
the chain, which need a prover and a node.
"""

import base64
import binascii
import json
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from p2pnode.errors import ProtocolError
from p2pnode.protocol import journal as journals
from p2pnode.protocol import merkle
from p2pnode.protocol.eip712 import Domain, digest, verify
from p2pnode.protocol.messages import Award, Result, Signed
from p2pnode.protocol.schema import MAX_RECEIPT, read_fields, write_fields

VERSION = 1

_MAX_BRACKETS = 16

_NAMES = (
    "version",
    "chainId",
    "contract",
    "taskId",
    "award",
    "result",
    "outputDigest",
    "leafIndex",
    "leafCount",
    "merklePath",
    "journal",
    "imageId",
    "seal",
    "transaction",
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A settled task. `output_digest` is the proved one, which the result's may differ from."""

    chain_id: int
    contract: bytes
    award: Signed[Award]
    result: Signed[Result]
    output_digest: bytes
    leaf_index: int
    leaf_count: int
    merkle_path: tuple[bytes, ...]
    journal: bytes
    image_id: bytes
    seal: bytes
    transaction: bytes

    @property
    def domain(self) -> Domain:
        """Where its signatures are valid."""
        return Domain(self.chain_id, self.contract)

    @property
    def task_id(self) -> bytes:
        """Digest of the award."""
        return digest(self.domain, self.award.message)

    @property
    def answer_is_proved(self) -> bool:
        """Whether the worker's first answer is the proved one, bit for bit."""
        return self.result.message.output_digest == self.output_digest


class ProofClaim(NamedTuple):
    """What is left to verify: that `seal` proves `journal` for the guest `image_id`."""

    journal: bytes
    seal: bytes
    image_id: bytes


def dump_receipt(receipt: Receipt) -> str:
    """The receipt as JSON, keys in the order of this file, two-space indented."""
    award, result = receipt.award, receipt.result
    document = {
        "version": VERSION,
        "chainId": receipt.chain_id,
        "contract": _hex(receipt.contract),
        "taskId": _hex(receipt.task_id),
        "award": _signed_to_json(award),
        "result": _signed_to_json(result),
        "outputDigest": _hex(receipt.output_digest),
        "leafIndex": receipt.leaf_index,
        "leafCount": receipt.leaf_count,
        "merklePath": [_hex(sibling) for sibling in receipt.merkle_path],
        "journal": _hex(receipt.journal),
        "imageId": _hex(receipt.image_id),
        "seal": base64.b64encode(receipt.seal).decode(),
        "transaction": _hex(receipt.transaction),
    }
    return json.dumps(document, indent=2) + "\n"


def parse_receipt(text: str | bytes) -> Receipt:
    """Read a receipt file. Raises ProtocolError naming the field; nothing is verified yet but `taskId`."""
    if len(text) > MAX_RECEIPT:
        raise ProtocolError(f"receipt has {len(text)} characters; give at most {MAX_RECEIPT}")
    # A receipt comes from a peer, and a deep nest of brackets can overflow the JSON reader's C stack. A real
    # one has four brackets and none within its strings.
    data = text.encode(errors="replace") if isinstance(text, str) else text
    if data.count(b"[") + data.count(b"{") > _MAX_BRACKETS:
        raise ProtocolError(f"receipt is not JSON of this form: it has more than {_MAX_BRACKETS} brackets")
    try:
        document = json.loads(text, object_pairs_hook=_unique)
    except ValueError as error:
        raise ProtocolError(f"receipt is not JSON: {error}") from error
    found = _exact(document, _NAMES, "")
    if _integer(found["version"], "version", 32) != VERSION:
        raise ProtocolError(f"version is {found['version']}; give {VERSION}")
    path = found["merklePath"]
    if not isinstance(path, list) or len(path) > 10:
        raise ProtocolError("merklePath is not an array of at most 10 digests")
    receipt = Receipt(
        chain_id=_integer(found["chainId"], "chainId", 256),
        contract=_octets(found["contract"], "contract", 20),
        award=_signed_from_json(Award, found["award"], "award"),
        result=_signed_from_json(Result, found["result"], "result"),
        output_digest=_octets(found["outputDigest"], "outputDigest", 32),
        leaf_index=_integer(found["leafIndex"], "leafIndex", 32),
        leaf_count=_integer(found["leafCount"], "leafCount", 32),
        merkle_path=tuple(_octets(one, f"merklePath[{i}]", 32) for i, one in enumerate(path)),
        journal=_octets(found["journal"], "journal", 40),
        image_id=_octets(found["imageId"], "imageId", 32),
        seal=_base64(found["seal"], "seal"),
        transaction=_octets(found["transaction"], "transaction", 32),
    )
    if _octets(found["taskId"], "taskId", 32) != receipt.task_id:
        raise ProtocolError(f"taskId is {found['taskId']}; the award hashes to {_hex(receipt.task_id)}")
    return receipt


def check_receipt(receipt: Receipt) -> ProofClaim:
    """Verify all but the STARK: both signatures, the task ID, the leaf and its path to the journal's root.

    Returns what a Prover has still to verify. Raises ProtocolError or SignatureError saying what is wrong.
    """
    award, result = receipt.award.message, receipt.result.message
    verify(receipt.domain, receipt.award)
    if result.task_id != receipt.task_id:
        raise ProtocolError(f"result.taskId is {_hex(result.task_id)}; the award is {_hex(receipt.task_id)}")
    verify(receipt.domain, receipt.result, award.worker)
    journal = journals.parse(receipt.journal)
    if journal.count != receipt.leaf_count:
        raise ProtocolError(f"leafCount is {receipt.leaf_count}; the journal says {journal.count}")
    leaf = journals.leaf(receipt.task_id, award.model_digest, award.input_digest, receipt.output_digest)
    root = merkle.root_from_path(leaf, receipt.leaf_index, receipt.leaf_count, receipt.merkle_path)
    if root != journal.root:
        raise ProtocolError(
            f"the task's leaf leads to root {_hex(root)}, the journal has {_hex(journal.root)}: "
            "the proof is for another task, input or output"
        )
    return ProofClaim(receipt.journal, receipt.seal, receipt.image_id)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


def _signed_to_json(signed: Signed[Any]) -> dict[str, object]:
    values = write_fields(type(signed.message), signed.message)
    # Amounts are decimal strings: a uint256 does not survive JSON readers that use doubles.
    plain = {_camel(k): _hex(v) if isinstance(v, bytes) else str(v) for k, v in values.items()}
    return {**plain, "signature": _hex(signed.signature)}


def _signed_from_json(of: type[Any], value: object, name: str) -> Signed[Any]:
    names = {field.name: _camel(field.name) for field in fields(of)}
    found = _exact(value, (*names.values(), "signature"), f"{name}.")
    parsed: dict[str, Any] = {}
    for field in fields(of):
        where = f"{name}.{names[field.name]}"
        text = found[names[field.name]]
        parsed[field.name] = _decimal(text, where) if field.type is int else _octets(text, where)
    return Signed(read_fields(of, parsed, f"{name}."), _octets(found["signature"], f"{name}.signature", 65))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _exact(value: object, names: tuple[str, ...], prefix: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolError(f"{prefix.rstrip('.') or 'receipt'} is not an object with {', '.join(names)}")
    for name in value:
        if name not in names:
            raise ProtocolError(f"{prefix}{name!r:.80} is not a field; the fields are {', '.join(names)}")
    for name in names:
        if name not in value:
            raise ProtocolError(f"{prefix}{name} is missing; the fields are {', '.join(names)}")
    return value


def _integer(value: object, name: str, bits: int) -> int:
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise ProtocolError(f"{name} is {value!r:.80}; give an integer from 0 to 2^{bits} - 1")
    return value


def _decimal(value: object, name: str) -> int:
    if not isinstance(value, str) or len(value) > 78 or not value.isascii() or not value.isdigit():
        raise ProtocolError(f"{name} is {value!r:.80}; give a decimal number as text")
    number = int(value)
    if str(number) != value:
        raise ProtocolError(f"{name} is {value!r:.80}; give it without leading zeros")
    return number


def _octets(value: object, name: str, length: int | None = None) -> bytes:
    try:
        if not isinstance(value, str) or not value.startswith("0x") or value != value.lower():
            raise ValueError
        data = binascii.unhexlify(value[2:])
    except ValueError:
        raise ProtocolError(f"{name} is {value!r:.80}; give 0x and lower-case hex digits") from None
    if length is not None and len(data) != length:
        raise ProtocolError(f"{name} has {len(data)} bytes; give {length}")
    return data


def _base64(value: object, name: str) -> bytes:
    try:
        if not isinstance(value, str):
            raise ValueError
        data = base64.b64decode(value, validate=True)
    except ValueError:
        raise ProtocolError(f"{name} is not base64") from None
    if base64.b64encode(data).decode() != value:
        raise ProtocolError(f"{name} has stray bits in its last base64 digit; encode it again")
    return data
