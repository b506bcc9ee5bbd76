"""A long run of mixed calls, good, bad and hostile, over stdio and HTTP: nothing may fail, leak or be left.

    python benchmarks/server_soak.py [--calls 2000] [--transport stdio | http]

Looks at the memory, open files and threads of server and zygote, at their child processes and at the
scratch folders, after each quarter of the calls. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

CUBE = """\
import ctypes, os, torch

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        {forward}
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return {factor} * x ** 2 * grad_output

def example_inputs():
    return torch.rand(3, 2, dtype=torch.float64) + 1
"""


def cube(forward: str = "pass", factor: int = 3) -> str:
    """Return a source."""
    return CUBE.format(forward=forward, factor=factor)


# source, how often, and what the text of the answer begins with
MIX: tuple[tuple[str, int, str], ...] = (
    (cube(), 46, "VERIFIED"),
    (cube(factor=2), 26, "FAILED"),
    (cube("raise ValueError"), 4, "FAILED"),
    ("import torch\nclass Cube(", 3, "the source does not parse"),
    (cube("os._exit(3)"), 3, "the submitted code ended its process"),
    (cube("ctypes.string_at(0)"), 3, "killed by SIGSEGV"),
    (cube("os.fork()"), 3, "FAILED"),
    (cube("bytearray(8 << 30)"), 3, "FAILED"),
    (cube("open('file', 'wb').write(bytes(1 << 20))"), 3, "VERIFIED"),
    (cube("while True: os.write(1, b'x' * 65536)"), 2, "stopped in forward after printing"),
    (cube("[open(str(i), 'wb') .write(bytes(1 << 24)) for i in range(99)]"), 2, "stopped in "),
    (cube("os.closerange(3, 256)"), 1, "the submitted code "),
    (cube("while True: pass"), 1, "timed out in forward"),
)
AT_ONCE = 4
STEPS = 4
MOMENT = 5.0
GROWTH = 1.1  # of resident memory, from the first quarter to the end


@asynccontextmanager
async def over_stdio(folder: Path) -> AsyncIterator[tuple[Client, int]]:
    """Start a server, and yield a client of it and its process."""
    command = [sys.executable, "-m", "mcp_server"]
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env=environment(folder)
    )
    async with Client(parameters) as client:
        yield client, next(pid for pid in children(os.getpid()) if b"mcp_server" in words(pid))


@asynccontextmanager
async def over_http(folder: Path) -> AsyncIterator[tuple[Client, int]]:
    """Start a server, and yield a client of it and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mcp_server", "--http", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, env=environment(folder))
    try:
        while await anyio.to_thread.run_sync(is_closed, port):
            assert process.poll() is None, "the server did not start"
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            yield client, process.pid
    finally:
        process.terminate()
        process.wait()


TRANSPORTS = {"stdio": over_stdio, "http": over_http}


def is_closed(port: int) -> bool:
    """Tell whether nobody listens at a port yet."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a server whose scratch folders lie in ``folder``."""
    return {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder), "PATH": os.defpath}


async def soak(calls: int, transport: str) -> dict[str, Any]:
    """Make the calls and return what was seen."""
    folder = Path(tempfile.mkdtemp())
    failures: list[str] = []
    draw = random.Random(0)
    chosen = draw.choices(MIX, [weight for _, weight, _ in MIX], k=calls)
    states = []
    start = time.monotonic()
    async with TRANSPORTS[transport](folder) as (client, server):
        for step in range(STEPS):
            await answer_all(client, chosen[step::STEPS], failures)
            await at_rest(server)
            states.append(state(server, folder))
            print(f"{transport} {step + 1}/{STEPS}: {states[-1]}", flush=True)
        seconds = time.monotonic() - start
    left = sorted(path.name for path in folder.iterdir())
    folder.rmdir()
    return {
        "transport": transport,
        "calls": calls,
        "seconds": seconds,
        "wrong answers": failures,
        "states": states,
        "left": left,
        "amiss": amiss(states, left, failures),
    }


async def answer_all(
    client: Client, chosen: list[tuple[str, int, str]], failures: list[str]
) -> None:
    """Make the calls, a few at once; keep what came out other than due."""
    places = anyio.Semaphore(AT_ONCE)

    async def one(source: str, due: str) -> None:
        async with places:
            options = {"level": "quick", "time_limit": 3}
            arguments = {"source": source, "entry": "Cube", **options}
            result = await client.call_tool("check_function", arguments)
            text = getattr(result.content[0], "text", "")
            if not text.startswith(due):
                failures.append(f"due {due!r}: {text[:200]}")

    async with anyio.create_task_group() as tasks:
        for source, _, due in chosen:
            tasks.start_soon(one, source, due)


def amiss(states: list[dict[str, Any]], left: list[str], failures: list[str]) -> list[str]:
    """Say what grew or was left."""
    found = [f"{len(failures)} wrong answers"] if failures else []
    found += [f"left: {left}"] if left else []
    first, last = states[0], states[-1]
    for process in ("server", "zygote"):
        for what, slack in (("kB", GROWTH), ("files", 1), ("threads", 1)):
            before, after = first[process][what], last[process][what]
            if after > slack * before:
                found.append(f"{what} of the {process} grew from {before} to {after}")
    if last["children of the zygote"] or last["scratch"]:
        found.append(f"at rest there is {last}")
    return found


async def at_rest(server: int) -> None:
    """Give the judges, which end after they have answered, a moment to do so."""
    (zygote,) = children(server)
    with anyio.move_on_after(MOMENT):
        while children(zygote):
            await anyio.sleep(0.02)


def state(server: int, folder: Path) -> dict[str, Any]:
    """Return what server and zygote hold, what runs below them, and the scratch folders."""
    (zygote,) = children(server)
    return {
        "server": held(server),
        "zygote": held(zygote),
        "children of the zygote": len(children(zygote)),
        "scratch": sorted(path.name for path in folder.glob("autograd-mcp-*/*")),
    }


def held(pid: int) -> dict[str, int]:
    """Return resident kilobytes, open files and threads of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return {
        "kB": int(status["VmRSS"].split()[0]),
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": int(status["Threads"]),
    }


def children(parent: int) -> list[int]:
    """Return the living children of a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def words(pid: int) -> bytes:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def main() -> None:
    """Soak, print what was seen, and fail if anything was amiss."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--transport", choices=TRANSPORTS, help="one of them only")
    given = parser.parse_args()
    chosen = [given.transport] if given.transport else list(TRANSPORTS)
    found = [anyio.run(soak, given.calls, transport) for transport in chosen]
    print(json.dumps(found, indent=1))
    sys.exit(any(each["amiss"] for each in found))


if __name__ == "__main__":
    main()
