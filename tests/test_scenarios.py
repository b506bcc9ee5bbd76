"""The scenarios of ``examples/``: what is faulty is seen for what it is, what is right passes."""

from __future__ import annotations

from functools import cache

import pytest
from loading import ROOT, load

from pytest_autograd import Report

EXPECTED = {
    "scenario_1_learnable_swish": {
        "composed of torch operations": ("verified", set()),
        "Function without a gradient for beta": ("failed", {"AG103"}),
        "Function with both gradients": ("verified", set()),
    },
    "scenario_2_clipped_linear": {
        "first attempt": ("failed", {"AG002"}),
        "first attempt, square, where nothing crashes": ("failed", {"AG101", "AG102", "AG701"}),
        "clipped, nothing declared": ("failed", {"AG102"}),
        "clipped, as declared": ("verified", set()),
        "rounded, nothing declared": ("failed", {"AG101"}),
        "rounded, as declared": ("verified", set()),
    },
    "scenario_3_conv_statistics": {
        "first attempt": ("failed", {"AG201", "AG203", "AG204"}),
        "second attempt": ("failed", {"AG101", "AG201"}),
        "right": ("verified", set()),
    },
    "scenario_4_inplace_relu": {
        "overwrites grad_output": ("failed", {"AG301"}),
        "overwrites its input": ("failed", {"AG303"}),
        "overwrites its input and says so": ("verified", set()),
    },
}


def test_every_scenario_is_expected() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("scenario_*.py")} == set(EXPECTED)


@cache
def reports(name: str) -> dict[str, Report]:
    """Return the scenario's reports, made once."""
    return load(ROOT / "examples" / f"{name}.py").reports()


@pytest.mark.parametrize("name", EXPECTED)
def test_scenario_is_judged_as_expected(name: str) -> None:
    judged = {title: (report.verdict, report.codes) for title, report in reports(name).items()}
    assert judged == EXPECTED[name], "\n\n".join(map(str, reports(name).values()))


@pytest.mark.parametrize("name", EXPECTED)
def test_scenario_prints_its_reports(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = reports(name)
    scenario = load(ROOT / "examples" / f"{name}.py")
    monkeypatch.setattr(scenario, "reports", lambda: made)
    scenario.main()
    printed = capsys.readouterr().out
    assert all(f"== {title}\n{report}\n" in printed for title, report in made.items())
