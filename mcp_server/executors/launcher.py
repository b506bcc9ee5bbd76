"""How the server gets a judge for a call: from the zygote, or as a new process where none can be."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio

from mcp_server.isolation.limits import environment
from mcp_server.judge.start_message import Assignment

CAN_FORK = sys.platform == "linux"
_ZYGOTE_ENDS_WITHIN = 4.0


class NotStarted(Exception):
    """No process for checks could be started; the message says why."""


class Launcher:
    """Starts judges. Made and told to :meth:`prepare` in the main thread of the server."""

    def __init__(self, prefork: bool = CAN_FORK) -> None:
        self._prefork = prefork
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready = False
        self._lock: anyio.Lock | None = None

    def prepare(self) -> None:
        """Start the zygote, which imports torch while the server already serves."""
        if self._prefork and (self._zygote is None or self._zygote.poll() is not None):
            self._drop()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._zygote = _python("mcp_server.executors.zygote", theirs)
            self._control, self._ready = ours, False
            ours.setblocking(False)
            theirs.close()

    async def launch(self, assignment: Assignment) -> socket.socket:
        """Return the server's end of the socket of a new judge."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            if self._prefork:
                await self._fork(theirs, assignment)
            else:
                _python("mcp_server.judge.process", theirs, assignment.dumped())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    async def _fork(self, theirs: socket.socket, assignment: Assignment) -> None:
        self._lock = self._lock or anyio.Lock()
        message = assignment.dumped().encode()
        async with self._lock:
            for last in (False, True):
                self.prepare()
                try:
                    await self._wait_ready()
                    assert self._control is not None
                    await anyio.wait_writable(self._control)
                    socket.send_fds(self._control, [message], [theirs.fileno()])
                    return
                except OSError as error:
                    if last:
                        raise NotStarted("see the server's log; is torch installed?") from error
                    self._drop()

    async def _wait_ready(self) -> None:
        if self._ready:
            return
        assert self._control is not None
        await anyio.wait_readable(self._control)
        if not self._control.recv(64):
            raise ConnectionResetError("the zygote ended while it was starting")
        self._ready = True

    def close(self) -> None:
        """Let go of the zygote and wait until it and its judges have cleaned up."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._zygote is not None:
            try:
                self._zygote.wait(_ZYGOTE_ENDS_WITHIN if self._ready else 0)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()

    def _drop(self) -> None:
        self.close()
        self._zygote = None


def _python(module: str, descriptor: socket.socket, *more: str) -> subprocess.Popen[bytes]:
    """Start a module of ours that serves a socket; it says what goes wrong in the server's log."""
    home = Path(tempfile.gettempdir())
    arguments = [str(descriptor.fileno()), str(os.getpid()), *more]
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment(home),
        start_new_session=True,
        pass_fds=(descriptor.fileno(),),
    )
