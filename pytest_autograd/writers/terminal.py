"""The audit in the terminal: progress while it works, a table when it is done."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_autograd.report.ignored import no_longer_needed
from pytest_autograd.report.results import Entry, Results, Row, Tally, shown

if TYPE_CHECKING:
    from rich.table import Table

WIDE = 160
COLOURS = {"failed": "red", "inconclusive": "yellow", "skipped": "dim", "verified": "green"}
COLUMNS = ("Function", "where", "calls", "signatures", "verdict", "worst finding", "seconds")
SHOWN = 5
SAVE, BACK = "\x1b7", "\x1b8\x1b[K"


class Progress:
    """Says what is being audited: a line each with ``-v``, else a passing word where there is a terminal."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.lines = config.get_verbosity() > 0
        self.closing = False
        self._shown = False

    @property
    def _reporter(self) -> Any:
        return self.config.pluginmanager.get_plugin("terminalreporter")

    def begin(self, function: str, number: int, count: int) -> None:
        """Say that an audit begins."""
        reporter = self._reporter
        if reporter is None or self.lines or not reporter.isatty:
            return
        reporter.write(f"{SAVE} auditing {function} ({number}/{count})", flush=True)
        self._shown = True

    def end(self, entries: Sequence[Entry]) -> None:
        """Say how it ended."""
        reporter = self._reporter
        if self._shown:
            reporter.write(BACK, flush=True)
            self._shown = False
        if reporter is None or not (self.lines or self.closing):
            return
        writer = self.config.get_terminal_writer()
        if writer.width_of_current_line:
            writer.line()
        for entry in entries:
            codes = ", ".join(sorted({f.code for f in entry.findings if f.severity == "error"}))
            reporter.write_line(
                f"autograd: {entry.function}({entry.inputs}): {entry.outcome}"
                f"{' ' + codes if codes else ''} ({entry.seconds:.2f} s)"
            )


def write_summary(reporter: Any, results: Results, root: Path, verbose: bool) -> None:
    """Write the table of Functions and what else is to be known; with ``verbose`` every report in full."""
    reporter.section("autograd audit")
    rows = results.rows()
    if not rows:
        reporter.write_line("no test called a custom autograd Function")
    else:
        reporter.write(_drawn(_table(rows, root), reporter))
        entries = Tally.of(entry.outcome for entry in results.entries.values())
        reporter.write_line(
            f"{_counted(len(rows), 'Function')}: {Tally.of(row.outcome for row in rows)}; "
            f"{_counted(len(results.entries), 'signature')}: {entries}"
        )
    for line in _remarks(results):
        reporter.write_line(line)
    if verbose:
        for entry in results.entries.values():
            if entry.report is not None and entry.outcome != "verified":
                reporter.write_line(f"\n{entry.report}")


def _table(rows: Sequence[Row], root: Path) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        number = column in ("calls", "signatures", "seconds")
        fold = column in ("worst finding", "where")
        table.add_column(
            column, justify="right" if number else "left", overflow="fold", no_wrap=not fold
        )
    for row in rows:
        first = row.first
        where = shown(first.file, first.line, root)
        table.add_row(
            first.function,
            where,
            str(row.calls),
            row.signatures,
            Text(row.outcome, style=COLOURS[row.outcome]),
            Text(worst(row)),
            f"{row.seconds:.2f}",
        )
    return table


def worst(row: Row) -> str:
    """Say in a few words what is worst about a Function."""
    loud = [finding for finding in row.findings if finding.severity != "note"]
    if loud and row.outcome in ("failed", "verified"):
        finding = loud[0]
        more = f" (+{len(loud) - 1})" if len(loud) > 1 else ""
        return f"{finding.code} {finding.name}{more}"
    if row.outcome == "inconclusive" and row.first.report is not None:
        return row.first.report.summary
    skipped = [entry.skipped for entry in row.entries if entry.skipped]
    if row.outcome == "skipped" and skipped:
        return skipped[0]
    return f"{len(skipped)} of {len(row.entries)} signatures skipped" if skipped else ""


def _drawn(table: Table, reporter: Any) -> str:
    from rich.console import Console

    width = reporter._tw.fullwidth if reporter.isatty else WIDE
    page = io.StringIO()
    console = Console(
        file=page, width=width, force_terminal=reporter.hasmarkup, no_color=not reporter.hasmarkup
    )
    console.print(table)
    lines = [line.rstrip() for line in page.getvalue().splitlines()]
    return "\n".join(lines) + "\n"


def _remarks(results: Results) -> list[str]:
    """Return what was not audited, and why, one line each."""
    lines = []
    skipped = {
        f"skipped: {entry.function}({entry.inputs}): {entry.skipped}"
        for entry in results.entries.values()
        if entry.skipped and not entry.beyond
    }
    lines += _some(sorted(skipped))
    for row in results.rows():
        if row.beyond:
            lines.append(
                f"not audited: {row.beyond} of the {len(row.entries)} signatures of {row.first.function}; "
                "--autograd-signatures N allows more"
            )
    if results.left_out:
        names = ", ".join(_some(sorted(results.left_out)))
        lines.append(f"left out by --autograd-only: {names}")
    if results.unseen:
        lines.append(
            f"not recorded, since these tests loaded torch themselves: {', '.join(_some(results.unseen))}"
        )
    lines += no_longer_needed(list(results.entries.values()))
    lines += [f"{name} ended without telling what it audited" for name in results.lost_workers]
    return lines


def _some(items: Sequence[str]) -> list[str]:
    more = len(items) - SHOWN
    return [*items[:SHOWN], f"and {more} more"] if more > 0 else list(items)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
