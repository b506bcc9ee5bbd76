"""A long run of mixed calls, good, bad and hostile: nothing may fail, leak or be left.

    python benchmarks/server_soak.py [--calls 2000]

Looks at the memory, open files and threads of server and zygote, at their child processes and at
the scratch folders, after a first tenth of the calls and again at the end. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
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
    (cube(), 50, "VERIFIED"),
    (cube(factor=2), 30, "FAILED"),
    (cube("raise ValueError"), 4, "FAILED"),
    ("import torch\nclass Cube(", 3, "the source does not parse"),
    (cube("os._exit(3)"), 3, "the submitted code ended its process"),
    (cube("ctypes.string_at(0)"), 3, "killed by SIGSEGV"),
    (cube("open('file', 'wb').write(bytes(1 << 20))"), 3, "VERIFIED"),
    (cube("while True: os.write(1, b'x' * 65536)"), 2, "stopped in forward after printing"),
    (cube("os.closerange(3, 256)"), 1, "the submitted code "),
    (cube("while True: pass"), 1, "timed out in forward"),
)
AT_ONCE = 4


async def soak(calls: int) -> dict[str, Any]:
    """Make the calls and return what was seen."""
    folder = Path(tempfile.mkdtemp())
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder)}
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_server"], env=environment
    )
    async with Client(parameters) as client:
        server = next(pid for pid in children(os.getpid()) if b"mcp_server" in command(pid))
        failures: list[str] = []
        draw = random.Random(0)
        chosen = draw.choices(MIX, [weight for _, weight, _ in MIX], k=calls)
        start = time.monotonic()
        await answer_all(client, chosen[: calls // 10], failures)
        early = state(server, folder)
        await answer_all(client, chosen[calls // 10 :], failures)
        late = state(server, folder)
        seconds = time.monotonic() - start
    return {
        "calls": calls,
        "seconds": seconds,
        "failures": failures,
        "early": early,
        "late": late,
        "left": [str(path) for path in folder.iterdir()],
    }


async def answer_all(
    client: Client, chosen: list[tuple[str, int, str]], failures: list[str]
) -> None:
    """Make the calls, a few at once; keep what came out other than due."""
    places = anyio.Semaphore(AT_ONCE)

    async def one(source: str, due: str) -> None:
        async with places:
            options = {"level": "quick", "time_limit": 1}
            arguments = {"source": source, "entry": "Cube", **options}
            result = await client.call_tool("check_function", arguments)
            text = getattr(result.content[0], "text", "")
            if not text.startswith(due):
                failures.append(f"due {due!r}: {text[:200]}")

    async with anyio.create_task_group() as tasks:
        for source, _, due in chosen:
            tasks.start_soon(one, source, due)


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


def command(pid: int) -> bytes:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def main() -> None:
    """Soak, print what was seen, and fail if anything was amiss."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    found = anyio.run(soak, parser.parse_args().calls)
    print(json.dumps(found, indent=2))
    clean = not found["failures"] and not found["left"] and found["late"]["scratch"] == ["lock"]
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
