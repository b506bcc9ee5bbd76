"""How many checks a second an executor answers: embedded, and a Ray cluster of nodes on this machine.

    python benchmarks/server_throughput.py [--quick]

The checks are of level quick, a mix of small right and wrong Functions, all asked for at once; each node
of Ray has one processor. The processes of Ray itself share the machine with the checks.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import anyio
from _run import Run, main, show

from mcp_server.executors.local import Embedded
from mcp_server.executors.protocol import Executor
from mcp_server.executors.ray.fleet import Fleet
from mcp_server.request import Checked, Request
from mcp_server.service.checks import Checks

SOURCE = """\
import torch

class Small(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return {forward}

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * {of_x}, grad_output * {of_y}

def example_inputs():
    return tuple(torch.rand(4, 3, dtype=torch.float64, requires_grad=True) + 0.5 for _ in "xy")
"""
# forward, its derivative by x, that by y, and the verdict
MIX = (
    ("x * y", "y", "x", "verified"),
    ("x ** 3 + y", "3 * x ** 2", "1.0", "verified"),
    ("torch.exp(x) * y", "torch.exp(x) * y", "torch.exp(x)", "verified"),
    ("torch.sin(x) / y", "torch.cos(x) / y", "-torch.sin(x) / y ** 2", "verified"),
    ("x ** 3 + y", "2 * x ** 2", "1.0", "failed"),
    ("torch.sin(x) / y", "torch.cos(x) / y", "torch.sin(x) / y ** 2", "failed"),
)
ROUNDS = 5
CHECKS = {True: 12, False: 60}  # by whether the run is short
OBJECTS = 80 << 20

Setup = Callable[[], AbstractContextManager[Executor]]


@contextmanager
def embedded() -> Iterator[Executor]:
    """Yield the executor of one machine."""
    yield Embedded()


@contextmanager
def fleet(nodes: int) -> Iterator[Executor]:
    """Yield the executor on a cluster of nodes with a processor each; its head runs no checks."""
    from ray.cluster_utils import Cluster

    size = {"object_store_memory": OBJECTS}
    head = {**size, "num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, **size)
        yield Fleet(cluster.address)
    finally:
        cluster.shutdown()


SETUPS: dict[str, tuple[Setup, int]] = {
    "embedded, 1 worker": (embedded, 1),
    "embedded, 2 workers": (embedded, 2),
    "Ray, 1 node": (lambda: fleet(1), 1),
    "Ray, 2 nodes": (lambda: fleet(2), 2),
}


def requests(count: int) -> list[tuple[Request, str]]:
    """Return requests, the mix over and over, and the verdict due."""
    found = []
    for i in range(count):
        forward, of_x, of_y, due = MIX[i % len(MIX)]
        source = SOURCE.format(forward=forward, of_x=of_x, of_y=of_y)
        options = {"level": "quick", "seed": i, "time_limit": 60.0}
        found.append((Request(source=source, entry="Small", options=options), due))
    return found


async def answered(checks: Checks, asked: Sequence[tuple[Request, str]]) -> float:
    """Return the seconds until all are answered; each verdict must be the one due."""

    async def hear(seconds: float, message: str) -> None:
        pass

    async def one(request: Request, due: str) -> None:
        outcome = await checks.run(request, hear)
        assert isinstance(outcome, Checked), outcome
        assert outcome.report.verdict == due, outcome.text

    start = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for request, due in asked:
            tasks.start_soon(one, request, due)
    return time.perf_counter() - start


async def measured(executor: Executor, workers: int, count: int, rounds: int) -> dict[str, Any]:
    """Return checks a second in each round, after one in which everything starts."""
    asked = requests(count)
    with Checks(executor, workers, waiting=count) as checks:
        first = await answered(checks, requests(len(MIX)))
        rates = [count / await answered(checks, asked) for _ in range(rounds)]
    return {"start": first, "rates": rates, "median": statistics.median(rates)}


def throughput(run: Run) -> None:
    """Measure each setup, print a table and keep the numbers."""
    count, rounds = CHECKS[run.quick], 1 if run.quick else ROUNDS
    found: dict[str, dict[str, Any]] = {}
    for name in run.progress(list(SETUPS), "setups"):
        setup, workers = SETUPS[name]
        with setup() as executor:
            found[name] = anyio.run(measured, executor, workers, count, rounds)
    rows = [
        (name, each["median"], min(each["rates"]), max(each["rates"]))
        for name, each in found.items()
    ]
    show("checks a second", ("executor", "median", "least", "most"), rows)
    run.save({"checks a round": count, "setups": found})


if __name__ == "__main__":
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray's sockets need a short path; what it logs goes with the folder.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        os.environ["RAY_TMPDIR"] = str(Path(folder))
        main("server_throughput", throughput, __doc__)
