"""A worker process as its judge holds it, forked where that is safe and spawned elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from mcp_server.isolation.limits import Limits, environment
from mcp_server.worker.phase_board import PhaseBoard
from mcp_server.worker.process import Pipe, arguments, serve

_STANDARD = 3
_FIRST = "starting"


class Started:
    """A worker process, the judge's ends of its pipes, and where its phase stands."""

    def __init__(self, pid: int, pipes: tuple[int, int, int, int], board: PhaseBoard) -> None:
        self.pid, self.board = pid, board
        self.questions, self.answers, self.stdout, self.stderr = pipes
        self._code: int | None = None

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the exit code, negative for a signal; None if it does not end in time."""
        until = None if seconds is None else time.monotonic() + seconds
        while self._code is None:
            flags = 0 if until is None else os.WNOHANG
            pid, status = os.waitpid(self.pid, flags)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif until is not None and time.monotonic() > until:
                return None
            else:
                time.sleep(0.001)
        return self._code

    def close(self) -> None:
        """Close the judge's ends."""
        for pipe in (self.questions, self.answers, self.stdout, self.stderr):
            os.close(pipe)
        self.board.close()


def fork_worker(scratch: Path, limits: Limits, seconds: float) -> Started:
    """Fork a worker; it has everything imported, and of the judge's descriptors nothing."""
    pipes = [os.pipe() for _ in range(4)]
    board = PhaseBoard(_FIRST)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become_worker(pipes, board, parent, scratch, limits, seconds)
    return _started(pid, pipes, board)


def _become_worker(
    pipes: list[tuple[int, int]],
    board: PhaseBoard,
    parent: int,
    scratch: Path,
    limits: Limits,
    seconds: float,
) -> NoReturn:
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(scratch)
        os.environ.update(HOME=str(scratch), TMPDIR=str(scratch))
        (reading, _), (_, writing), (_, stdout), (_, stderr) = pipes
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        _close_others({reading, writing})
        serve(Pipe(reading, writing, board), limits, parent, seconds)
    finally:
        os._exit(70)


def _close_others(kept: set[int]) -> None:
    """Close every descriptor but the standard ones and ``kept``."""
    start = _STANDARD
    for descriptor in sorted(kept):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def spawn_worker(scratch: Path, limits: Limits, seconds: float) -> Started:
    """Start a worker as a new Python, which imports everything again."""
    pipes = [os.pipe() for _ in range(4)]
    (reading, _), (_, writing), (_, stdout), (_, stderr) = pipes
    process = subprocess.Popen(
        [sys.executable, *arguments(reading, writing, os.getpid(), limits, seconds)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=scratch,
        env=environment(scratch),
        start_new_session=True,
        pass_fds=(reading, writing),
    )
    process.returncode = 0  # waited for by its id, here only
    return _started(process.pid, pipes, PhaseBoard(_FIRST))


def _started(pid: int, pipes: list[tuple[int, int]], board: PhaseBoard) -> Started:
    (reading, questions), (answers, writing), (stdout, out), (stderr, err) = pipes
    for theirs in (reading, writing, out, err):
        os.close(theirs)
    return Started(pid, (questions, answers, stdout, stderr), board)
