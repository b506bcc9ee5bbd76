"""The queue of checks: a few at once, the rest in order of arrival, too many refused clearly."""

from __future__ import annotations

import os
import time

import anyio

from mcp_server._job import Job, Progress
from mcp_server._launch import Launcher
from mcp_server._limits import Limits
from mcp_server._request import Checked, Failure, Request

_PER_WORKER = 16


class Checks:
    """Runs requests, at most ``workers`` at once and at most ``waiting`` in the queue."""

    def __init__(
        self,
        limits: Limits | None = None,
        workers: int | None = None,
        waiting: int | None = None,
        launcher: Launcher | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.workers = workers or os.cpu_count() or 1
        self.launcher = launcher or Launcher()
        self.answered = 0
        self._most_waiting = _PER_WORKER * self.workers if waiting is None else waiting
        self._places: anyio.Semaphore | None = None
        self.running = 0
        self.waiting = 0

    async def run(self, request: Request, on_progress: Progress) -> Checked | Failure:
        """Check when a place is free, in order of arrival; say so at once when too many wait."""
        places = self._places = self._places or anyio.Semaphore(self.workers)
        if self.waiting >= self._most_waiting and self.running >= self.workers:
            return Failure(
                message=f"busy: {self.running} checks are running and {self.waiting} are waiting; "
                "ask again in a few seconds"
            )
        self.waiting += 1
        try:
            await self._wait(places, on_progress)
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            return await Job(request, on_progress, self.limits, self.launcher).run()
        finally:
            self.running -= 1
            self.answered += 1
            places.release()

    async def _wait(self, places: anyio.Semaphore, on_progress: Progress) -> None:
        """Take a place; tell every second that none is free yet."""
        try:
            places.acquire_nowait()
            return
        except anyio.WouldBlock:
            pass
        began = time.monotonic()

        async def tell() -> None:
            while True:
                seconds = time.monotonic() - began
                await on_progress(seconds, f"waiting for a free worker, {seconds:.0f} s")
                await anyio.sleep(1.0)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tell)
            await places.acquire()
            tasks.cancel_scope.cancel()
