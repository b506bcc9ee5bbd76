"""The options of ``pytest --autograd-audit``: failing, narrowing, devices, baselines, caps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audit_project import FUNCTIONS, Run, audit_runner, told


@pytest.fixture
def project(pytester: pytest.Pytester) -> Run:
    return audit_runner(pytester)


def test_with_fail_every_test_that_calls_a_faulty_function_fails(
    project: Run, pytester: pytest.Pytester
) -> None:
    body = """
import pytest
from functions import *
def test_first(): BadCube.apply(ones(2))
def test_second(): BadCube.apply(ones(2))
def test_right(): Cube.apply(ones(2))
@pytest.mark.xfail(strict=True)
def test_known(): BadCube.apply(ones(2))
"""
    result = project(body, "--autograd-audit-fail", "--reruns", "1")
    result.assert_outcomes(passed=1, failed=2, xfailed=1)
    lines = ["error[[]AG101[]] wrong-gradient: *", "BadCube: failed: AG101, told at *::test_first"]
    result.stdout.fnmatch_lines(lines)
    again = project(body, "--autograd-audit-fail", "--lf")
    again.assert_outcomes(failed=2, deselected=0)
    at_end = project(
        body.replace("strict=True", ""), "--autograd-audit-fail", "--autograd-audit-at", "end"
    )
    at_end.assert_outcomes(passed=3, xpassed=1)
    assert at_end.ret == pytest.ExitCode.TESTS_FAILED


def test_only_too_big_and_late_torch_are_told(project: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(others="from functions import Cube\nclass OtherCube(Cube): pass\n")
    result = project(
        """
def test_loads_torch():
    import functions
    functions.BadCube.apply(functions.ones(3))
def test_others():
    from functions import Cube, ones
    from others import OtherCube
    OtherCube.apply(ones(2))
    Cube.apply(ones(2**18))
""",
        *("--autograd-audit", "--autograd-only", "functions", "--autograd-keep", "1"),
    )
    result.assert_outcomes(passed=2)
    assert told(pytester) == {}
    result.stdout.fnmatch_lines(
        [
            "Cube * skipped * too big to keep: 2 MiB of tensors, more than the 1 MiB a call may take *",
            "left out by --autograd-only: others.OtherCube",
            "not recorded, since these tests loaded torch themselves: test_it.py::test_loads_torch",
        ]
    )


def test_a_device_that_is_missing_is_told(project: Run, pytester: pytest.Pytester) -> None:
    body = "from functions import *\ndef test(): Cube.apply(ones(2))\n"
    devices = ("--autograd-device", "cpu", "--autograd-device", "xpu")
    result = project(body, "--autograd-audit", *devices)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["Cube * verified *", "skipped: Cube(*): device xpu is not available here*"]
    )
    assert list(told(pytester)) == ["Cube(x: float64[2] differentiated)"]


def test_a_baseline_lets_known_findings_pass_and_tells_what_is_gone(
    project: Run, pytester: pytest.Pytester
) -> None:
    body = "from functions import *\ndef test_bad(): BadCube.apply(ones(2))\n"
    use = ("--autograd-audit-fail", "--autograd-baseline", "known.json")
    missing = project(body, *use)
    assert missing.ret == pytest.ExitCode.USAGE_ERROR
    project(body, *use, "--autograd-update-baseline").assert_outcomes(passed=1)
    known = Path(pytester.path / "known.json")
    assert json.loads(known.read_text()) == {
        "version": 1,
        "findings": {"functions.py::BadCube": ["AG101"]},
    }
    project(body, *use).assert_outcomes(passed=1)
    more = body + "def test_new(): BadScale.apply(ones(2), 3)\n"
    project(more, *use).assert_outcomes(passed=1, failed=1)
    pytester.makepyfile(functions=FUNCTIONS.replace("return 2 * x", "return 3 * x"))
    mended = project(body, *use)
    mended.assert_outcomes(passed=1)
    mended.stdout.fnmatch_lines(
        ["no longer found, but in known.json: functions.py::BadCube: AG101"]
    )
    project(body, *use, "--autograd-update-baseline")
    assert json.loads(known.read_text())["findings"] == {}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--autograd-report", "a.pdf"), "*--autograd-report a.pdf: the name must end in one of*"),
        (("--autograd-update-baseline",), "*--autograd-update-baseline needs --autograd-baseline*"),
        (("--autograd-time-limit", "-1"), "*autograd_time_limit is '-1': write a number above 0*"),
        (("--autograd-signatures", "2.5"), "*autograd_signatures is 2.5: write a whole number*"),
        (("-o", "autograd_level=medium"), "*autograd_level is 'medium': write one of quick, full*"),
    ],
)
def test_wrong_options_end_with_one_sentence(
    project: Run, options: tuple[str, ...], sentence: str
) -> None:
    result = project("def test(): ...\n", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([sentence])


@pytest.mark.parametrize("more", [(), ("--autograd-audit-at", "end"), ("-n", "2")])
def test_signatures_beyond_the_cap_are_counted_and_told(
    project: Run, pytester: pytest.Pytester, more: tuple[str, ...]
) -> None:
    body = """
import pytest
from functions import *
@pytest.mark.parametrize("n", range(1, 8))
def test_many(n): Silent.apply(ones(n))
def test_few(): Cube.apply(ones(2))
def test_again(): Silent.apply(ones(2))
"""
    project(body, "--autograd-audit", "--autograd-signatures", "3", *more).assert_outcomes(passed=9)
    entries = json.loads((pytester.path / "report.json").read_text())["entries"].values()
    silent = [entry for entry in entries if entry["function"] == "Silent"]
    assert (len(silent), sum(entry["calls"] for entry in silent)) == (7, 8)
    assert sum(entry["report"] is not None for entry in silent) == 3
    assert sum("--autograd-signatures" in (entry["skipped"] or "") for entry in silent) == 4
    assert told(pytester)["Cube(x: float64[2] differentiated)"] == ["1"]


def test_the_summary_tells_what_is_beyond_the_cap_and_where_installed_functions_are(
    project: Run, pytester: pytest.Pytester
) -> None:
    package = pytester.mkpydir("site-packages").joinpath("spikes")
    package.mkdir()
    package.joinpath("threshold.py").write_text(FUNCTIONS)
    pytester.makeconftest("import sys\nsys.path.insert(0, 'site-packages')\n")
    result = project(
        "from spikes.threshold import *\n"
        "def test(): [Silent.apply(ones(n)) for n in range(1, 26)]\n",
        "--autograd-audit",
    )
    result.stdout.fnmatch_lines(
        [
            "Silent    spikes/threshold.py:16 * 25 * 25 * verified *",
            "not audited: 5 of the 25 signatures of Silent; --autograd-signatures N allows more",
        ]
    )
