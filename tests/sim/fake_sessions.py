"""settleSession in memory, by the rules of contracts/contracts/Sessions.sol."""

from dataclasses import dataclass

from p2pnode.errors import ChainError, SignatureError
from p2pnode.protocol.eip712 import digest, verify
from p2pnode.protocol.messages import CallReceipt, SessionAward, Signed, Voucher
from p2pnode.protocol.sessions import NOTHING, extend
from p2pnode.protocol.tensors import tensors_digest
from tests.sim.fake_chain import DAY, MODEL_OWNER, World
from tests.sim.fake_clock import FakeClock


@dataclass(frozen=True, slots=True)
class SessionSettlement:
    """A settleSession call."""

    award: SessionAward
    voucher: Signed[Voucher]
    output: bytes
    receipt_signature: bytes
    credit: bool


def settle_session(world: World, call: SessionSettlement) -> None:
    """Pay what a voucher covers. Raises ChainError where the contract reverts."""
    award, voucher = call.award, call.voucher.message
    session_hash = digest(world.domain, award)
    now = FakeClock().now()
    if not now <= award.settle_deadline <= now + DAY:
        raise ChainError("SessionExpired or SessionTooFarAhead")
    listing = world.listings.get(award.model_digest)
    if listing is None or award.model_fee < listing.fee:
        raise ChainError("SessionModelUnknown or SessionModelFeeTooLow")
    if voucher.session_hash != session_hash or voucher.calls > award.most_calls:
        raise ChainError("VoucherMismatch or TooManyCalls")
    try:
        verify(world.domain, call.voucher, award.requester)
        due = _due(world, call)
    except SignatureError as error:
        raise ChainError("BadSignature") from error
    paid = world.paid_calls.get(session_hash, 0)
    if due <= paid:
        raise ChainError("CallsAlreadyPaid")
    opening = award.opening_fee if paid == 0 else 0
    each, balance = award.price + award.model_fee, world.escrow.get(award.requester, 0)
    if opening + each > balance:
        raise ChainError("CallNotCovered")
    calls = min(due - paid, (balance - opening) // each) if each else due - paid
    world.paid_calls[session_hash] = paid + calls
    world.escrow[award.requester] -= opening + calls * each
    receivers = world.credits if call.credit else world.balances
    receivers[award.worker] += opening + calls * award.price
    receivers[MODEL_OWNER] += calls * award.model_fee
    world.session_settlements.append((session_hash, paid + calls, call.output))


def _due(world: World, call: SessionSettlement) -> int:
    voucher = call.voucher.message
    if voucher.input_digest == NOTHING or voucher.calls == 0:
        return voucher.calls
    if not call.output:
        return voucher.calls - 1
    history = extend(voucher.history, voucher.input_digest, tensors_digest(call.output))
    receipt = CallReceipt(voucher.session_hash, voucher.calls, history)
    verify(world.domain, Signed(receipt, call.receipt_signature), call.award.worker)
    return voucher.calls
