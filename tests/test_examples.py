"""Every rule sees its fault in its example, and none in the mended example or the corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus._case import Case
from loading import ROOT, load

from pytest_autograd import check
from pytest_autograd._rule import all_rules

EXAMPLES = sorted((ROOT / "skill/custom-autograd-functions/examples").glob("ag*.py"))
FAMILIES = sorted((Path(__file__).parent / "corpus").glob("[!_]*.py"))


def corpus() -> list:
    """Return the entries of every family as parameters."""
    return [
        pytest.param(case, id=f"{path.stem}:{name}")
        for path in FAMILIES
        for name, case in load(path).CASES.items()
    ]


def test_each_rule_has_an_example_and_each_example_a_rule() -> None:
    assert [path.stem for path in EXAMPLES] == [rule.stem for rule in all_rules().values()]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_bad_yields_exactly_its_code(path: Path) -> None:
    example = load(path)
    rule = all_rules()[path.stem[:5].upper()]
    options = {**getattr(example, "options", {}), **getattr(example, "bad_options", {})}
    also = set(getattr(example, "also", ()))
    report = check(example.Bad, *example.inputs(), **options)
    assert rule.code in report.all_codes, str(report)
    loud = set() if rule.severity == "note" else {rule.code}
    assert report.codes == loud | also, str(report)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_good_is_verified(path: Path) -> None:
    example = load(path)
    options = {**getattr(example, "options", {}), **getattr(example, "good_options", {})}
    report = check(example.Good, *example.inputs(), **options)
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize("case", corpus())
def test_right_function_is_verified(case: Case) -> None:
    report = check(case.target, *case.inputs(), **case.options)
    assert (report.verdict, report.codes) == ("verified", set()), str(report)
