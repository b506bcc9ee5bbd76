"""Power: how small an error in a gradient is seen, at growing sizes, beside gradcheck and a one-direction check.

Each trial puts one error of relative size ``d`` into what a right backward returns: one element off by ``d`` of
itself, a pair of elements off by the same amount in opposite senses, the gradient of one argument too large by
``d``, or one entry of the Jacobian off by ``d`` of itself. The right backward is asked about too: to see an
error there is a false alarm.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import _plot
import torch
from _faults import Fault, changed_at, faulty, in_slot, vjp
from _functions import SUBJECTS, Subject
from _methods import gradcheck_fast, gradcheck_slow, one_direction, seen_by_judge, seen_by_us
from _run import Run, main, show
from torch import Tensor
from torch.autograd import Function

NONE = "no error"
ERRORS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
SIZES = (16, 64, 256, 1024, 4096, 8192)
SLOW_UP_TO = 64  # elements up to which gradcheck slow is affordable
SLOW_TRIALS = 2
METHODS: dict[str, Callable[[Any, Sequence[Any], int], bool]] = {
    "ours": seen_by_us,
    "judge alone": seen_by_judge,
    "gradcheck slow": gradcheck_slow,
    "gradcheck fast": gradcheck_fast,
    "one direction": one_direction,
}


@dataclass(frozen=True)
class Place:
    """Where an error goes: the gradient of an argument, two of its elements, and an entry of the Jacobian."""

    slot: int
    one: int
    other: int
    column: int
    row: int
    entry: Tensor


def choose(subject: Subject, args: Sequence[Any], draw: random.Random) -> Place:
    """Draw a place among the elements, and the entries of the Jacobian, that are not zero."""
    with torch.no_grad():
        output: Any = subject.function.apply(*args)
    gradients = vjp(subject.function, args, torch.ones_like(output) * 0.7)
    slot = draw.choice([i for i, g in enumerate(gradients) if g is not None])
    gradient: Any = gradients[slot]
    one = draw.choice(nonzero(gradient))
    other = draw.choice([i for i in range(gradient.numel()) if i != one])
    while True:
        row = draw.randrange(output.numel())
        unit = changed_at(torch.zeros_like(output), {row: torch.ones((), dtype=output.dtype)})
        entries: Any = vjp(subject.function, args, unit)[slot]
        if nonzero(entries):
            column = draw.choice(nonzero(entries))
            return Place(slot, one, other, column, row, entries.reshape(-1)[column])


def nonzero(tensor: Tensor) -> list[int]:
    """Return the flat places where the tensor is not zero."""
    return tensor.reshape(-1).nonzero().reshape(-1).tolist()


def errors_at(place: Place, d: float) -> dict[str, Fault]:
    """Return the four kinds of error of relative size ``d`` at ``place``; all are linear in grad_output."""

    def single(g: Tensor, _: Tensor) -> Tensor:
        return changed_at(g, {place.one: d * g.reshape(-1)[place.one]})

    def pair(g: Tensor, _: Tensor) -> Tensor:
        amount = d * g.reshape(-1)[place.one]
        return changed_at(g, {place.one: amount, place.other: -amount})

    def entry(g: Tensor, incoming: Tensor) -> Tensor:
        amount = d * place.entry * incoming.reshape(-1)[place.row]
        return changed_at(g, {place.column: amount})

    changes = {
        "single element": single,
        "cancelling pair": pair,
        "scale": lambda g, _: g * (1 + d),
        "Jacobian entry": entry,
    }
    return {kind: in_slot(place.slot, change) for kind, change in changes.items()}


def benchmark(run: Run) -> None:
    """Run all trials and report the share seen by each method."""
    trials = 1 if run.quick else 8
    sizes = SIZES[::2] if run.quick else SIZES
    tasks = [(s, n, t) for n in sizes for s in SUBJECTS for t in range(trials)]
    seen: Counter[tuple[str, int, float, str]] = Counter()
    asked: Counter[tuple[str, int, float, str]] = Counter()
    missed: Counter[str] = Counter()
    for subject, n, trial in run.progress(tasks, "power"):
        args = subject.inputs(n, trial)
        for kind, d, function in variants(subject, args, f"{subject.name} {n} {trial}"):
            for method, sees in METHODS.items():
                if method == "gradcheck slow" and (n > SLOW_UP_TO or trial >= SLOW_TRIALS):
                    continue
                key = (kind, n, d, method)
                asked[key] += 1
                seen[key] += (found := sees(function, args, trial))
                if method == "ours" and found == (kind == NONE):
                    missed[f"{kind}, {d:g}, {subject.name}, {n}"] += 1
    rows = [
        {"kind": kind, "n": n, "error": d, "method": method, "trials": count, "seen": seen[key]}
        for key, count in asked.items()
        for kind, n, d, method in [key]
    ]
    report(rows)
    judged_wrongly = dict(sorted(missed.items()))
    names = [subject.name for subject in SUBJECTS]
    plot = run.save({"functions": names, "ours misjudged": judged_wrongly, "rows": rows})
    _plot.power([row for row in rows if row["kind"] != NONE], plot)


def variants(
    subject: Subject, args: Sequence[Any], seed: str
) -> Iterator[tuple[str, float, type[Function]]]:
    """Yield (kind of error, its size, the Function with it), first the right one."""
    yield NONE, 0.0, subject.function
    place = choose(subject, args, random.Random(seed))
    for d in ERRORS:
        for kind, fault in errors_at(place, d).items():
            yield kind, d, faulty(subject.function, fault)


def report(rows: list[dict[str, Any]]) -> None:
    """Print, for each kind and method, the share seen at each error, all sizes together."""
    for kind in dict.fromkeys(row["kind"] for row in rows):
        table = []
        errors = dict.fromkeys(row["error"] for row in rows if row["kind"] == kind)
        for method in METHODS:
            line = [method]
            for d in errors:
                of = [r for r in rows if (r["kind"], r["method"], r["error"]) == (kind, method, d)]
                line.append(f"{sum(r['seen'] for r in of) / sum(r['trials'] for r in of):.1%}")
            table.append(line)
        show(f"{kind}: share seen", ["method", *(f"{d:g}" for d in errors)], table)


if __name__ == "__main__":
    main("power", benchmark, __doc__)
