"""Explanation: does the first finding name the fault that was put in?

Each trial puts one kind of fault into one gradient of one Function and runs ``check(level="quick")``. The first finding
at error or warning level must match the words of the kind. Words of another kind are a wrong explanation; none of any
kind ("no simple cause fits") is an honest miss.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import _plot
import torch
from _faults import faulty
from _functions import SUBJECTS, Five, LayerNorm, Subject, normals
from _kinds import KINDS, Kind
from _run import Run, console, main, show

from pytest_autograd import Report, check

N = 40
OUTCOMES = ("named", "not explained", "explained otherwise", "not seen")
SQUARE = {  # inputs whose outputs are square, so that a sum over the wrong axis fits
    LayerNorm: lambda n, draw: normals(draw, (6, 6), (6,), (6,)),
    Five: lambda n, draw: normals(draw, (6, 5), (5, 6), (6,), (6,), (6,)),
}


def outcome(kind: Kind, report: Report) -> tuple[str, str]:
    """Return whether the report names the kind, and its first words."""
    loud = [finding for finding in report.findings if finding.severity != "note"]
    if not loud:
        return "not seen", report.summary
    words = f"{loud[0].code} {loud[0].message}"
    if re.search(kind.words, words):
        return "named", words
    others = [other for other in KINDS if other.words != kind.words]
    certain = any(re.search(other.words, words) for other in others)
    return ("explained otherwise" if certain else "not explained"), words


def trials(quick: bool) -> list[tuple[Kind, Subject, int, int]]:
    """Return (kind, subject, slot, seed) for every gradient and seed."""
    subjects = [Subject(s.function, SQUARE.get(s.function, s.make)) for s in SUBJECTS]
    return [
        (kind, subject, slot, seed)
        for kind in KINDS
        for subject in subjects
        for slot, a in enumerate(subject.inputs(N, 0))
        if a.requires_grad
        for seed in range(1 if quick else 5)
    ]


def benchmark(run: Run) -> None:
    """Run all trials and count."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    functions: dict[str, set[str]] = defaultdict(set)
    unnamed: list[dict[str, Any]] = []
    for kind, subject, slot, seed in run.progress(trials(run.quick), "explanations"):
        args = subject.inputs(N, seed)
        fault = kind.inject(subject.function, args, slot)
        if fault is None:
            continue
        report = check(
            faulty(subject.function, fault), *args, level="quick", seed=seed, ignore="AG7"
        )
        said, words = outcome(kind, report)
        counts[kind.name][said] += 1
        functions[kind.name].add(subject.name)
        if said != "named":
            where = f"{subject.name}, argument {slot}, seed {seed}"
            unnamed.append({"kind": kind.name, "where": where, "outcome": said, "said": words})
    total = sum(counts.values(), Counter())
    rows = [[k, len(functions[k]), c.total(), *(c[o] for o in OUTCOMES)] for k, c in counts.items()]
    everyone = set().union(*functions.values())
    rows.append(["all", len(everyone), total.total(), *(total[o] for o in OUTCOMES)])
    show("first finding", ["kind of fault", "Functions", "trials", *OUTCOMES], rows)
    for miss in {(m["kind"], m["where"].split(",")[0]): m for m in reversed(unnamed)}.values():
        console.print(f"{miss['kind']}: {miss['where']}: {miss['outcome']}: {miss['said']}")
    console.print(f"named in {total['named'] / total.total():.1%} of {total.total()} trials")
    result = {"total": total, "kinds": counts, "unnamed": unnamed}
    _plot.outcomes(counts, OUTCOMES, _plot.EXPLAINED, run.save(result))


if __name__ == "__main__":
    torch.manual_seed(0)
    main("explain", benchmark, __doc__)
