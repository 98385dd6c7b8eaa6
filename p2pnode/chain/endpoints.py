"""Several endpoints of one chain as one: the first that is well answers, and all where money hangs on it.

An endpoint that fails, asks for patience, lags behind or contradicts the others rests for a while; one of
another chain is never asked again. With a single endpoint there is nobody to compare it with.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
import trio

from p2pnode.chain.endpoint import Endpoint, RpcError, Unavailable
from p2pnode.errors import ChainError

ATTEMPTS: Final = 3
"""Rounds over all endpoints before a call fails."""
RETRY_SECONDS: Final = 0.25
REST_SECONDS: Final = 30.0
CHECK_SECONDS: Final = 15.0
"""Between comparisons of the endpoints' heights."""
MOST_BEHIND: Final = 3
"""Blocks that a healthy endpoint may be behind the others."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Seat:
    """One endpoint and what is known of it."""

    endpoint: Endpoint
    rests_until: float = 0.0
    is_right_chain: bool | None = None


class Endpoints:
    """Asks endpoints in the order they were given. `chain_id` 0 takes any chain."""

    def __init__(self, endpoints: Sequence[Endpoint], chain_id: int) -> None:
        self._seats = [_Seat(endpoint) for endpoint in endpoints]
        self._chain_id = chain_id
        self._checked = float("-inf")
        self._checking = trio.Lock()

    async def ask(self, method: str, params: list[Any]) -> Any:
        """The answer of the first endpoint that gives one. Raises ChainError, RpcError when refused."""
        failure: ChainError | None = None
        for attempt in range(ATTEMPTS):
            wait = RETRY_SECONDS * 2**attempt
            for seat in await self._usable():
                try:
                    return await seat.endpoint.ask(method, params)
                except Unavailable as error:
                    self._rest(seat, error)
                    failure, wait = error, max(wait, error.wait)
            if attempt < ATTEMPTS - 1:
                await trio.sleep(wait)
        reason = failure or "every endpoint is of another chain"
        raise ChainError(f"chain.rpc_url: {reason}; check that the node runs and the URL is right")

    async def agreed(
        self, method: str, params: list[Any], essence: Callable[[Any], Hashable] = lambda answer: answer
    ) -> Any:
        """The answer that most endpoints give; what `essence` makes of two answers tells if they agree.

        An error of the node is an answer too. Raises ChainError when there is no majority.
        """
        seats = await self._usable()
        if len(seats) == 1:
            return await self.ask(method, params)
        answers: list[tuple[_Seat, Any]] = []

        async def hear(seat: _Seat) -> None:
            try:
                answers.append((seat, await seat.endpoint.ask(method, params)))
            except RpcError as error:
                answers.append((seat, error))
            except Unavailable as error:
                self._rest(seat, error)

        async with trio.open_nursery() as nursery:
            for seat in seats:
                nursery.start_soon(hear, seat)
        if not answers:
            return await self.ask(method, params)
        told = [_essence(answer, essence) for _, answer in answers]
        (most, count), *_ = Counter(told).most_common(1)
        if 2 * count <= len(answers):
            names = ", ".join(seat.endpoint.name for seat, _ in answers)
            raise ChainError(
                f"chain.rpc_url: {names} contradict each other on {method}; nothing is decided until they "
                "agree, or chain.rpc_backups names one more"
            )
        for (seat, _), said in zip(answers, told, strict=True):
            if said != most:
                self._rest(seat, ChainError(f"{seat.endpoint.name} alone says otherwise on {method}"))
        answer = next(answer for (_, answer), said in zip(answers, told, strict=True) if said == most)
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def _usable(self) -> list[_Seat]:
        """Endpoints of the right chain: those that are well first, then those that rest."""
        if len(self._seats) > 1:
            await self._compare()
        now = trio.current_time()
        right = [seat for seat in self._seats if seat.is_right_chain is not False]
        well = [seat for seat in right if seat.rests_until <= now]
        return well or right

    async def _compare(self) -> None:
        """Ask new endpoints for their chain, and now and then all for their height."""
        async with self._checking:
            if trio.current_time() - self._checked < CHECK_SECONDS:
                return
            heights: dict[int, int] = {}

            async def look(index: int, seat: _Seat) -> None:
                try:
                    if self._chain_id and seat.is_right_chain is None:
                        found = int(await seat.endpoint.ask("eth_chainId", []), 16)
                        seat.is_right_chain = found == self._chain_id
                        if not seat.is_right_chain:
                            log.warning("endpoint.wrong_chain", endpoint=seat.endpoint.name, chain_id=found)
                            return
                    heights[index] = int(await seat.endpoint.ask("eth_blockNumber", []), 16)
                except (ChainError, TypeError, ValueError) as error:
                    self._rest(seat, error)

            async with trio.open_nursery() as nursery:
                for index, seat in enumerate(self._seats):
                    if seat.is_right_chain is not False and seat.rests_until <= trio.current_time():
                        nursery.start_soon(look, index, seat)
            # The median of three is safe from one that boasts; of two the higher one is believed.
            middle = sorted(heights.values())[len(heights) // 2] if heights else 0
            for index, height in heights.items():
                if abs(height - middle) > MOST_BEHIND:
                    seat = self._seats[index]
                    reason = f"{seat.endpoint.name} is at block {height}, the others at {middle}"
                    self._rest(seat, ChainError(reason))
            self._checked = trio.current_time()

    def _rest(self, seat: _Seat, error: Exception) -> None:
        seat.rests_until = trio.current_time() + max(REST_SECONDS, getattr(error, "wait", 0.0))
        if len(self._seats) > 1:
            log.warning("endpoint.rests", endpoint=seat.endpoint.name, reason=str(error))


def _essence(answer: Any, essence: Callable[[Any], Hashable]) -> Hashable:
    if isinstance(answer, RpcError):
        return ("error", answer.data)
    try:
        return essence(answer)
    except (KeyError, TypeError, ValueError, AttributeError):
        return ("malformed",)
