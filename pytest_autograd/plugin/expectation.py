"""Known faults of a marked test: it fails when they stop appearing, or when others appear."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_autograd.checking import make_options
from pytest_autograd.report.model import Report


class Expectation:
    """The codes (or prefixes) that ``expect=`` names.

    Raises:
        CheckError: no rule matches one of them.
    """

    def __init__(self, expect: str | Sequence[str] | None) -> None:
        self.codes: tuple[str, ...] = make_options(select=expect).select

    def broken_by(self, reports: Sequence[Report]) -> str | None:
        """Say how the reports differ from what is expected, None if they do not."""
        found = {code for report in reports for code in report.all_codes}
        errors = {f.code for report in reports for f in report.findings if f.severity == "error"}
        gone = [code for code in self.codes if not any(c.startswith(code) for c in found)]
        new = sorted(code for code in errors if not code.startswith(self.codes))
        unsure = [report for report in reports if report.verdict == "inconclusive"]
        wrong = [f"{code} is expected but was not found: take it out of expect=" for code in gone]
        wrong += [f"{code} was found but is not expected" for code in new]
        wrong += [f"{report.target} is inconclusive: {report.summary}" for report in unsure]
        return "; ".join(wrong) or None
