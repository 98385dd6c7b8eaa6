"""What makes a session's award, voucher or receipt acceptable. Pure; the caller has done the look-ups."""

from p2pnode.errors import ProtocolError, SignatureError
from p2pnode.market.checks import MAX_SETTLE_WINDOW, check_input
from p2pnode.market.refusal import Refusal
from p2pnode.ports import SessionEntry
from p2pnode.protocol.eip712 import Domain, verify
from p2pnode.protocol.messages import CallAnswer, CallReceipt, DeclineCode, SessionAward, Signed, Voucher
from p2pnode.protocol.sessions import MAX_SESSION_CALLS, NOTHING, extend
from p2pnode.protocol.tensors import tensors_digest

LEAST_SECONDS = 60
"""What a session must have for its calls before the worker needs the rest to settle."""


def check_award(
    signed: Signed[SessionAward], domain: Domain, worker: bytes, now: int, settle_seconds: int
) -> None:
    """An award on its own: for this worker and chain, signed, within limits, with time left."""
    award = signed.message
    if award.worker != worker:
        raise Refusal(
            DeclineCode.MALFORMED, f"worker is 0x{award.worker.hex()}; this worker is 0x{worker.hex()}"
        )
    try:
        verify(domain, signed)
    except SignatureError as error:
        raise Refusal(DeclineCode.BAD_SIGNATURE, str(error)) from error
    if not 1 <= award.most_calls <= MAX_SESSION_CALLS:
        raise Refusal(
            DeclineCode.MALFORMED, f"most_calls is {award.most_calls}; give 1 to {MAX_SESSION_CALLS}"
        )
    earliest = now + LEAST_SECONDS + settle_seconds
    if award.settle_deadline < earliest:
        raise Refusal(
            DeclineCode.EXPIRED,
            f"settle_deadline is {award.settle_deadline}; give at least {earliest}",
            needed=earliest,
        )
    if award.settle_deadline > now + MAX_SETTLE_WINDOW:
        raise Refusal(
            DeclineCode.MALFORMED,
            f"settle_deadline is {award.settle_deadline}; give at most {now + MAX_SETTLE_WINDOW}",
        )


def check_prices(award: SessionAward, call_price: int, model_fee: int, opening_fee: int) -> None:
    """What the worker and the model's owner ask for one call, and the worker for settling."""
    check_call_price(award, call_price, 1)
    if award.model_fee < model_fee:
        raise Refusal(
            DeclineCode.PRICE_TOO_LOW, f"model_fee is {award.model_fee}; the model's owner asks {model_fee}"
        )
    if award.opening_fee < opening_fee:
        raise Refusal(
            DeclineCode.OPENING_FEE_TOO_LOW,
            f"opening_fee is {award.opening_fee}; settling costs this worker {opening_fee}",
            needed=opening_fee,
        )


def check_call_price(award: SessionAward, call_price: int, seconds: int) -> None:
    """What the worker asks for a call that takes so many started seconds."""
    needed = call_price * seconds
    if award.price < needed:
        long = f", which takes it {seconds} s" if seconds > 1 else ""
        raise Refusal(
            DeclineCode.PRICE_TOO_LOW,
            f"price is {award.price}; this worker asks {needed} for a call of this model{long}",
            needed=needed,
        )


def check_voucher(voucher: Signed[Voucher], session: SessionEntry, domain: Domain) -> None:
    """The next voucher of a session: signed, and true to all that was answered so far."""
    message, receipt = voucher.message, session.receipt.message
    calls = receipt.calls if message.input_digest == NOTHING else receipt.calls + 1
    if message.calls != calls:
        raise Refusal(
            DeclineCode.MALFORMED, f"calls is {message.calls}; {receipt.calls} are answered, so give {calls}"
        )
    if message.history != receipt.history:
        raise Refusal(
            DeclineCode.MALFORMED, f"history is 0x{message.history.hex()}; it is 0x{receipt.history.hex()}"
        )
    most = session.award.message.most_calls
    if calls > most:
        raise Refusal(DeclineCode.EXPIRED, f"all {most} calls of the session are made; open another")
    try:
        verify(domain, voucher, session.award.message.requester)
    except SignatureError as error:
        raise Refusal(DeclineCode.BAD_SIGNATURE, str(error)) from error


def check_call_input(voucher: Voucher, tensors: bytes) -> None:
    """The input must be what the voucher pays for, in canonical encoding and finite."""
    check_input(tensors, voucher.input_digest)


def check_first_receipt(
    receipt: Signed[CallReceipt], session_hash: bytes, worker: bytes, domain: Domain
) -> None:
    """The worker's acceptance: its receipt for no call. Raises ProtocolError or SignatureError."""
    if receipt.message != CallReceipt(session_hash, 0, session_hash):
        raise ProtocolError("the worker's first receipt is for another session or another state of it")
    verify(domain, receipt, worker)


def check_answer(answer: CallAnswer, voucher: Voucher, worker: bytes, domain: Domain) -> None:
    """An answer to the call of `voucher`. Raises ProtocolError or SignatureError."""
    history = extend(voucher.history, voucher.input_digest, tensors_digest(answer.output))
    due = CallReceipt(voucher.session_hash, voucher.calls, history)
    if answer.receipt.message != due:
        raise ProtocolError(f"the receipt of call {voucher.calls} does not follow from this input and output")
    verify(domain, answer.receipt, worker)
