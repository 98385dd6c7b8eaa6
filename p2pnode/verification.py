"""The checks of a receipt's proof, one by one, for whoever shows them: `p2pnode verify` and the API."""

from collections.abc import Awaitable, Callable, Sequence

from p2pnode.errors import ProtocolError
from p2pnode.ports import Prover
from p2pnode.protocol.claim import claim_digest, claim_of_seal
from p2pnode.protocol.receipt import ProofClaim, Receipt

Step = tuple[str, Callable[[], Awaitable[None]]]
"""What is checked, and the check; it raises ProtocolError or ProverError."""


def proof_steps(claim: ProofClaim, prover: Prover) -> Sequence[Step]:
    """The guest, its claim, and the STARK."""

    async def of_this_guest() -> None:
        if claim.image_id != prover.image_id:
            raise ProtocolError(
                f"imageId is 0x{claim.image_id.hex()}, this prover's guest is 0x{prover.image_id.hex()}; "
                "use the version of p2pnode that made the receipt"
            )

    async def claims_the_journal() -> None:
        claimed, expected = claim_of_seal(claim.seal), claim_digest(claim.image_id, claim.journal)
        if claimed != expected:
            raise ProtocolError(
                f"seal claims 0x{claimed.hex()}; this guest and journal make the claim 0x{expected.hex()}"
            )

    async def is_proved() -> None:
        await prover.verify(claim.journal, claim.seal)

    return (
        ("the proof is of the guest that this prover knows", of_this_guest),
        ("the seal claims this journal of this guest", claims_the_journal),
        ("the STARK proves the claim", is_proved),
    )


def statement(receipt: Receipt, price: str) -> str:
    """What a valid receipt proves, in words; `price` as the reader is used to it."""
    award = receipt.award.message
    answer = "which is" if receipt.answer_is_proved else "which is not"
    return (
        f"Proved by the guest with image ID 0x{receipt.image_id.hex()}: it ran the ONNX file with SHA-256 "
        f"0x{award.model_digest.hex()} on the input with digest 0x{award.input_digest.hex()}, and the output "
        f"has digest 0x{receipt.output_digest.hex()}, {answer} what the worker answered at first. This is "
        f"task {receipt.leaf_index + 1} of {receipt.leaf_count} under one proof, awarded by "
        f"0x{award.requester.hex()} to 0x{award.worker.hex()} for {price} on chain {receipt.chain_id}."
    )
