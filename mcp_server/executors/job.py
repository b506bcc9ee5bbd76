"""One check from the server's side: it follows the judge, tells progress, and lets go of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio

from mcp_server.executors.launcher import Launcher, NotStarted
from mcp_server.executors.protocol import Progress
from mcp_server.isolation import scratch
from mcp_server.isolation.limits import GRACE, STARTING, Limits
from mcp_server.judge.start_message import Assignment
from mcp_server.judge.worker_end import PHASES
from mcp_server.request import Checked, Failure, Request, outcome_of

_CHUNK = 1 << 18
_LONGEST_LINE = 64 << 20
_LETTING_GO = 5.0
_MARGIN = 10.0


class Job:
    """One check in processes of its own, of which nothing is left whatever the code does."""

    def __init__(
        self,
        request: Request,
        on_progress: Progress,
        limits: Limits,
        launcher: Launcher,
        folder: Path,
    ) -> None:
        self._request, self._on_progress = request, on_progress
        self._limits, self._launcher, self._folder = limits, launcher, folder
        self._began = time.monotonic()
        self._phase = "starting"
        self._judge = 0
        self._held = b""
        self._socket: socket.socket | None = None

    async def run(self) -> Checked | Failure:
        """Check, report progress every second, and clean up."""
        outcome: Checked | Failure | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tell)
                outcome = await self._follow()
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._let_go()
            scratch.remove(self._folder)
        assert outcome is not None
        return outcome

    async def _follow(self) -> Checked | Failure:
        request = self._request
        wall = STARTING + request.time_limit + GRACE + _MARGIN
        assignment = Assignment(str(self._folder), self._limits, request.time_limit + GRACE)
        try:
            self._socket = await self._launcher.launch(assignment)
        except NotStarted as error:
            return Failure(message=f"no check can be started: {error}", internal=True)
        with anyio.move_on_after(wall):
            await self._send(request.model_dump_json().encode() + b"\n")
            while (message := await self._receive()) is not None:
                if "outcome" in message:
                    return outcome_of(message["outcome"])
                self._phase = message.get("phase", self._phase)
                self._judge = message.get("pid", self._judge)
            return Failure(message="the judge of this call ended unexpectedly", internal=True)
        return Failure(message=f"the judge of this call hung for {wall:g} s", internal=True)

    async def _tell(self) -> None:
        while True:
            seconds = time.monotonic() - self._began
            where = PHASES.get(self._phase, f"in {self._phase}")
            await self._on_progress(seconds, f"{where}, {seconds:.0f} s")
            await anyio.sleep(1.0)

    async def _send(self, data: bytes) -> None:
        assert self._socket is not None
        left = memoryview(data)
        while left:
            await anyio.wait_writable(self._socket)
            with suppress(BlockingIOError, ConnectionError):
                left = left[self._socket.send(left) :]
                continue
            return

    async def _receive(self) -> dict[str, Any] | None:
        """Return the judge's next message, None when it has ended."""
        assert self._socket is not None
        while b"\n" not in self._held:
            await anyio.wait_readable(self._socket)
            try:
                chunk = self._socket.recv(_CHUNK)
            except BlockingIOError:
                continue
            except ConnectionError:
                return None
            if not chunk or len(self._held) > _LONGEST_LINE:
                return None
            self._held += chunk
        line, _, self._held = self._held.partition(b"\n")
        return json.loads(line)

    async def _let_go(self) -> None:
        """Tell the judge to end, and wait until it has."""
        if self._socket is None:
            return
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        with anyio.move_on_after(_LETTING_GO) as waiting:
            self._held = b""
            while await self._receive() is not None:
                self._held = b""
        if waiting.cancelled_caught and self._judge:
            with suppress(ProcessLookupError):
                os.kill(self._judge, signal.SIGKILL)
        self._socket.close()
