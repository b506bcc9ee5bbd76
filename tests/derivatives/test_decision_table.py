"""Each row of the table in ``docs/verdicts.md``: what follows from what the judge says and what the reference says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from along_lines import close
from fake_oracle import (
    KINK,
    NOTHING,
    RIPPLE,
    Extra,
    FakeOracle,
    FakeReference,
    Stuck,
    Undecided,
    trials_of,
)

from pytest_autograd.derivatives.first_order import FirstOrderTest

LITTLE, SOME, MUCH = 2.0**-30, 2.0**-7, 0.5  # 1e-9 is less than the judge is held to
EXACT, BY_DIFFERENCES = 1e-11, 1e-6  # tolerances
TRIALS_A_POINT = 5  # two with random cotangents; ones, minus ones, and zeros in half of the rows
DOUBTED = 2 * TRIALS_A_POINT - 1  # all but the first are asked again, on graphs of their own
BLURRED = {"precision": 1e-3}  # of forward: then slopes are uncertain by 3 %, and 5 % are tolerated
NONE, DETACHED = {"none": "a kernel"}, {"breaks": ("detach", "item")}
TIE = "the reference gradient disagrees through a tie; the judge confirms"
THROUGH = "the reference gradient disagrees through detach, item; the judge confirms"
NO_REFERENCE = "no reference gradient: a kernel"
OPEN = "finite differences could not resolve the gradient (uncertain by {:.1g} of its size)"
AGAINST = "finite differences disagree with the reference gradient"
ON_A_KINK = "the sample lies on a kink of forward"
BESIDE = "judged beside the sample, which lies on a kink"
ROUGH = (
    "forward follows the gradient at wide steps but not at small ones, "
    "as an iterative solver does that stops early: tighten its tolerance for the check"
)
ALONE = "confirmed by the reference gradient alone: "
HARDLY = "backward disagrees with forward in sum but no single argument could be blamed"
WITHOUT = ", and there is no reference gradient: a kernel"
DIFFERS = ", and the reference gradient of x differs"
LEAVES = ", and forward leaves autograd (detach, item)"


@dataclass(frozen=True)
class Row:
    """What backward and the reference are off by, and what is decided: of x, and of all."""

    backward: float | None
    reference: dict[str, Any]
    status: str
    error: float = 0.0
    tolerance: float = 0.0
    confirmed: bool = False
    by: str = "judge"
    accuracy: float | str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    kinked: bool = False
    overruled: bool = False
    of_y: str = "ok"
    extra: Extra = NOTHING
    settings: dict[str, Any] | None = None


def right(reference, *notes, **more):
    row = Row(0.0, reference, "ok", confirmed=True, accuracy="the judge's", notes=notes)
    return replace(row, **more)


def little(status, **more):
    row = Row(0.0, {"off": LITTLE}, status, LITTLE, EXACT, accuracy=LITTLE)
    return replace(row, **more)


def wrong(reference, tolerance, **more):
    return replace(Row(SOME, reference, "wrong", SOME, tolerance), **more)


def alone(reason, tolerance=EXACT, **more):
    row = Row(0.0, {}, "ok", 0.0, tolerance, True, "witness", tolerance, notes=(ALONE + reason,))
    return replace(row, **more)


def unresolved(reference, reason, **more):
    return replace(Row(0.0, reference, "unresolved", reason=reason, of_y="unresolved"), **more)


ROWS = {
    "right | right": right({}),
    "right | none": right(NONE, NO_REFERENCE),
    "right | off by little": little("inexact", confirmed=True),
    "right | off by little, above rtol": little("wrong", settings={"rtol": LITTLE / 2}),
    "right | off by more": right({"off": SOME}, TIE),
    "right | off by all": right({"off": None}, TIE),
    "right | leaves the graph, right": right(DETACHED),
    "right | leaves the graph, off by little": right(DETACHED | {"off": LITTLE}),
    "right | leaves the graph, off by more": right(DETACHED | {"off": SOME}, THROUGH),
    "wrong | right": wrong({}, EXACT),
    "wrong | none": wrong(NONE, BY_DIFFERENCES),
    "wrong | off by little": wrong({"off": LITTLE}, BY_DIFFERENCES),
    "wrong | off by more": wrong({"off": MUCH}, BY_DIFFERENCES),
    "wrong | agrees with backward": alone(
        AGAINST, backward=SOME, reference={"off": SOME}, overruled=True
    ),
    "wrong | leaves the graph, right": wrong(DETACHED, EXACT),
    "wrong | leaves the graph, agrees": wrong(DETACHED | {"off": SOME}, BY_DIFFERENCES),
    "wrong, missing | right": wrong({}, EXACT, backward=None, status="missing", error=1.0),
    "wrong, missing | none": wrong(
        NONE, BY_DIFFERENCES, backward=None, status="missing", error=1.0
    ),
    "wrong by less than rtol | right": wrong(
        {}, EXACT, status="inexact", confirmed=True, accuracy=SOME, settings={"rtol": 2 * SOME}
    ),
    "wrong by less than rtol | none": wrong(
        NONE,
        BY_DIFFERENCES,
        status="inexact",
        confirmed=True,
        accuracy=SOME,
        settings={"rtol": 2 * SOME},
    ),
    "wrong in sum only | none": Row(
        SOME,
        NONE,
        "unresolved",
        reason=HARDLY + WITHOUT,
        of_y="unresolved",
        settings={"kind": Undecided},
    ),
    "wrong in sum only | right": Row(
        SOME, {}, "wrong", SOME, EXACT, accuracy=SOME, settings={"kind": Undecided}
    ),
    "cannot tell | right": alone(OPEN, 0.05, settings=BLURRED),
    "cannot tell | off by little": alone(
        OPEN, 0.05, reference={"off": 1 / 32}, error=1 / 33, settings=BLURRED
    ),
    "cannot tell | off by more": unresolved({"off": 99.0}, OPEN + DIFFERS, settings=BLURRED),
    "cannot tell | off by more, slopes on its side": Row(
        0.5, {}, "wrong", 0.5, 0.05, accuracy=0.5, settings=BLURRED
    ),
    "cannot tell | off by more, below rtol, slopes on its side": Row(
        0.5, {}, "inexact", 0.5, 0.05, True, accuracy=0.5, settings=BLURRED | {"rtol": 0.6}
    ),
    "cannot tell | none": unresolved(NONE, OPEN + WITHOUT, settings=BLURRED),
    "cannot tell | leaves the graph": unresolved(DETACHED, OPEN + LEAVES, settings=BLURRED),
    "kink | right": right({}, BESIDE, kinked=True, extra=KINK),
    "kink | none": right(NONE, NO_REFERENCE, BESIDE, kinked=True, extra=KINK),
    "kink, wrong beside it | right": wrong({}, EXACT, kinked=True, extra=KINK, notes=(BESIDE,)),
    "kinks only | right": alone(ON_A_KINK, kinked=True, extra=KINK, settings={"kind": Stuck}),
    "kinks only | off": unresolved(
        {"off": LITTLE}, ON_A_KINK + DIFFERS, kinked=True, extra=KINK, settings={"kind": Stuck}
    ),
    "kinks only | none": unresolved(
        NONE, ON_A_KINK + WITHOUT, kinked=True, extra=KINK, settings={"kind": Stuck}
    ),
    "kinks only | leaves the graph": unresolved(
        DETACHED, ON_A_KINK + LEAVES, kinked=True, extra=KINK, settings={"kind": Stuck}
    ),
    "rough | right": alone(ROUGH, extra=RIPPLE),
    "rough | off": unresolved({"off": MUCH}, ROUGH + DIFFERS, extra=RIPPLE),
    "rough | none": unresolved(NONE, ROUGH + WITHOUT, extra=RIPPLE),
    "rough | leaves the graph": unresolved(DETACHED, ROUGH + LEAVES, extra=RIPPLE),
}


def heard(row):
    oracle, reference = FakeOracle(row.backward, row.extra), FakeReference(**row.reference)
    return oracle, reference, FirstOrderTest(trials_of(oracle, reference, **row.settings or {}))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row(row):
    oracle, _, test = heard(row)
    found = test.verify()
    of_x, of_y = found.arguments
    assert (of_x.name, of_x.status, of_y.name, of_y.status) == ("x", row.status, "y", row.of_y)
    assert of_x.error == close(row.error, rel=1e-6)
    assert (of_x.tolerance, found.confirmed, found.by) == (row.tolerance, row.confirmed, row.by)
    uncertain = max(j.best.uncertainty / j.scale for j in found.judgements)
    assert found.reason == (None if row.reason is None else row.reason.format(uncertain))
    assert found.notes == [note.format(uncertain) for note in row.notes]
    assert (found.kinked, found.overruled, found.vacuous) == (row.kinked, row.overruled, False)
    judged = max(j.accuracy for j in found.judgements)
    if row.accuracy == "the judge's":
        assert found.accuracy == judged <= 1e-11
    else:
        assert found.accuracy == (row.accuracy and close(row.accuracy, rel=1e-6))
    if of_x.status in ("ok", "unresolved"):
        assert (of_x.expected, of_x.got) == (None, None)
    else:
        assert shows_one_trial(of_x, found.trials, oracle)


def shows_one_trial(verdict, trials, oracle):
    """Whether what is said to be got and expected belongs to one and the same trial."""
    matching = [
        trial for trial in trials if verdict.got is None or torch.equal(trial.got[0], verdict.got)
    ]
    truth = oracle.right(matching[0].point, matching[0].cotangents)[0]
    return torch.allclose(verdict.expected, truth, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "vjps", "asked"),
    [
        ("right | right", TRIALS_A_POINT, 1),
        ("wrong | right", DOUBTED, 2),
        ("cannot tell | right", DOUBTED, TRIALS_A_POINT),
        ("kink | right", DOUBTED + TRIALS_A_POINT, 1),
        ("kinks only | right", 4 * DOUBTED, TRIALS_A_POINT),
    ],
)
def test_cost_of_a_row(name, vjps, asked):
    """At most three points beside a kink; one question to the reference where the judge confirms."""
    oracle, reference, test = heard(ROWS[name])
    test.verify()
    assert (oracle.asked, reference.asked) == (vjps, asked)
