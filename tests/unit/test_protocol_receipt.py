"""A receipt survives its file, and every tampering is found and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from p2pnode.errors import ProtocolError
from p2pnode.protocol.eip712 import sign
from p2pnode.protocol.messages import Result
from p2pnode.protocol.receipt import check_receipt, dump_receipt, parse_receipt
from tests.samples import DOMAIN, REQUESTER_KEY, WORKER_KEY, receipt

RECEIPT = receipt()


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_round_trip_and_check(count: int) -> None:
    for index in range(count):
        made = receipt(index, count)
        parsed = parse_receipt(dump_receipt(made))
        assert parsed == made
        assert check_receipt(parsed) == (made.journal, made.seal, made.image_id)
        assert parsed.answer_is_proved


def test_an_answer_that_is_not_the_proved_one_is_told() -> None:
    result = sign(DOMAIN, Result(RECEIPT.task_id, b"\x01" * 32), WORKER_KEY)
    differs = replace(RECEIPT, result=result)
    check_receipt(differs)
    assert not differs.answer_is_proved


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (lambda r: replace(r, output_digest=b"\x01" * 32), "proof is for another task, input or output"),
        (lambda r: replace(r, journal=r.journal[:-1] + b"\0"), "proof is for another task"),
        (lambda r: replace(r, leaf_index=0), "proof is for another task"),
        (lambda r: replace(r, leaf_index=3), "leaf index is 3; give 0 to 2"),
        (lambda r: replace(r, leaf_count=4), "leafCount is 4; the journal says 3"),
        (lambda r: replace(r, merkle_path=r.merkle_path[:-1]), "too few"),
        (lambda r: replace(r, merkle_path=(*r.merkle_path, b"\0" * 32)), "too many"),
        (lambda r: replace(r, chain_id=1), "signature of the Award is by"),
        (
            lambda r: replace(r, award=sign(DOMAIN, r.award.message, WORKER_KEY)),
            "signature of the Award is by",
        ),
        (
            lambda r: replace(r, result=sign(DOMAIN, r.result.message, REQUESTER_KEY)),
            "signature of the Result is by",
        ),
        (lambda r: replace(r, result=receipt(0).result), "result.taskId is"),
        (lambda r: replace(r, award=receipt(0).award, result=receipt(0).result), "proof is for another task"),
    ],
)
def test_tampering_is_found(tamper: Callable[[Any], Any], says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        check_receipt(tamper(RECEIPT))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("version",), 2, "version is 2; give 1"),
        (("chainId",), "1", "chainId is '1'; give an integer"),
        (("chainId",), 1, "taskId is 0x[0-9a-f]+; the award hashes to"),
        (("contract",), "0xAA", "contract is '0xAA'; give 0x and lower-case"),
        (("taskId",), "0x" + "00" * 32, "taskId is 0x0000"),
        (("award", "price"), 200, "award.price is 200; give a decimal number as text"),
        (("award", "price"), "0200", "without leading zeros"),
        (("award", "price"), str(2**256), "award.price is 1157"),
        (("award", "resultDeadline"), str(2**64), "award.result_deadline is 1844"),
        (("award", "signature"), "0x00", "award.signature has 1 bytes; give 65"),
        (("award", "colour"), "red", "award.'colour' is not a field"),
        (("result",), [], "result is not an object"),
        (("leafIndex",), -1, "leafIndex is -1"),
        (("leafIndex",), True, "leafIndex is True"),
        (("merklePath",), {}, "merklePath is not an array"),
        (("merklePath",), ["0x00"], r"merklePath\[0\] has 1 bytes"),
        (("journal",), "0x00", "journal has 1 bytes; give 40"),
        (("seal",), "AAB=", "stray bits"),
        (("seal",), "A B=", "seal is not base64"),
        (("extra",), 1, "'extra' is not a field"),
        (("seal",), None, "seal is missing"),
    ],
)
def test_a_bad_field_is_named(path: tuple[str, ...], value: object, says: str) -> None:
    document = json.loads(dump_receipt(RECEIPT))
    where = document
    for name in path[:-1]:
        where = where[name]
    where[path[-1]] = value
    if value is None:
        del where[path[-1]]
    with pytest.raises(ProtocolError, match=says):
        parse_receipt(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "receipt is not JSON"),
        (b"\xff\xfe", "receipt is not JSON"),
        ("[]", "receipt is not an object"),
        ("[" * 100_000, "more than 16 brackets"),
        (b"[" * 100_000, "more than 16 brackets"),
        ('{"version": 1, "version": 1}', "a key comes twice"),
        (" " * (1024 * 1024 + 1), "give at most 1048576"),
    ],
)
def test_what_is_no_receipt_is_refused(text: str | bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        parse_receipt(text)
