"""What a pytest run learnt: an entry for each audited call, rows of entries for each Function. Plain values."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from pytest_autograd.report.model import Finding, Real, Report

Outcome = Literal["failed", "inconclusive", "skipped", "verified"]
#: From the worst to the best.
OUTCOMES: tuple[Outcome, ...] = ("failed", "inconclusive", "skipped", "verified")
SEVERITIES = ("error", "warning", "note")
INSTALLED = ("site-packages", "dist-packages")
NOBODY = "the worker that took it ended before it could tell"
Matrix = tuple[tuple[Real, ...], ...]


class WorstElement(BaseModel):
    """One element of a gradient that is off."""

    index: tuple[int, ...]
    expected: Real
    got: Real


class Picture(BaseModel):
    """What the gradient of one argument is and should be, as matrices to look at.

    ``what`` says which numbers these are; ``steps`` holds step sizes of finite differences, how far these are
    from the gradient that was given, and how far from their own limit.
    """

    argument: str
    what: str
    expected: Matrix
    got: Matrix
    worst: tuple[WorstElement, ...] = ()
    steps: tuple[tuple[float, float, float], ...] = ()


class Cost(BaseModel):
    """Bytes kept for backward and seconds of one forward and one backward pass."""

    saved_bytes: int
    forward_seconds: float
    backward_seconds: float


class Entry(BaseModel):
    """One audited call signature. ``report`` and ``skipped`` are both None where another worker has the report.

    ``beyond``: left out only since enough signatures of the Function were audited.
    ``covers`` lists file and name of everything that the audit looked at: of a callable, the Functions inside too.
    """

    key: str
    function: str
    module: str
    file: str | None = None
    line: int | None = None
    inputs: str
    test: str
    calls: int = 1
    device: str | None = None
    report: Report | None = None
    skipped: str | None = None
    beyond: bool = False
    covers: tuple[tuple[str | None, str], ...] = ()
    pictures: tuple[Picture, ...] = ()
    own_cost: Cost | None = None
    plain_cost: Cost | None = None

    @property
    def outcome(self) -> Outcome:
        """The verdict, or ``skipped``."""
        return self.report.verdict if self.report is not None else "skipped"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings, none where it was skipped."""
        return self.report.findings if self.report is not None else ()

    @property
    def seconds(self) -> float:
        """How long the audit took."""
        return float(self.report.seconds) if self.report is not None else 0.0


@dataclass(frozen=True)
class Row:
    """All entries of one Function."""

    entries: Sequence[Entry]

    @property
    def first(self) -> Entry:
        """The entry that stands for the Function: the first of the worst."""
        return min(self.entries, key=lambda entry: OUTCOMES.index(entry.outcome))

    @property
    def calls(self) -> int:
        """How many calls were seen, on whatever device they were audited."""
        return sum({entry.key.partition(" @ ")[0]: entry.calls for entry in self.entries}.values())

    @property
    def beyond(self) -> int:
        """How many signatures were left out since enough others were audited."""
        return sum(entry.beyond for entry in self.entries)

    @property
    def signatures(self) -> str:
        """How many signatures there are, and how many of them were up for an audit where not all were."""
        count = len(self.entries)
        return f"{count - self.beyond} of {count}" if self.beyond else str(count)

    @property
    def seconds(self) -> float:
        """How long all audits took."""
        return sum(entry.seconds for entry in self.entries)

    @property
    def outcome(self) -> Outcome:
        """The worst verdict; ``skipped`` only if nothing was audited."""
        return self.first.outcome if self.first.outcome in OUTCOMES[:2] else self._best

    @property
    def _best(self) -> Outcome:
        audited = any(entry.outcome == "verified" for entry in self.entries)
        return "verified" if audited else "skipped"

    @property
    def findings(self) -> list[Finding]:
        """All findings, the worst first, each code and place once."""
        distinct = {
            (finding.code, finding.file, finding.line, finding.evidence.argument): finding
            for entry in reversed(self.entries)
            for finding in entry.findings
        }
        return sorted(distinct.values(), key=lambda f: (SEVERITIES.index(f.severity), f.code))


class Results(BaseModel):
    """The entries of a run, those of all workers once merged, and what else is to be told."""

    entries: dict[str, Entry] = Field(default_factory=dict)
    left_out: dict[str, int] = Field(default_factory=dict)
    unseen: list[str] = Field(default_factory=list)
    lost_workers: list[str] = Field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Take an entry; a call of the same signature in another worker adds to its count."""
        known = self.entries.get(entry.key)
        if known is not None:
            best = entry if known.report is None and (entry.report or entry.skipped) else known
            entry = best.model_copy(update={"calls": known.calls + entry.calls})
        self.entries[entry.key] = entry

    def merge(self, other: Results) -> None:
        """Take in what another worker learnt."""
        for entry in other.entries.values():
            self.add(entry)
        for name, count in other.left_out.items():
            self.left_out[name] = self.left_out.get(name, 0) + count
        self.unseen += other.unseen

    def close(self) -> None:
        """Say of entries whose report never came that it did not."""
        for key, entry in self.entries.items():
            if entry.report is None and entry.skipped is None:
                self.entries[key] = entry.model_copy(update={"skipped": NOBODY})

    def rows(self) -> list[Row]:
        """Return a row for each Function, the worst first."""
        groups: dict[tuple[str, str, str | None], list[Entry]] = {}
        for entry in self.entries.values():
            groups.setdefault((entry.module, entry.function, entry.file), []).append(entry)
        rows = [Row(entries) for entries in groups.values()]
        return sorted(rows, key=lambda row: (OUTCOMES.index(row.outcome), row.first.function))


@dataclass
class Tally:
    """How many of each outcome."""

    counts: dict[Outcome, int] = field(default_factory=dict)

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Tally:
        """Return how many there are of each outcome."""
        tally = cls(dict.fromkeys(OUTCOMES, 0))
        for outcome in outcomes:
            tally.counts[outcome] += 1
        return tally

    def __str__(self) -> str:
        told = [f"{count} {outcome}" for outcome, count in self.counts.items() if count]
        return ", ".join(told) or "none"


def shown(file: str | None, line: int | None, root: Path) -> str:
    """Return where to look, for people: from ``root``, of an installed package from where Python imports it."""
    if not file:
        return "-"
    path = Path(file).resolve()
    above = [Path(folder).resolve() for folder in sys.path if folder]
    homes = sorted((f for f in above if path.is_relative_to(f)), key=lambda f: -len(f.parts))
    installed = [home for home in homes if home.name in INSTALLED]
    home = next((f for f in (*installed, root.resolve(), *homes) if path.is_relative_to(f)), None)
    place = path.relative_to(home) if home else path
    return f"{place.as_posix()}:{line}" if line else place.as_posix()


def relative(file: str | None, root: Path) -> str:
    """Return a path from ``root`` with forward slashes; as it is where it lies elsewhere, '-' without one."""
    if not file:
        return "-"
    try:
        return Path(file).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return Path(file).as_posix()
