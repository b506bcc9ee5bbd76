"""How long one check takes over stdio: a warm server beside a cold process, in one run.

    python benchmarks/server_speed.py [--calls N]

The Function is a small elementwise one. ``ready`` is the time from starting the server to the answer
of its handshake, ``first`` that of the first check, while torch is still being imported. A cold
process imports torch and checks the same source once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

SOURCE = """\
import torch

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x ** 2 * grad_output

def example_inputs():
    return torch.rand(4, 3, dtype=torch.float64, requires_grad=True) + 0.5
"""
COLD = """\
import sys
from pytest_autograd.source.load import load_text
from pytest_autograd.source.check_source import check_source
source, level = sys.argv[1:]
assert check_source(load_text(source), "Cube", None, {"level": level, "time_limit": 60.0}).ok
"""
LEVELS = ("quick", "full")
COLD_RUNS = 5
AT_ONCE = 8


async def check(client: Client, level: str) -> float:
    """Return the seconds that one check takes; it must be verified."""
    start = time.perf_counter()
    arguments = {"source": SOURCE, "entry": "Cube", "level": level}
    result = await client.call_tool("check_function", arguments)
    seconds = time.perf_counter() - start
    assert result.structured_content, result.content
    assert result.structured_content["verdict"] == "verified", result.structured_content
    return seconds


def cold(level: str) -> float:
    """Return the seconds that a new process takes for the same."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", COLD, SOURCE, level], check=True)
    return time.perf_counter() - start


async def all_at_once(client: Client) -> float:
    """Return the seconds until several checks that start together are all answered."""
    start = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(check, client, "quick")
    return time.perf_counter() - start


async def measure(calls: int) -> dict[str, Any]:
    """Return all measurements in milliseconds."""
    start = time.perf_counter()
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_server"], env=environment
    )
    async with Client(parameters) as client:
        found: dict[str, Any] = {"ready": time.perf_counter() - start}
        found["first"] = await check(client, "quick")
        for level in LEVELS:
            warm = sorted([await check(client, level) for _ in range(calls)])
            beside = statistics.median(cold(level) for _ in range(COLD_RUNS))
            found[level] = {
                "warm median": statistics.median(warm),
                "warm p95": warm[int(0.95 * len(warm))],
                "cold median": beside,
                "cold / warm": beside / statistics.median(warm),
            }
        found[f"{AT_ONCE} at once"] = await all_at_once(client)
    return found


def main() -> None:
    """Measure and print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=30)
    found = anyio.run(measure, parser.parse_args().calls)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors")
    print(f"ready {1000 * found['ready']:.0f} ms, first check {1000 * found['first']:.0f} ms")
    for level in LEVELS:
        row = found[level]
        print(
            f"{level:5}  warm median {1000 * row['warm median']:.0f} ms, "
            f"p95 {1000 * row['warm p95']:.0f} ms; cold {1000 * row['cold median']:.0f} ms, "
            f"{row['cold / warm']:.1f} times the warm one"
        )
    print(f"{AT_ONCE} at once: {1000 * found[f'{AT_ONCE} at once']:.0f} ms")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
