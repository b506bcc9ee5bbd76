"""Each claim that one code accounts for another, shown by a case where it does and by one where both are told."""

from __future__ import annotations

import pytest
from catalogue._mode import Mode
from explained._pair import Pair, Shown
from imports import circles
from loading import ROOT, crashes, load

from examples import EXAMPLES, options_of, rule_of
from pytest_autograd import check
from pytest_autograd.audit import explained
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Report

Codes = tuple[str, str]
FAMILIES = sorted((ROOT / "tests/data/explained").glob("[!_]*.py"))
PAIRS: dict[Codes, Pair] = {
    codes: pair for path in FAMILIES for codes, pair in load(path).PAIRS.items()
}
BESIDE = {codes: pair.beside for codes, pair in PAIRS.items() if isinstance(pair.beside, Shown)}


def named(codes: Codes) -> str:
    return " explains ".join(codes)


def shown_by(name: str) -> Shown:
    """Return the mode ``family:name`` of the catalogue, or the bad example of the rule with this code."""
    family, _, mode_name = name.partition(":")
    if mode_name:
        mode: Mode = load(ROOT / f"tests/data/catalogue/{family}.py").MODES[mode_name]
        return Shown(mode.target, mode.inputs, mode.options)
    path = next(path for path in EXAMPLES if rule_of(path).code == name)
    return Shown(load(path).Bad, load(path).inputs, options_of(path, "Bad"))


def told(shown: Shown, *codes: str) -> tuple[set[str], Report]:
    with shown.inside():
        report = check(
            shown.target, *shown.inputs(), **{**shown.options, "level": "full", "select": codes}
        )
    assert not crashes(report)
    return report.all_codes, report


def test_each_claim_is_shown_and_nothing_else() -> None:
    claims = {(by, code) for code, rule in all_rules().items() for by in rule.explained_by}
    assert set(PAIRS) == claims


def test_no_two_codes_explain_each_other() -> None:
    assert circles({code: frozenset(rule.explained_by) for code, rule in all_rules().items()}) == []


@pytest.mark.parametrize("codes", PAIRS, ids=named)
def test_the_one_accounts_for_the_other(codes: Codes) -> None:
    pair = PAIRS[codes]
    shown = shown_by(pair.explained) if isinstance(pair.explained, str) else pair.explained
    for code in codes:
        found, report = told(shown, code)
        assert code in found, str(report)
    found, report = told(shown, *codes)
    assert found == {codes[0]}, str(report)
    reasons = {result.code: result.reason for result in report.checks}
    assert reasons[codes[1]] == f"explained by {codes[0]}"


@pytest.mark.parametrize("codes", BESIDE, ids=named)
def test_what_has_a_cause_of_its_own_is_told_beside(codes: Codes) -> None:
    found, report = told(BESIDE[codes], *codes)
    assert found == set(codes), str(report)


def test_an_experiment_that_crashes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(probe: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(explained, "MENDS", {"AG303": [crash]})
    shown = shown_by("in_place:saves_then_writes_to_its_input")
    report = check(shown.target, *shown.inputs(), select=("AG303", "AG101"))
    assert [result.reason for result in crashes(report)] == [
        "wrong-gradient: ZeroDivisionError: ours"
    ]
    assert report.codes == {"AG303", "AG101"}
