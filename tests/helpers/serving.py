"""A real server in a real process, its client, and the processes and folders that belong to it."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult, TextContent

from pytest_autograd.report.model import Isolation, Report

PATIENCE = 60
CUBE = """\
import ctypes, os, sys, torch

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        {forward}
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        {backward}
        return {factor} * x ** 2 * grad_output

def example_inputs():
    {inputs}

def double(x):
    return 2 * x
"""
INPUTS = "return torch.rand(3, 2, dtype=torch.float64) + 1"


def cube(
    forward: str = "pass", backward: str = "pass", factor: int | str = 3, inputs: str = INPUTS
) -> str:
    return CUBE.format(forward=forward, backward=backward, factor=factor, inputs=inputs)


class Session:
    """A connected client, with calls for code that is not async."""

    def __init__(self, portal: BlockingPortal, client: Client, folder: Path) -> None:
        self.portal, self.client, self.folder = portal, client, folder
        # The server of this session is the youngest: another may be running for the whole module.
        servers = [pid for pid in _children(os.getpid()) if "-m\0mcp_server" in _command(pid)]
        self.pid = max(servers, key=_started)

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        return self.portal.call(self.client.call_tool, tool, arguments)

    def begin(self, source: str, **options: Any) -> Future[CallToolResult]:
        arguments = {"source": source, "entry": "Cube"} | options
        return self.portal.start_task_soon(self.client.call_tool, "check_function", arguments)

    def check(self, source: str, **options: Any) -> CallToolResult:
        return self.begin(source, **options).result(PATIENCE)

    def report(self, source: str, **options: Any) -> Report:
        result = self.check(source, **options)
        assert not result.is_error, text_of(result)
        return Report.model_validate(result.structured_content)

    def start(self, source: str, until: str) -> Future[CallToolResult]:
        """Start a check and return once its progress says ``until``."""
        reached = threading.Event()

        async def listen(progress: float, total: float | None, message: str | None) -> None:
            if until in (message or ""):
                reached.set()

        async def call() -> CallToolResult:
            arguments = {"source": source, "entry": "Cube"}
            return await self.client.call_tool(
                "check_function", arguments, progress_callback=listen
            )

        future = self.portal.start_task_soon(call)
        assert reached.wait(PATIENCE), f"no progress said {until!r}"
        return future

    def workers(self) -> list[int]:
        """Processes that belong to calls: all below the server but the zygote."""
        return [pid for pid in descendants(self.pid) if pid not in self.zygotes()]

    def assert_nothing_left(self) -> None:
        """Answered calls have no folder, and their processes are ending if not gone."""
        with watched(self.workers()) as gone:
            assert gone()
        assert self.scratch() == []

    def zygotes(self) -> list[int]:
        return [
            pid for pid in _children(self.pid) if "mcp_server.executors.zygote" in _command(pid)
        ]

    def scratch(self) -> list[str]:
        """Names of what lies in the server's scratch folders."""
        return sorted(path.name for path in self.folder.glob("autograd-mcp-*/*"))

    def folders(self) -> list[str]:
        """Names of the scratch folders of servers."""
        return sorted(path.name for path in self.folder.glob("autograd-mcp-*"))


def text_of(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def isolation_of(report: Report) -> Isolation:
    assert report.isolation is not None
    return report.isolation


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def _started(pid: int) -> int:
    """When a process started, in clock ticks since the machine did."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def _children(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


def descendants(pid: int) -> list[int]:
    children = _children(pid)
    return [*children, *(below for child in children for below in descendants(child))]


@contextmanager
def watched(pids: list[int]) -> Iterator[Callable[[], bool]]:
    """Hold on to processes; the function given waits until all of them are gone, as some may be before."""
    handles: list[int] = []
    for pid in pids:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(pid))
    try:
        yield lambda: all(select.select([handle], [], [], PATIENCE)[0] for handle in handles)
    finally:
        for handle in handles:
            os.close(handle)


@contextmanager
def connected(folder: Path, *options: str, **environment: str) -> Iterator[Session]:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_server", *options],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder), **environment},
    )
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(parameters)) as client,
    ):
        yield Session(portal, client, folder)
