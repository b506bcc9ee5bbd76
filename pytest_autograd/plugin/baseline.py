"""Known findings, kept in a file so that an old code base can adopt the checks: only what is new fails."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_autograd.report.results import Entry, relative

VERSION = 1
INCONCLUSIVE = "inconclusive"


class Baseline:
    """The codes known for each Function, by its file and qualified name; an inconclusive verdict counts as a code."""

    def __init__(self, file: Path | None, root: Path, accept_all: bool = False) -> None:
        self.file, self.root, self.accept_all = file, root, accept_all
        self.known = _read(file, accept_all) if file is not None else {}

    def new_codes(self, entry: Entry) -> set[str]:
        """Return what is wrong with an entry and not known yet."""
        if self.accept_all:
            return set()
        found = self._faults(entry).items()
        return {code for place, codes in found for code in codes - set(self.known.get(place, ()))}

    def updated(self, entries: Iterable[Entry]) -> dict[str, list[str]]:
        """Return what is known after this run: Functions that it did not audit stay as they were."""
        seen: dict[str, set[str]] = {}
        for entry in entries:
            for place, codes in self._faults(entry).items():
                seen.setdefault(place, set()).update(codes)
        kept = {place: codes for place, codes in self.known.items() if place not in seen}
        found = {place: sorted(codes) for place, codes in seen.items() if codes}
        return dict(sorted({**kept, **found}.items()))

    def gone(self, entries: Iterable[Entry]) -> list[str]:
        """Return what is in the file but was not found any more, as lines."""
        after = self.updated(entries)
        return [
            f"{place}: {code}"
            for place, codes in self.known.items()
            for code in codes
            if code not in after.get(place, ())
        ]

    def write(self, entries: Iterable[Entry]) -> None:
        """Write the file anew."""
        assert self.file is not None
        content = {"version": VERSION, "findings": self.updated(entries)}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def _faults(self, entry: Entry) -> dict[str, set[str]]:
        """Return the codes of the errors by the place at fault, with an empty set where all is well."""
        if entry.report is None:
            return {}
        own = self._place(entry.file, entry.function)
        found = {self._place(file, name): set[str]() for file, name in entry.covers} or {own: set()}
        for finding in entry.report.findings:
            if finding.severity == "error":
                place = next((p for p in found if p.endswith(f"::{finding.function}")), own)
                found[place].add(finding.code)
        if entry.report.verdict == INCONCLUSIVE:
            found.setdefault(own, set()).add(INCONCLUSIVE)
        return found

    def _place(self, file: str | None, function: str) -> str:
        return f"{relative(file, self.root)}::{function}"


def _read(file: Path, may_be_missing: bool) -> dict[str, list[str]]:
    if not file.exists():
        if may_be_missing:
            return {}
        raise pytest.UsageError(
            f"--autograd-baseline {file}: no such file; --autograd-update-baseline makes it"
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ValueError(content["version"])
        return {place: list(codes) for place, codes in content["findings"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise pytest.UsageError(
            f"--autograd-baseline {file}: not a baseline of version {VERSION}; delete it and make it anew "
            "with --autograd-update-baseline"
        ) from None
