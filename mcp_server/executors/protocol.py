"""What runs one check: the seam between the queue of checks and the machines that do them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from mcp_server.isolation.limits import Limits
from mcp_server.request import Checked, Failure, Request

Progress = Callable[[float, str], Awaitable[None]]


class Executor(Protocol):
    """Runs checks, each in processes of its own, under ``limits``; it has ``room`` for so many."""

    limits: Limits
    room: int

    def prepare(self) -> None:
        """Start what takes long to start; called once, in the main thread."""
        ...

    async def run(self, request: Request, on_progress: Progress) -> Checked | Failure:
        """Check, tell progress every second, and leave nothing behind, also when cancelled."""
        ...

    def close(self) -> None:
        """End every process and delete every folder; may come from a signal handler, and twice."""
        ...
