"""Moves of a worker's rescues in the ledger: legal and timed."""

from dataclasses import replace

from p2pnode.market.context import Context
from p2pnode.market.rescues.state import GiveUp, RescueState, check_transition
from p2pnode.ports import RescueEntry, Role


class RescueBook:
    """The rescues of this worker. What it returns is what the ledger holds."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, task_id: bytes) -> RescueEntry | None:
        """The rescue of a task, whatever became of it."""
        return self._context.store.rescue(Role.WORKER, task_id)

    def having(self, *states: RescueState) -> list[RescueEntry]:
        """Rescues in one of these states, oldest first."""
        return self._context.store.rescues(Role.WORKER, states)

    def move(self, rescue: RescueEntry, state: RescueState, **change: object) -> RescueEntry:
        """Write a move. Raises MarketError if it is illegal, StoreError if it came too late."""
        new = check_transition(rescue.state, state)
        moved = replace(rescue, state=new, changed=self._context.clock.now(), **change)  # type: ignore[arg-type]
        self._context.store.move_rescue(moved, expect=rescue.state)
        return moved

    def give_up(self, rescue: RescueEntry, code: GiveUp, reason: str) -> None:
        """End a rescue without pay and report it."""
        self.move(rescue, RescueState.GIVEN_UP, reason=f"{code}: {reason}")
        self._context.on_event("rescue.ended", task_id=rescue.task_id.hex(), code=code.value, reason=reason)
