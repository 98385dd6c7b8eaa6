"""Rescues in the ledger."""

from collections.abc import Iterable
from typing import Any

from p2pnode.errors import StoreError
from p2pnode.ports import Proof, RescueEntry, Role
from p2pnode.protocol.cid import content_digest
from p2pnode.protocol.codec import decode_signed, encode
from p2pnode.protocol.messages import Award
from p2pnode.store.connection import Ledger

_COLUMNS = (
    "role, task_id, state, award, rescuer, rescue_until, changed, output_digest, image_id, journal, seal, "
    "settled_by, reason"
)


class RescueTables:
    """Implements the RescueLog port; its methods are documented there."""

    def __init__(self, ledger: Ledger) -> None:
        self._rescues = ledger

    def add_rescue(self, rescue: RescueEntry) -> None:
        marks = ", ".join("?" * len(_COLUMNS.split(",")))
        with self._rescues.transaction():
            added = self._rescues.execute(
                f"INSERT OR IGNORE INTO rescues ({_COLUMNS}) VALUES ({marks})", *_row(rescue)
            )
            if added != 1:
                raise StoreError(f"the {rescue.role} has a rescue of task {rescue.task_id.hex()} already")
            self._keep_output(rescue)

    def move_rescue(self, rescue: RescueEntry, *, expect: str) -> None:
        with self._rescues.transaction():
            changed = self._rescues.execute(
                "UPDATE rescues SET state = ?3, award = ?4, rescuer = ?5, rescue_until = ?6, changed = ?7, "
                "output_digest = ?8, image_id = ?9, journal = ?10, seal = ?11, settled_by = ?12, "
                "reason = ?13 WHERE role = ?1 AND task_id = ?2 AND state = ?14",
                *_row(rescue),
                expect,
            )
            if changed != 1:
                found = self.rescue(rescue.role, rescue.task_id)
                raise StoreError(
                    f"the rescue of task {rescue.task_id.hex()} is {found.state if found else 'unknown'} in "
                    f"the ledger; going to {rescue.state} needs {expect}"
                )
            self._keep_output(rescue)

    def rescue(self, role: Role, task_id: bytes) -> RescueEntry | None:
        found = self._find("role = ? AND task_id = ?", role, task_id)
        return found[0] if found else None

    def rescues(self, role: Role, states: Iterable[str]) -> list[RescueEntry]:
        wanted = list(states)
        marks = ", ".join("?" * len(wanted))
        return self._find(f"role = ? AND state IN ({marks})", role, *wanted)

    def _find(self, where: str, *values: object) -> list[RescueEntry]:
        query = (
            f"SELECT {_COLUMNS}, data FROM rescues LEFT JOIN contents ON digest = output_digest "
            f"WHERE {where} ORDER BY serial"
        )
        return [_rescue_of(*found) for found in self._rescues.rows(query, *values)]

    def _keep_output(self, rescue: RescueEntry) -> None:
        if rescue.proof is not None:
            (output,) = rescue.proof.outputs
            self._rescues.execute(
                "INSERT OR IGNORE INTO contents VALUES (?, ?)", content_digest(output), output
            )


def _row(rescue: RescueEntry) -> tuple[object, ...]:
    proof = rescue.proof
    return (
        rescue.role,
        rescue.task_id,
        rescue.state,
        encode(rescue.award),
        rescue.rescuer,
        rescue.rescue_until,
        rescue.changed,
        rescue.output_digest,
        proof and proof.image_id,
        proof and proof.journal,
        proof and proof.seal,
        rescue.transaction,
        rescue.reason,
    )


def _rescue_of(
    role: str,
    task_id: bytes,
    state: str,
    award: bytes,
    rescuer: bytes,
    rescue_until: int,
    changed: int,
    output_digest: bytes,
    image_id: bytes | None,
    journal: bytes | None,
    seal: bytes | None,
    *rest: Any,
) -> RescueEntry:
    transaction, reason, output = rest
    proof = None
    if image_id is not None and journal is not None and seal is not None:
        proof = Proof(image_id, journal, seal, (output,))
    return RescueEntry(
        role=Role(role),
        task_id=task_id,
        state=state,
        award=decode_signed(award, Award),
        rescuer=rescuer,
        rescue_until=rescue_until,
        changed=changed,
        output_digest=output_digest,
        proof=proof,
        transaction=transaction,
        reason=reason,
    )
