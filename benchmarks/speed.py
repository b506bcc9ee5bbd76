"""Speed: the verification of values, first and second order, beside gradcheck + gradgradcheck on the same calls.

CPU time in one run on one thread, so the ratios hold whatever else runs. ``values`` is judge and witness at the given
point, for both orders, without the observed run that all rules share; ``check`` is ``check(level="quick")`` complete.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import _plot
from _functions import SUBJECTS, Exp, Subject
from _methods import gradcheck_passes, gradgradcheck_passes, probe
from _run import Run, main, show

from pytest_autograd import check
from pytest_autograd.facts.probe import Probe

NUMBERS_SIZES = {  # elements in all, as near as they come to the table of the first measurements
    "exp": 1000, "matmul": 2048, "layernorm": 1152, "softmaxcrossentropy": 320, "conv2d": 182, "scan": 256,
    "five": 320, "relu": 256, "rmsnorm": 288, "logsumexp": 256, "cumsum": 64, "swiglu": 512,
    "complexmul": 256, "attention": 256,
}  # fmt: skip
GROWTH_SIZES = (16, 64, 256, 1024, 4096, 16384)
SLOW_GROWTH_UP_TO = 256


def observed(subject: Subject, args: Sequence[Any]) -> Probe:
    """Return the facts of a call whose observed run, which all rules share, has been made."""
    facts = probe(subject.function, args, 0)
    facts.run.require_forward()
    return facts


def values(subject: Subject, args: Sequence[Any], facts: Probe | None = None) -> Probe:
    """Verify first and second derivatives at the given point."""
    facts = facts or observed(subject, args)
    assert facts.numbers.first_order.confirmed, (subject.name, facts.numbers.first_order)
    assert facts.numbers.second_order.status in ("ok", "constant"), (
        subject.name,
        facts.numbers.second_order,
    )
    return facts


def complete(subject: Subject, args: Sequence[Any]) -> None:
    """Run every rule at level quick."""
    check(subject.function, *args, level="quick", seed=0)


def slow(subject: Subject, args: Sequence[Any]) -> None:
    """Run torch's gradcheck and gradgradcheck as they are by default."""
    assert gradcheck_passes(subject.function, args, fast_mode=False)
    assert gradgradcheck_passes(subject.function, args, fast_mode=False)


def fast(subject: Subject, args: Sequence[Any]) -> None:
    """Run torch's gradcheck and gradgradcheck in fast mode."""
    assert gradcheck_passes(subject.function, args, fast_mode=True)
    assert gradgradcheck_passes(subject.function, args, fast_mode=True)


def floor(subject: Subject, args: Sequence[Any]) -> None:
    """Call forward and backward once: the Function's own work."""
    output: Any = subject.function.apply(*args)
    output.sum().abs().backward(inputs=[a for a in args if getattr(a, "requires_grad", False)])


def seconds(work: Callable[..., Any], subject: Subject, n: int, repeats: int) -> float:
    """Return the median time of the work, after one call to warm up where it is repeated."""
    args = subject.inputs(n, 0)
    times = []
    for i in range(repeats + (repeats > 1)):
        given = (subject, args, observed(subject, args)) if work is values else (subject, args)
        start = time.process_time()
        work(*given)
        if i or repeats == 1:
            times.append(time.process_time() - start)
    return median(times)


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """Return the slope of the logarithms: time grows as size to this power."""
    x, y = [math.log(n) for n in sizes], [math.log(t) for t in times]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum(
        (a - mx) ** 2 for a in x
    )


def compared(subject: Subject, quick: bool) -> dict[str, Any]:
    """Time everything on one call of one Function."""
    n = min(NUMBERS_SIZES[subject.name], 128 if quick else 10**9)
    args = subject.inputs(n, 0)
    repeats = 3 if quick else 9
    row: dict[str, Any] = {
        "function": subject.name,
        "n": sum(a.numel() for a in args if a.requires_grad),
        "m": subject.function.apply(*args).numel(),
    }
    for work in (floor, values, complete, fast):
        row[work.__name__] = seconds(work, subject, n, repeats)
    row["slow"] = seconds(slow, subject, n, 1 if quick else 3)
    row["calls"] = dict(values(subject, args).numbers.evaluator.calls)
    return row


def grown(subject: Subject, quick: bool) -> dict[str, Any]:
    """Time values at growing sizes, and the slow referees while they can be afforded."""
    sizes = GROWTH_SIZES[:4] if quick else GROWTH_SIZES
    affordable = [n for n in sizes if n <= SLOW_GROWTH_UP_TO]
    times = [seconds(values, subject, n, 5) for n in sizes]
    own = [seconds(floor, subject, n, 9) for n in sizes]
    return {
        "function": subject.name,
        "sizes": sizes,
        "values": times,
        "floor": own,
        "slow": [seconds(slow, subject, n, 1) for n in affordable],
        "exponent": exponent(sizes, times),
        "floor exponent": exponent(sizes, own),
    }


def benchmark(run: Run) -> None:
    """Compare at the usual sizes, then measure the growth."""
    rows = [compared(subject, run.quick) for subject in run.progress(SUBJECTS, "times")]
    growth = [grown(subject, run.quick) for subject in run.progress(SUBJECTS, "growth")]
    table = [
        [
            r["function"], r["n"], r["m"], *(1e3 * r[k] for k in ("floor", "values", "complete", "fast", "slow")),
            r["slow"] / r["values"], r["fast"] / r["values"], r["slow"] / r["complete"],
            f"{r['calls']['forward']}/{r['calls']['backward']}",
        ]
        for r in rows
    ]  # fmt: skip
    headings = ["Function", "N", "M", "floor ms", "values", "check quick", "fast", "slow",
                "slow/values", "fast/values", "slow/check", "F/B"]  # fmt: skip
    show("gradcheck + gradgradcheck beside ours", headings, table)
    show(
        "growth: time ~ N to the power",
        ["Function", "values", "own work"],
        [[g["function"], g["exponent"], g["floor exponent"]] for g in growth],
    )
    elementwise = 1e3 * seconds(complete, Subject(Exp, SUBJECTS[0].make), 1000, 9)
    summary = {
        "slow / values, median": median(r["slow"] / r["values"] for r in rows),
        "fast / values, median": median(r["fast"] / r["values"] for r in rows),
        "slow / check quick, median": median(r["slow"] / r["complete"] for r in rows),
        "growth exponent, median": median(g["exponent"] for g in growth),
        "check quick, elementwise, 1000 elements, ms": elementwise,
    }
    show("in all", ["what", "value"], summary.items())
    _plot.speed(rows, growth, run.save({"summary": summary, "rows": rows, "growth": growth}))


if __name__ == "__main__":
    main("speed", benchmark, __doc__)
