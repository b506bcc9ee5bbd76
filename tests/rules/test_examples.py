"""Every rule sees its fault in its example, and none in the mended example or the corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus._case import Case
from loading import ROOT, crashes, load
from torch.autograd import Function

from examples import EXAMPLES, codes_of, options_of, rule_of
from pytest_autograd import check
from pytest_autograd.registry import all_rules

FAMILIES = sorted((ROOT / "tests/data/corpus").glob("[!_]*.py"))


CORPUS = {
    f"{path.stem}:{name}": case for path in FAMILIES for name, case in load(path).CASES.items()
}
FUNCTIONS = {
    name: case
    for name, case in CORPUS.items()
    if isinstance(case.target, type) and issubclass(case.target, Function)
}


def off_by_a_thousandth(function: type[Function]) -> type[Function]:
    """Return ``function`` with every gradient a thousandth too large."""
    name = "vjp" if "vjp" in vars(function) else "backward"
    right = getattr(function, name)

    def backward(ctx, *grads):
        found = right(ctx, *grads)
        found = found if isinstance(found, tuple) else (found,)
        return tuple(None if grad is None else 1.001 * grad for grad in found)

    return type(f"Wrong{function.__name__}", (function,), {name: staticmethod(backward)})


def test_each_rule_has_an_example_and_each_example_a_rule() -> None:
    assert [path.stem for path in EXAMPLES] == [rule.stem for rule in all_rules().values()]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_bad_yields_exactly_its_code(path: Path) -> None:
    example = load(path)
    report = check(example.Bad, *example.inputs(), **options_of(path, "Bad"))
    assert not crashes(report)
    assert rule_of(path).code in report.all_codes, str(report)
    assert report.codes == codes_of(path, "Bad"), str(report)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_good_is_verified(path: Path) -> None:
    example = load(path)
    report = check(example.Good, *example.inputs(), **options_of(path, "Good"))
    assert not crashes(report)
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize("case", CORPUS.values(), ids=CORPUS)
def test_right_function_is_verified(case: Case) -> None:
    report = check(case.target, *case.inputs(), **case.options)
    assert not crashes(report)
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize("case", FUNCTIONS.values(), ids=FUNCTIONS)
def test_gradient_off_by_a_thousandth_fails(case: Case) -> None:
    wrong = off_by_a_thousandth(case.target)
    report = check(wrong, *case.inputs(), level="quick", **case.options)
    assert not crashes(report)
    assert report.verdict == "failed", str(report)
    assert "AG101" in report.codes, str(report)
