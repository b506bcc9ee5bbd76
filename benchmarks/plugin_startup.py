"""What the installed plugin costs a pytest run that does not use it, and a marked test beyond itself.

Run ``python benchmarks/plugin_startup.py``. Runs with and without the plugin take turns, so that a busy machine slows
both; the ratio is that of the user and system time which the processes took, by median.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

GOAL_RATIO, GOAL_SECONDS = 0.05, 0.150
EMPTY = "def test_nothing(): ...\n"
MARKED = """
import time
import pytest, torch
from pytest_autograd import autograd_checked

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x ** 2 * grad_output

@pytest.fixture(scope="module", autouse=True)
def loaded():
    x = torch.ones(3, 4, dtype=torch.float64, requires_grad=True)
    y = Cube.apply(x)
    torch.autograd.grad(y, x, torch.ones_like(y))  # torch imports hundreds of modules for the first one

@autograd_checked(level="LEVEL")
@pytest.mark.parametrize("n", range(5))
def test_marked(n):
    Cube.apply(torch.linspace(-1, 1, 12 + n, dtype=torch.float64, requires_grad=True))
"""


def seconds_of(arguments: list[str], folder: Path) -> float:
    """Return the processor time of one pytest run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else the plugin alone is compiled every time
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def startup(folder: Path, runs: int) -> float:
    """Return by how much the plugin lengthens an empty run, as a share of it."""
    (folder / "test_empty.py").write_text(EMPTY)
    with_plugin, without = [], []
    for _ in range(runs):
        without.append(seconds_of(["test_empty.py"], folder))
        with_plugin.append(seconds_of(["-p", "pytest_autograd.plugin", "test_empty.py"], folder))
    base = statistics.median(without)
    share = statistics.median(b - a for a, b in zip(without, with_plugin, strict=True)) / base
    print(f"empty run: {base:.3f} s of processor time; the plugin adds {share:+.1%} (goal < 5%)")
    return share


def marked(folder: Path, level: str) -> float:
    """Return the seconds that a marked elementwise test takes; the first of a run also imports the engine."""
    (folder / "test_marked.py").write_text(MARKED.replace("LEVEL", level))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "pytest_autograd.plugin",
        "--durations=0",
        "-vv",
    ]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "test_marked.py"],
        cwd=folder, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    calls = {
        line.split()[2]: float(line.split()[0].removesuffix("s"))
        for line in done.stdout.splitlines()
        if "s call " in line
    }
    times = [calls[f"test_marked.py::test_marked[{n}]"] for n in range(5)]
    later = statistics.median(times[1:])
    print(
        f"marked test, level {level}: first {times[0]:.3f} s, later {later:.3f} s (goal < 0.150 s)"
    )
    return later


def main() -> int:
    """Measure, and return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="pairs of runs (default %(default)s)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        missed = startup(folder, runs) >= GOAL_RATIO
        slow = [level for level in ("quick", "full") if marked(folder, level) >= GOAL_SECONDS]
    return int(missed or bool(slow))


if __name__ == "__main__":
    sys.exit(main())
