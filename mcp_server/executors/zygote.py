"""The process that has imported what a check needs, and forks a judge for each call.

It has one thread, runs no tensor operation and no submitted code. Over its socket come assignments,
each with the descriptor of the judge's own socket; when the socket ends, so does everything.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import NoReturn

from mcp_server.isolation.isolate import adopt_orphans, die_with_parent, hide_memory, outlive_parent

LONGEST_ASSIGNMENT = 1 << 16
READY = b"ready"
_JUDGES_END_WITHIN = 3.0


def main() -> None:
    """Import everything, tell so, then fork until the server is gone."""
    die_with_parent(int(sys.argv[2]))
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    from mcp_server.judge import process  # noqa: F401
    from mcp_server.worker import preload  # noqa: F401

    gc.collect()
    gc.freeze()
    hide_memory()
    adopt_orphans()
    # From here on the socket tells of the server's end, so that judges can be given time to clean.
    outlive_parent()
    wake, waker = socket.socketpair()
    with suppress(OSError):
        control.send(READY)
        _serve(control, wake, waker)
    _end()


def _serve(control: socket.socket, wake: socket.socket, waker: socket.socket) -> None:
    judges: set[int] = set()
    for end in (wake, waker):
        end.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    while True:
        readable, _, _ = select.select([control, wake], [], [])
        if wake in readable:
            wake.recv(4096)
            _reap(judges)
        if control not in readable:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, LONGEST_ASSIGNMENT, 1)
        if not message:
            return
        server = socket.socket(fileno=descriptors[0])
        judge = os.fork()
        if judge == 0:
            _become_judge(server, message, (control, wake, waker))
        judges.add(judge)
        server.close()


def _become_judge(
    server: socket.socket, message: bytes, zygotes: tuple[socket.socket, ...]
) -> NoReturn:
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in zygotes:
            end.close()
        from mcp_server.judge.process import judge_call
        from mcp_server.judge.start_message import Assignment
        from mcp_server.judge.start_worker import fork_worker

        os.setsid()
        judge_call(server, Assignment.loaded(message.decode()), fork_worker, os.getppid())
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _reap(judges: set[int]) -> None:
    """Take the exit of children that are gone, and end what a killed judge left to us."""
    from mcp_server.judge.host import children

    with suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            judges.discard(pid)
    for orphan in set(children()) - judges:
        _kill(orphan)


def _end() -> NoReturn:
    """Wait for the judges to clean up, then kill what is left."""
    from mcp_server.judge.host import children

    signal.set_wakeup_fd(-1)
    until = time.monotonic() + _JUDGES_END_WITHIN
    while left := list(children()):
        if time.monotonic() > until:
            for pid in left:
                _kill(pid)
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.005)
    os._exit(0)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
