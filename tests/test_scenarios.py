"""The scenarios of ``examples/``: what is faulty is seen for what it is, what is right passes."""

from __future__ import annotations

import re
import subprocess
import sys
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
    "scenario_5_layer_norm_mixed_precision": {
        "float64": ("verified", set()),
        "bfloat16, parameters in float32": ("verified", set()),
    },
    "scenario_6_cross_entropy": {
        "divides by all rows, none ignored": ("verified", set()),
        "divides by all rows": ("failed", {"AG101"}),
        "divides by the rows that count": ("verified", set()),
    },
    "scenario_7_sparsemax": {
        "sparsemax": ("verified", set()),
    },
    "scenario_8_scatter_mean": {
        "not divided": ("failed", {"AG101"}),
        "divided": ("verified", set()),
    },
    "scenario_9_learned_step_quantiser": {
        "nothing declared": ("failed", {"AG101"}),
        "as declared": ("verified", set()),
    },
    "scenario_10_rotary_in_place": {
        "backward in place on a copy": ("verified", set()),
        "backward out of place": ("verified", set()),
    },
    "scenario_11_linear_cross_entropy": {
        "not scaled": ("failed", {"AG101", "AG305"}),
        "scaled": ("verified", set()),
    },
    "scenario_12_linear_solve": {
        "with the factors of forward": ("failed", {"AG501"}),
        "with input and output": ("verified", set()),
        "with input and output, complex": ("verified", set()),
    },
    "scenario_13_complex_magnitude": {
        "conjugated, real numbers": ("verified", set()),
        "conjugated": ("failed", {"AG101"}),
        "not conjugated": ("verified", set()),
    },
    "scenario_14_lookup_table": {
        "any knots": ("failed", {"AG105"}),
        "knots that increase": ("verified", set()),
    },
}
MARKED = [name for name in EXPECTED if int(name.split("_")[1]) >= 5]


def test_every_scenario_is_expected() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("scenario_*.py")} == set(EXPECTED)


def test_every_scenario_ends_with_what_is_right() -> None:
    for name, cases in EXPECTED.items():
        assert [*cases.values()][-1] == ("verified", set()), name


@cache
def reports(name: str) -> dict[str, Report]:
    """Return the scenario's reports, made once."""
    return load(ROOT / "examples" / f"{name}.py").reports()


@pytest.mark.parametrize("name", EXPECTED)
def test_scenario_is_judged_as_expected(name: str) -> None:
    judged = {title: (report.verdict, report.codes) for title, report in reports(name).items()}
    assert {report.level for report in reports(name).values()} == {"full"}
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


def test_the_marked_tests_of_the_scenarios_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    files = [str(ROOT / "examples" / f"{name}.py") for name in MARKED]
    done = subprocess.run([*command, *files], capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{len(MARKED)} passed", done.stdout, re.MULTILINE), done.stdout
