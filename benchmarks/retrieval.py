"""Retrieval: does the search of the skill answer what readers type and paste?

The queries are labelled by hand (``tests/data/queries``), or are what torch says of faulty code that is run here
(``tests/data/pasted_errors``), as the message alone and as the whole traceback. A third, chosen by a hash, is held
out: the index was never tuned on it. A query is answered by any of its sections or rules.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from dataclasses import asdict

import _plot
from _run import HERE, Run, console, main, show

sys.path.insert(0, str(HERE.parent / "tests" / "helpers"))
sys.path.insert(0, str(HERE.parent / "tests" / "data"))

from queries import Query
from retrieval import Answer, answer, grouped, labelled, score

from pytest_autograd.skill.search import search

REPEATS = 5
OUTCOMES = ("first", "second or third", "later", "not found")


def milliseconds(query: Query) -> float:
    """Return the shortest of some searches."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        search(query.text)
        taken.append(time.perf_counter() - start)
    return 1000 * min(taken)


def outcome(answer: Answer) -> str:
    """Return where the answer stands among the results."""
    if answer.place is None:
        return OUTCOMES[3]
    return OUTCOMES[0 if answer.place == 1 else 1 if answer.place <= 3 else 2]


def benchmark(run: Run) -> None:
    """Ask everything and count."""
    queries = labelled()
    if run.quick:
        queries = queries[::5]
    answers = [answer(query) for query in run.progress(queries, "searching")]
    groups = grouped(answers)
    found = {name: score(group) for name, group in groups.items()}
    show(
        "retrieval",
        ["queries", "number", "recall@1", "recall@3", "MRR"],
        [[kind, *asdict(score).values()] for kind, score in found.items()],
    )
    times = [milliseconds(query) for query in queries]
    console.print(f"a search: {statistics.median(times):.2f} ms, at most {max(times):.2f} ms")
    missed = [each for each in answers if each.place is None or each.place > 3]
    for each in missed:
        console.print(f"not among the first three: {each.query.kind}: {each.query.text[-100:]!r}")
    path = run.save(
        {
            "scores": {kind: asdict(score) for kind, score in found.items()},
            "milliseconds": {"median": statistics.median(times), "most": max(times)},
            "missed": [
                {"kind": each.query.kind, "text": each.query.group or each.query.text}
                for each in missed
            ],
        }
    )
    counts = {name: Counter(map(outcome, group)) for name, group in groups.items()}
    _plot.outcomes(
        counts, OUTCOMES, _plot.ALARMS[4:] + _plot.ALARMS[2:0:-1] + _plot.ALARMS[:1], path
    )


if __name__ == "__main__":
    main("retrieval", benchmark, __doc__)
