"""``pytest --autograd-audit`` as a project sees it. Each test runs pytest in a subprocess on a small project."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

FUNCTIONS = """
import torch
from torch.autograd import Function

class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        print("forward speaks")
        return x ** 3
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x ** 2 * grad_output

class Silent(Cube):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

class BadCube(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x ** 2 * grad_output

class BadScale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, None

def ones(n, dtype=torch.float64):
    return torch.ones(n, dtype=dtype, requires_grad=True)
"""
SUITE = """
import random, unittest
import pytest, torch
from functions import *

@pytest.fixture(scope="module")
def from_fixture():
    return BadScale.apply(ones(2), 5)

@pytest.mark.parametrize("n", [1, 2, 2, 3])
def test_parametrised(n):
    BadCube.apply(ones(n))

def test_same_again():
    for _ in range(3):
        BadCube.apply(ones(2))

def test_right():
    Cube.apply(ones(2)).sum().backward()

def test_fixture(from_fixture): ...

def test_fails():
    BadScale.apply(ones(2), 2)
    assert 1 == 2

@pytest.mark.xfail(strict=True)
def test_expected_to_fail():
    assert False

@pytest.mark.asyncio
async def test_async():
    BadScale.apply(ones(2), 3)

class TestUnit(unittest.TestCase):
    def setUp(self):
        self.before = BadScale.apply(ones(2), 4)
    def test_unit(self):
        BadScale.apply(ones(2, torch.float32), 4)
"""
STATE = """
import random, warnings
import numpy as np
import torch
from functions import *

leaf = ones(3)
wide = torch.nn.Linear(2, 2)
seen = {}

def state():
    return (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist(),
            torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), list(warnings.filters))

def test_first():
    torch.manual_seed(3); random.seed(4); np.random.seed(5)
    torch.set_default_dtype(torch.float64)
    BadCube.apply(leaf).sum().backward()
    seen["grad"], seen["state"] = leaf.grad.clone(), state()

def test_second():
    assert state()[:-1] == seen["state"][:-1]
    assert torch.equal(leaf.grad, seen["grad"])
    assert leaf.requires_grad and leaf._version == 0
    torch.set_default_dtype(torch.float32)

class Recompute(Function):
    # Differentiates a module in backward, as checkpoints do: that adds to the gradients of the module itself.
    @staticmethod
    def forward(ctx, module, x):
        ctx.module = module
        ctx.save_for_backward(x)
        return module(x).detach()
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            y = x.detach().requires_grad_()
            torch.autograd.backward(ctx.module(y), grad_output)
        norm.num_batches_tracked.add_(1)
        return None, y.grad

norm = torch.nn.BatchNorm1d(2).double()
module = torch.nn.Linear(2, 2).double()

def test_module_in_backward():
    Recompute.apply(module, torch.ones(1, 2, dtype=torch.float64, requires_grad=True)).sum().backward()
    assert module.weight.grad.tolist() == [[1, 1], [1, 1]]

def test_module_after():
    assert module.weight.grad.tolist() == [[1, 1], [1, 1]]
    assert norm.num_batches_tracked == 1

def test_compiled():
    x = torch.ones(3, requires_grad=True)
    torch.compile(lambda x: Silent.apply(x) * 2, backend="eager", fullgraph=True)(x).sum().backward()
    assert x.grad.tolist() == [6, 6, 6]

def test_inference_mode_and_dispatch_modes():
    from torch.utils._python_dispatch import TorchDispatchMode
    class Watch(TorchDispatchMode):
        names = []
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.names.append(str(func))
            return func(*args, **(kwargs or {}))
    with Watch(), torch.no_grad():
        Cube.apply(torch.ones(7, dtype=torch.float64))
    assert not [name for name in Watch.names if "clone" in name], Watch.names
    with torch.inference_mode():
        Cube.apply(torch.ones(8, dtype=torch.float64))
"""
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def project(pytester: pytest.Pytester) -> Run:
    """Return a runner of pytest on a suite, level quick, with a JSON report."""
    pytester.makepyfile(functions=FUNCTIONS)
    pytester.makeini(
        "[pytest]\nautograd_level = quick\nasyncio_default_fixture_loop_scope = function\n"
    )

    def run(body: str, *args: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=body)
        arguments = ("-p", "no:randomly", "--autograd-report", "report.json", *args)
        return pytester.runpytest_subprocess(*arguments)

    return run


def told(pytester: pytest.Pytester) -> dict[str, list[str]]:
    """Return what the last run found: by function and inputs the codes of errors, calls in front."""
    entries = json.loads((pytester.path / "report.json").read_text())["entries"].values()
    found: dict[str, list[str]] = {}
    for entry in entries:
        if entry["report"]:
            findings = entry["report"]["findings"]
            errors = sorted(f["code"] for f in findings if f["severity"] == "error")
            found[f"{entry['function']}({entry['inputs']})"] = [str(entry["calls"]), *errors]
    return found


OUTCOMES = {"passed": 9, "failed": 1, "xfailed": 1}
FOUND = {
    "BadCube(x: float64[1] differentiated)": ["1", "AG101"],
    "BadCube(x: float64[2] differentiated)": ["5", "AG101"],
    "BadCube(x: float64[3] differentiated)": ["1", "AG101"],
    "Cube(x: float64[2] differentiated)": ["1"],
    "BadScale(x: float64[2] differentiated; factor=5)": ["1", "AG101"],
    "BadScale(x: float64[2] differentiated; factor=2)": ["1", "AG101"],
    "BadScale(x: float64[2] differentiated; factor=3)": ["1", "AG101"],
    "BadScale(x: float64[2] differentiated; factor=4)": ["1", "AG101"],
    "BadScale(x: float32[2] differentiated; factor=4)": ["1", "AG101"],
}


@pytest.mark.parametrize("more", [(), ("--autograd-audit-at", "end"), ("-n", "2")])
def test_each_signature_is_audited_once_and_outcomes_stay(
    project: Run, pytester: pytest.Pytester, more: tuple[str, ...]
) -> None:
    result = project(SUITE, "--autograd-audit", *more)
    result.assert_outcomes(**OUTCOMES)
    assert told(pytester) == FOUND
    result.stdout.fnmatch_lines_random(
        [
            "Function * where * calls * signatures * verdict * worst finding * seconds",
            "BadCube * functions.py:21 * 7 * 3 * failed * AG101 wrong-gradient *",
            "Cube * functions.py:4 * 1 * 1 * verified *",
            "3 Functions: 2 failed, 1 verified; 9 signatures: 8 failed, 1 verified",
        ]
    )
    assert "forward speaks" not in result.stdout.str() + result.stderr.str()


def test_outcomes_are_those_of_a_run_without_the_audit(project: Run) -> None:
    project(SUITE).assert_outcomes(**OUTCOMES)


def test_random_streams_gradients_and_settings_stay(project: Run) -> None:
    project(STATE, "--autograd-audit").assert_outcomes(passed=6)


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
