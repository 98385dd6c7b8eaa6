"""proveBatch and rescue in memory, by the rules of contracts/contracts/ProofOfInference.sol."""

from p2pnode.errors import ChainError
from p2pnode.protocol.eip712 import digest, rescue_id
from p2pnode.protocol.journal import Journal, journal_of, leaf
from tests.sim.contract_abi import Rescue
from tests.sim.fake_chain import DAY, MODEL_OWNER, World
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_compute import seal_of

PENALTY = 400
"""What a missed task costs its worker; a quarter of it is the rescuer's."""


def prove_batch(world: World, count: int, root: bytes, seal: bytes) -> None:
    """Take a proof. Raises ChainError where the contract reverts."""
    journal = Journal(count, root).encode()
    if seal != seal_of(journal):
        raise ChainError("proveBatch reverted: VerificationFailed()")
    world.proved.add(journal)


def rescue(world: World, call: Rescue) -> None:
    """Pay the rescuer of a reported award. Raises ChainError where the contract reverts."""
    award, now = call.award, FakeClock().now()
    task_id = digest(world.domain, award)
    report = world.reports.get(task_id)
    if report is None or not report.open:
        raise ChainError("NoOpenReport")
    if not report.answer_until < now <= report.answer_until + DAY:
        raise ChainError("StillAnswerable or RescueTooLate")
    if (award.requester, award.nonce) in world.nonces:
        raise ChainError("NonceAlreadyUsed")
    name = rescue_id(world.domain, task_id, call.rescuer)
    leaves = [leaf(name, award.model_digest, award.input_digest, call.output_digest)]
    if call.count != 1 or journal_of(leaves).encode() not in world.proved:
        raise ChainError("NotProven")
    report.open = False
    world.nonces.add((award.requester, award.nonce))
    world.rescued[task_id] = call.rescuer
    world.slashed.append(award.worker)
    paid = world.credits if call.credit else world.balances
    paid[call.rescuer] += award.price
    world.balances[call.rescuer] += PENALTY // 4
    paid[MODEL_OWNER] += award.model_fee
