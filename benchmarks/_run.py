"""What the benchmarks have in common: the command line, progress on the terminal, results in a JSON file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

HERE = Path(__file__).parent
FULL = HERE / "results"
QUICK = HERE.parent / "build" / "benchmarks"

T = TypeVar("T")
console = Console(width=120) if "COLUMNS" not in os.environ else Console()


class Run:
    """One run of a benchmark, short or complete."""

    def __init__(self, name: str, quick: bool, out: Path) -> None:
        self.name, self.quick, self.out = name, quick, out
        self.start = time.monotonic()

    def progress(self, items: Sequence[T], what: str) -> Iterator[T]:
        """Yield the items with a progress bar."""
        yield from track(items, what, console=console)

    def save(self, result: dict[str, Any]) -> Path:
        """Write the result, with what it was measured on, and return where the plot belongs."""
        head = {
            "benchmark": self.name,
            "quick": self.quick,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": f"{os.cpu_count()} cores, CPU, one thread",
            "seconds": round(time.monotonic() - self.start, 1),
        }
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / f"{self.name}.json"
        path.write_text(json.dumps(head | result, indent=1) + "\n")
        console.print(f"results are in {self.out}")
        return path.with_suffix(".png")


def main(name: str, benchmark: Callable[[Run], None], description: str | None) -> None:
    """Read the command line and run the benchmark on one thread."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a short run, kept apart")
    parser.add_argument("--out", type=Path, help="where JSON and plot go")
    given = parser.parse_args()
    torch.set_num_threads(1)
    benchmark(Run(name, given.quick, given.out or (QUICK if given.quick else FULL)))


def show(title: str, headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    console.print(table)
