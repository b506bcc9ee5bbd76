"""Audit torch's own database of custom Functions and compare each verdict with one reached by hand.

``torch.testing._internal.autograd_function_db`` holds the Functions that torch tests its transforms
with. Each was judged by reading its source and by experiment (``JUDGED``) before it was checked.
Exit status 1 if any verdict or any code disagrees with the judgement.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from torch.autograd import Function
from torch.testing._internal import autograd_function_db as database

from pytest_autograd import Finding, Report, check


@dataclass(frozen=True)
class Judgement:
    """What a reader of the source concludes: verdict, codes, why, and the contract to declare."""

    verdict: str
    reason: str
    codes: frozenset[str] = frozenset()
    contract: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Audit:
    """One entry of the database, as judged and as checked."""

    entry: str
    function: str
    judgement: Judgement
    report: Report

    @property
    def agreed(self) -> bool:
        """Whether verdict and codes are those of the judgement."""
        judged = self.judgement.verdict, self.judgement.codes
        return (self.report.verdict, frozenset(self.report.codes)) == judged


def right(reason: str, **contract: Any) -> Judgement:
    """Judge that the gradient is what it should be."""
    return Judgement("verified", reason, contract=contract)


def wrong(reason: str, *codes: str) -> Judgement:
    """Judge that the gradient is wrong by mistake."""
    return Judgement("failed", reason, codes=frozenset(codes))


def scaled(gradient: torch.Tensor) -> torch.Tensor:
    """Return the gradient as ScaleGradGenVmap hands it on."""
    return gradient * database.ScaleGradGenVmap.scale


JUDGED = {
    "NumpyCube": right(
        "returns its derivative as a second output and uses that output's gradient too"
    ),
    "NumpyExpMarkDirty": right("in place, declared dirty, output saved"),
    "NumpyMul": right("gradients left unsummed over broadcast dimensions, which autograd sums"),
    "NumpyCubeNotComposable": wrong(
        "backward never multiplies by grad_output: any loss but the plain sum is wrong", "AG101"
    ),
    "NumpySort": wrong(
        "forward returns x unsorted, while backward is that of a sort (SortGenVmap sorts)", "AG101"
    ),
    "NumpyTake": right("the inverse permutation, given as an argument, carries the gradient back"),
    "Select": right("writes the gradient into a zero tensor of its own"),
    "CubeGenVmap": wrong(
        "adds the constant 6 * dinput where 6 * grad_saved * input belongs, and so also loses the "
        "second derivative that flows through its saved output",
        "AG102",
    ),
    "MulGenVmap": right("as NumpyMul"),
    "SortGenVmap": right("permutes by the saved order; the orders are marked non-differentiable"),
    "SelectGenVmap": right("as Select"),
    "ScaleGradGenVmap": right(
        "scales the gradient on purpose: declared", grad_transform={"x": scaled}
    ),
    "ZeroGradientsGenVmap": right(
        "stops the gradient on purpose: declared",
        grad_transform={"x": torch.zeros_like, "y": torch.zeros_like},
    ),
    "ForwardHasDefaultArgs": right("as Select, with its index as a default argument"),
}


def function_of(op: Callable[..., Any]) -> type[Function]:
    """Return the Function behind an entry's ``op``: its ``apply``, or a lambda around it."""
    owner = getattr(op, "__self__", None)
    return owner or getattr(database, op.__code__.co_names[0])


def audits() -> Iterator[Audit]:
    """Check every entry of the database on each of its own samples."""
    torch.manual_seed(0)
    for info in database.autograd_function_db:
        entry = info.name.removesuffix("AutogradFunction")
        function, judgement = function_of(info.op), JUDGED[entry]
        targets = [info.op] if info.op == function.apply else [info.op, function]
        for sample in info.sample_inputs("cpu", torch.float64, requires_grad=True):
            for target in targets:
                name = function.__name__ if target is not info.op or len(targets) == 1 else "op"
                report = check(target, sample.input, *sample.args, **judgement.contract)
                yield Audit(entry, name, judgement, report)


def told(finding: Finding) -> str:
    """Return a finding in one line."""
    return f"{finding.code}: {finding.message}"


def table_of(rows: list[Audit]) -> Table:
    """Return the audits as a table."""
    table = Table(title="torch.testing._internal.autograd_function_db")
    for heading in ("entry", "checked", "verdict", "codes", "agreed"):
        table.add_column(heading, no_wrap=True)
    table.add_column("judged by hand; found")
    for row in rows:
        colour = {"verified": "green", "failed": "red"}.get(row.report.verdict, "yellow")
        reasons = [row.judgement.reason, *map(told, row.report.findings)]
        table.add_row(
            row.entry,
            row.function,
            f"[{colour}]{row.report.verdict}[/]",
            " ".join(sorted(row.report.all_codes)),
            "yes" if row.agreed else "[bold red]NO[/]",
            escape("\n".join(reasons)),
        )
    return table


def main() -> int:
    """Print the table; return 1 if a verdict disagrees with the judgement by hand."""
    rows = list(audits())
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table_of(rows))
    failed = {row.entry for row in rows if row.report.verdict == "failed"}
    agreed = sum(row.agreed for row in rows)
    console.print(f"{agreed} of {len(rows)} agree; wrong by mistake: {', '.join(sorted(failed))}.")
    return 0 if agreed == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
