"""Run one request in a process of its own: ``run_check`` is all that the server knows of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio

from mcp_server._death import PHASES, Cause, sentence
from mcp_server._limits import (
    GRACE,
    MB,
    NOT_ENFORCED,
    STARTING,
    Limits,
    environment,
    kill_group,
)
from mcp_server._request import Checked, Failure, Request
from mcp_server._scratch import scratch_folder
from pytest_autograd._model import Isolation

Progress = Callable[[float, str], Awaitable[None]]
RUNNING: set[int] = set()
_TAIL = 20_000
_CHUNK = 1 << 16
_LONGEST_EVENT = 16 * MB


async def run_check(request: Request, on_progress: Progress, limits: Limits) -> Checked | Failure:
    """Check in a fresh worker of which, whatever the submitted code does, nothing is left."""
    with scratch_folder() as folder:
        job = _Job(request, on_progress, limits)
        try:
            job.start(folder)
            await job.follow()
        finally:
            with anyio.CancelScope(shield=True):
                await job.end()
        return job.outcome()


class _Job:
    def __init__(self, request: Request, on_progress: Progress, limits: Limits) -> None:
        self._request = request
        self._on_progress = on_progress
        self._limits = limits
        self._phase = "starting"
        self._began = self._loaded = time.monotonic()
        self._events: dict[str, Any] = {}
        self._unread = b""
        self._printed = 0
        self._stderr = b""
        self._cause: Cause | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: list[int] = []

    def start(self, folder: Path) -> None:
        """Start the worker from the main thread: the kernel ties its life to that thread."""
        ends = [os.pipe() for _ in range(3)]
        self._pipes = [reading for reading, _ in ends]
        events, stdout, stderr = (writing for _, writing in ends)
        try:
            with tempfile.TemporaryFile(dir=folder) as stdin:
                stdin.write(self._request.model_dump_json().encode())
                stdin.seek(0)
                limits = json.dumps(asdict(self._limits))
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "mcp_server._worker",
                        str(events),
                        str(os.getpid()),
                        limits,
                    ],
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=folder,
                    env=environment(folder),
                    start_new_session=True,
                    pass_fds=(events,),
                )
        finally:
            for writing in (events, stdout, stderr):
                os.close(writing)
        RUNNING.add(self._process.pid)
        for reading in self._pipes:
            os.set_blocking(reading, False)

    async def follow(self) -> None:
        """Read and watch until the worker is gone."""
        assert self._process is not None
        async with anyio.create_task_group() as tasks:
            for pipe, take in zip(self._pipes, self._takers(), strict=True):
                tasks.start_soon(self._read, pipe, take)
            tasks.start_soon(self._watch)
            await anyio.to_thread.run_sync(_until_exit, self._process, abandon_on_cancel=True)
            tasks.cancel_scope.cancel()

    async def end(self) -> None:
        """Kill what is left of the group, take what it had written, and free everything."""
        if self._process is not None:
            kill_group(self._process.pid)
            await anyio.to_thread.run_sync(self._process.wait)
            RUNNING.discard(self._process.pid)
        for pipe, take in zip(self._pipes, self._takers(), strict=True):
            with suppress(BlockingIOError):
                while chunk := os.read(pipe, _CHUNK):
                    take(chunk)
            os.close(pipe)

    def outcome(self) -> Checked | Failure:
        """Return the report with what was enforced, or why there is none."""
        assert self._process is not None
        if "report" in self._events and self._cause is None:
            checked = Checked.model_validate(self._events["report"])
            report = checked.report.model_copy(update={"isolation": self._isolation()})
            return checked.model_copy(update={"report": report})
        if "error" in self._events:
            return Failure(message=self._events["error"])
        if "crash" in self._events:
            return Failure(message=self._events["crash"], internal=True)
        stderr = self._stderr.decode(errors="replace")
        code, limit = self._process.returncode, self._request.time_limit
        return Failure(
            message=sentence(self._cause, code, self._phase, limit, self._limits, stderr)
        )

    def _isolation(self) -> Isolation:
        limits = self._events["limits"]
        enforced = [
            f"wall clock {self._request.time_limit + GRACE:g} s",
            f"output {self._limits.output // MB} MB",
            "own process group",
            "scratch folder",
            "minimal environment",
            "no standard input",
            *(name for name, held in limits if held),
        ]
        missing = [*(name for name, held in limits if not held), *NOT_ENFORCED]
        return Isolation(enforced=tuple(enforced), not_enforced=tuple(missing))

    async def _read(self, pipe: int, take: Callable[[bytes], None]) -> None:
        async for chunk in _chunks(pipe):
            take(chunk)

    def _takers(self) -> list[Callable[[bytes], None]]:
        return [self._take_events, self._take_output, self._take_errors]

    def _take_events(self, chunk: bytes) -> None:
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            event = _parsed(line)
            if event is None:
                self._stop("pipe")
                return
            if self._phase == "starting" and "phase" in event:
                self._loaded = time.monotonic()
            self._phase = event.pop("phase", self._phase)
            self._events = event | self._events
        if len(self._unread) > _LONGEST_EVENT:
            self._stop("pipe")

    def _take_output(self, chunk: bytes) -> None:
        self._printed += len(chunk)
        if self._printed > self._limits.output and self._cause is None:
            self._stop("output")

    def _take_errors(self, chunk: bytes) -> None:
        self._stderr = (self._stderr + chunk)[-_TAIL:]
        self._take_output(chunk)

    def _stop(self, cause: Cause) -> None:
        assert self._process is not None
        self._cause = cause
        kill_group(self._process.pid)

    async def _watch(self) -> None:
        """Report progress every second and stop the worker when its time is up."""
        while (left := self._deadline() - time.monotonic()) > 0:
            seconds = time.monotonic() - self._began
            where = PHASES.get(self._phase, f"in {self._phase}")
            await self._on_progress(seconds, f"{where}, {seconds:.0f} s")
            await anyio.sleep(min(1.0, left))
        self._stop("time")

    def _deadline(self) -> float:
        """Return when time is up; the clock starts once torch is loaded."""
        if self._phase == "starting":
            return self._began + STARTING
        return self._loaded + self._request.time_limit + GRACE


def _until_exit(process: subprocess.Popen[bytes]) -> None:
    """Wait without reaping, where possible, so that the group's id is still taken."""
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return an event, or nothing for what no worker of ours has written."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


async def _chunks(pipe: int) -> AsyncIterator[bytes]:
    while True:
        await anyio.wait_readable(pipe)
        with suppress(BlockingIOError):
            chunk = os.read(pipe, _CHUNK)
            if not chunk:
                return
            yield chunk
