"""False alarms: right gradients where a checker is tempted to call them wrong. Exit status 1 if one is called wrong.

Each trial is a complete check at level quick. Counted are errors (each of them false), AG113 (an inexact gradient: also
false here), other warnings, and verdicts that stay inconclusive.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from typing import Any

import _plot
from _right import Case
from _right_cases import all_cases
from _run import Run, console, main, show

from pytest_autograd import Report, check

OUTCOMES = ("called wrong", "called inexact", "other warning", "inconclusive", "confirmed")
TRIALS, QUICK_TRIALS = 10, 2
WASTE = ("AG207", "AG7")  # true of how these Functions save and compute, and no matter of values


def outcome(report: Report) -> tuple[str, str]:
    """Return what the report says of a right gradient, worst first, and its words."""
    for finding in report.findings:
        if finding.severity == "error":
            return "called wrong", f"{finding.code} {finding.message}"
    for finding in report.findings:
        if finding.severity == "warning":
            kind = "called inexact" if finding.code == "AG113" else "other warning"
            return kind, f"{finding.code} {finding.message}"
    if report.verdict != "verified":
        return "inconclusive", report.summary
    return "confirmed", ""


def benchmark(run: Run) -> None:
    """Check every case with its seeds."""
    trials = QUICK_TRIALS if run.quick else TRIALS
    tasks = [(case, seed) for case in all_cases() for seed in range(trials)]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    complaints: list[dict[str, Any]] = []
    for case, seed in run.progress(tasks, "false alarms"):
        kind, words = judged(case, seed)
        counts[case.family][kind] += 1
        if words:
            complaints.append({"case": case.name, "seed": seed, "outcome": kind, "said": words})
    total = sum(counts.values(), Counter())
    rows = [
        [family, count.total(), *(count[o] for o in OUTCOMES)] for family, count in counts.items()
    ]
    rows.append(["all", total.total(), *(total[o] for o in OUTCOMES)])
    show("right gradients", ["family", "trials", *OUTCOMES], rows)
    for complaint in first_of_each(complaints):
        console.print(f"{complaint['case']} (seed {complaint['seed']}): {complaint['said']}")
    result = {"total": total, "families": counts, "complaints": complaints}
    _plot.outcomes(counts, OUTCOMES, _plot.ALARMS, run.save(result))
    sys.exit(1 if total["called wrong"] else 0)


def judged(case: Case, seed: int) -> tuple[str, str]:
    """Check one case with one seed."""
    return outcome(check(case.function, *case.inputs(seed), level="quick", seed=seed, ignore=WASTE))


def first_of_each(complaints: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first complaint of each case and outcome."""
    first = {(c["case"], c["outcome"]): c for c in reversed(complaints)}
    return list(reversed(first.values()))


if __name__ == "__main__":
    main("false_alarms", benchmark, __doc__)
