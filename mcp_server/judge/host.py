"""The judge's hold on a worker: it starts it, asks it, watches it and ends it."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mcp_server.isolation.limits import Limits, kill_group
from mcp_server.isolation.scratch import size_of
from mcp_server.judge.start_worker import Started
from mcp_server.judge.worker_end import Cause
from mcp_server.worker.wire import Decoder, Garbled, MaybeTensors, Message, encode
from pytest_autograd.errors import Aborted

_CHUNK = 1 << 18
_TAIL = 20_000
_LOOK = 0.05
_LAST_WORDS = 1.0
PHASE_OF = {
    "forward": "forward",
    "vjp": "backward",
    "double_vjp": "double backward",
    "reference_vjp": "forward",
    **dict.fromkeys(("declared_forward", "declared_vjp"), "the declared function"),
    "transform": "grad_transform",
}


class WorkerEnded(Aborted):
    """The worker is gone: killed by us for a cause, or by itself with an exit code."""

    def __init__(self, cause: Cause | None, code: int, phase: str, stderr: str) -> None:
        super().__init__(cause or code)
        self.cause: Cause | None = cause
        self.code, self.phase, self.stderr = code, phase, stderr


class Abandoned(Aborted):
    """The server no longer wants the answer, or is gone."""


class Host:
    """One worker. ``server`` is readable when the server lets go; ``note`` hears of each phase."""

    def __init__(
        self,
        worker: Started,
        server: int,
        limits: Limits,
        scratch: Path,
        note: Callable[[str], None],
    ) -> None:
        self._worker, self._limits, self._scratch, self._note = worker, limits, scratch, note
        self.deadline = float("inf")
        self._decoder = Decoder()
        self._printed = 0
        self._stderr = b""
        self._number = 0
        self._looked = 0.0
        self._messages: list[Message] = []
        self._selector = selectors.DefaultSelector()
        for pipe, take in (
            (worker.answers, self._take_answers),
            (worker.stdout, self._take_output),
            (worker.stderr, self._take_errors),
        ):
            os.set_blocking(pipe, False)
            self._selector.register(pipe, selectors.EVENT_READ, take)
        self._selector.register(server, selectors.EVENT_READ, self._let_go)
        os.set_blocking(worker.questions, False)

    @property
    def phase(self) -> str:
        """What the worker was doing when it last told."""
        return self._worker.board.read()

    def hear(self) -> dict[str, Any]:
        """Return the header of the worker's first message, sent before any submitted code runs."""
        return self._next()[0]

    def ask(self, question: str, tensors: MaybeTensors | list[Any] = (), **header: Any) -> Message:  # type: ignore[assignment]
        """Put a question and return the answer; raise :class:`WorkerEnded` if none can come."""
        self._number += 1
        if question in PHASE_OF:
            self._worker.board.write(PHASE_OF[question])
        self._send(encode({"ask": question, "number": self._number, **header}, tensors))
        answer, found = self._next()
        if answer.pop("answer", None) != self._number:
            self._stop("pipe")
        return answer, found

    def end(self) -> None:
        """Kill the worker with all that it may have started, and wait until they are gone."""
        kill_group(self._worker.pid)
        self._worker.wait()
        _end_adopted()
        self._selector.close()
        self._worker.close()

    def _send(self, message: bytes) -> None:
        left = memoryview(message)
        while left:
            try:
                left = left[os.write(self._worker.questions, left) :]
            except BlockingIOError:
                self._turn()
            except BrokenPipeError:
                self._gone()

    def _next(self) -> Message:
        while not self._messages:
            self._turn()
        return self._messages.pop(0)

    def _turn(self) -> None:
        """Wait a moment for anything to come, then look whether a limit is passed."""
        for key, _ in self._selector.select(_LOOK):
            key.data()
        now = time.monotonic()
        if now > self.deadline:
            self._stop("time")
        if now - self._looked > _LOOK:
            self._looked = now
            self._note(self.phase)
            if size_of(self._scratch, self._limits.scratch) > self._limits.scratch:
                self._stop("files")

    def _let_go(self) -> None:
        raise Abandoned

    def _take_answers(self) -> None:
        chunk = _read(self._worker.answers)
        if chunk == b"":
            self._gone()
        try:
            for header, tensors in self._decoder.feed(chunk or b""):
                phase = header.get("phase")
                if isinstance(phase, str) and "answer" not in header:
                    self._worker.board.write(phase)
                else:
                    self._messages.append((header, tensors))
        except Garbled:
            self._stop("pipe")

    def _take_output(self) -> None:
        self._count(self._worker.stdout)

    def _take_errors(self) -> None:
        self._stderr = (self._stderr + self._count(self._worker.stderr))[-_TAIL:]

    def _count(self, pipe: int) -> bytes:
        chunk = _read(pipe)
        if chunk == b"":
            self._selector.unregister(pipe)
        self._printed += len(chunk or b"")
        if self._printed > self._limits.output:
            self._stop("output")
        return chunk or b""

    def _stop(self, cause: Cause) -> None:
        kill_group(self._worker.pid)
        code = self._worker.wait() or 0
        raise WorkerEnded(cause, code, self.phase, self._last_words())

    def _gone(self) -> None:
        """Tell how a worker ended whose pipe is closed; one that lives on closed it on purpose."""
        code = self._worker.wait(_LAST_WORDS)
        if code is None:
            self._stop("pipe")
        raise WorkerEnded(None, code or 0, self.phase, self._last_words())

    def _last_words(self) -> str:
        while chunk := _read(self._worker.stderr):
            self._stderr = (self._stderr + chunk)[-_TAIL:]
        return self._stderr.decode(errors="replace")


def _read(pipe: int) -> bytes | None:
    """Return what there is, nothing at the end, None if it is empty for now."""
    try:
        return os.read(pipe, _CHUNK)
    except BlockingIOError:
        return None


def _end_adopted() -> None:
    """Kill what the worker started and left to us: where forking is not refused, it may have."""
    while left := list(children()):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def children() -> Iterator[int]:
    """Yield the processes whose parent this one is."""
    own = f"/proc/self/task/{os.getpid()}/children"
    with suppress(OSError):
        yield from map(int, Path(own).read_text().split())
