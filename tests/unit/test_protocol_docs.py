"""`docs/protocol.cddl` and `docs/protocol.md` say what the code does."""

import re
from pathlib import Path
from typing import Any

import pytest

from p2pnode.protocol import eip712, schema
from p2pnode.protocol.codec import type_name
from p2pnode.protocol.kinds import Choice, Kind, Octets, Sequence, Text
from p2pnode.protocol.messages import Award, CallReceipt, DeclineCode, Result, Voucher

ROOT = Path(__file__).parents[2]
CDDL = re.sub(r";.*", "", (ROOT / "docs" / "protocol.cddl").read_text())
GUIDE = (ROOT / "docs" / "protocol.md").read_text()

KINDS: dict[str, Kind] = {
    "address": schema.ADDRESS,
    "digest": schema.DIGEST,
    "signature": schema.SIGNATURE,
    "amount": schema.AMOUNT,
    "time": schema.TIME,
    "count": schema.COUNT,
    "tensors": schema.TENSORS,
    "sealed-tensors": schema.SEALED,
    "decline-code": Choice(DeclineCode),
    "[0*64 digest]": Sequence(schema.DIGEST, schema.MAX_HELD_MODELS),
    "{ message: { award-fields }, signature: signature }": schema.SignedRecord(Award),
    "{ message: { result-fields }, signature: signature }": schema.SignedRecord(Result),
    "{ message: { voucher-fields }, signature: signature }": schema.SignedRecord(Voucher),
    "{ message: { call-receipt-fields }, signature: signature }": schema.SignedRecord(CallReceipt),
}


def kind_of(text: str) -> Kind:
    """The code's kind for a CDDL type as this file writes it."""
    if sized := re.fullmatch(r"(bytes|text) \.size \((\d+)\.\.(\d+)\)", text):
        least, most = int(sized[2]), int(sized[3])
        return Text(most) if sized[1] == "text" else Octets(least, most)
    return KINDS[text]


def groups() -> dict[str, dict[str, Kind]]:
    """Fields of every `...-fields = ( ... )` group."""
    found = {}
    for name, body in re.findall(r"^([a-z-]+)-fields = \(\n(.*?)\n\)", CDDL, re.MULTILINE | re.DOTALL):
        lines = [line.strip().split(": ", 1) for line in body.splitlines()]
        found[name] = {field: kind_of(kind.strip()) for field, kind in lines}
    return found


def test_every_message_is_listed_with_exactly_its_fields() -> None:
    assert groups() == {type_name(of): dict(kinds) for of, kinds in schema.FIELDS.items()}


@pytest.mark.parametrize("of", list(schema.FIELDS))
def test_every_message_has_its_rule(of: type[Any]) -> None:
    name = type_name(of)
    assert f'\n{name} = {{ v: 1, type: "{name}", {name}-fields }}\n' in CDDL
    choices = re.split(r"[\s/]+", CDDL.split("message = ")[1].split("\n\n")[0])
    assert name in choices
    if of in eip712.TYPES:
        rule = f'{{ v: 1, type: "signed-{name}", message: {{ {name}-fields }}, signature: signature }}'
        assert f"\nsigned-{name} = {rule}\n" in CDDL
        assert f"signed-{name}" in choices


def test_decline_codes_are_listed_in_both() -> None:
    rule = CDDL.split("decline-code = ")[1].split("\n\n")[0]
    assert re.findall(r'"([a-z-]+)"', rule) == list(DeclineCode)
    table = GUIDE.split("### Decline codes")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE) == list(DeclineCode)


def test_struct_types_are_quoted() -> None:
    for text in eip712.TYPES.values():
        assert f"\n{text}\n" in GUIDE


def test_every_event_is_listed_and_every_listed_event_exists() -> None:
    source = "".join(path.read_text() for path in (ROOT / "p2pnode" / "market").rglob("*.py"))
    emitted = set(re.findall(r'on_event\(\s*"([a-z.]+)"', source))
    rows = re.findall(r"^\| (`[^|]*) \|", GUIDE.split("## Events")[1], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([a-z.]+)`", row)} == emitted
