"""All checks of a server pass here: they wait for a place, run, and are counted."""

from __future__ import annotations

import time
from types import TracebackType

import anyio

from mcp_server.executors.local import Embedded
from mcp_server.executors.protocol import Executor, Progress
from mcp_server.request import Checked, Failure, Request
from mcp_server.service.fair_queue import Busy, Places, Turn
from mcp_server.service.telemetry import Telemetry, span

_PER_WORKER = 16


class Checks:
    """Runs requests by an executor, at most ``workers`` at once; at most ``waiting`` may queue."""

    def __init__(
        self,
        executor: Executor | None = None,
        workers: int | None = None,
        waiting: int | None = None,
    ) -> None:
        self.executor = executor or Embedded()
        self.workers = workers or self.executor.room
        self.answered = 0
        most_waiting = _PER_WORKER * self.workers if waiting is None else waiting
        self.places = Places(self.workers, most_waiting)
        self._telemetry = Telemetry(self.places)

    async def run(
        self, request: Request, on_progress: Progress, caller: str = ""
    ) -> Checked | Failure:
        """Check when a place is free, callers in turn; say so at once when too many wait."""
        with self._telemetry.counted() as count:
            try:
                turn = self.places.join(caller)
            except Busy:
                count.busy()
                return Failure(
                    message=f"busy: {self.places.running} checks are running and "
                    f"{self.places.waiting} are waiting; ask again in a few seconds"
                )
            try:
                await _wait(turn, on_progress)
                with span("autograd.check"):
                    outcome = await self.executor.run(request, on_progress)
            finally:
                self.places.leave(turn)
                self.answered += turn.come.is_set()
            count.answered(outcome)
            return outcome

    def close(self) -> None:
        """End everything that runs."""
        self.executor.close()

    def __enter__(self) -> Checks:
        self.executor.prepare()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


async def _wait(turn: Turn, on_progress: Progress) -> None:
    """Wait for a turn to come, and tell every second that it has not yet."""
    if turn.come.is_set():
        return
    began = time.monotonic()
    with span("autograd.wait"):
        while not turn.come.is_set():
            seconds = time.monotonic() - began
            await on_progress(seconds, f"waiting for a free worker, {seconds:.0f} s")
            with anyio.move_on_after(1.0):
                await turn.come.wait()
