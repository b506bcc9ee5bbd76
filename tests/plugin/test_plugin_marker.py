"""What the marker can ask for beyond its four forms: cases, known faults, devices, strategies, wrong use."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest
from plugin_project import runner


@pytest.fixture
def project(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Return a runner of pytest on a test file."""
    return runner(pytester)


def test_each_case_has_a_line_of_its_own(project) -> None:
    result = project(
        """
class WrongAboveOne(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x > 1, 2.0, 3.0) * x ** 2 * grad_output

def small(): return torch.linspace(-1, 0.5, 3, dtype=torch.float64, requires_grad=True)
@autograd_checked(WrongAboveOne, inputs=[small, make_inputs, (torch.full((2,), 1.5),)])
def test_cases(): ...
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["case 2 of 3: failed", "error[[]AG101[]]*", "case 3 of 3: failed"])
    result.stdout.no_fnmatch_line("case 1 of 3*")


def test_known_faults_ratchet(project) -> None:
    result = project(
        """
@autograd_checked(expect=["AG101"])
def test_still_there(): BadCube.apply(*make_inputs())

@autograd_checked(expect=["AG101"])
def test_mended(): Cube.apply(*make_inputs())

@autograd_checked(expect=["AG3"])
def test_another(): BadCube.apply(*make_inputs())

@autograd_checked(expect=["AG999"])
def test_no_such_code(): BadCube.apply(*make_inputs())
"""
    )
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        [
            "autograd_checked: AG101 is expected but was not found: take it out of expect=",
            "autograd_checked: AG3 is expected but was not found: *; AG101 was found but is not expected",
            "autograd_checked: option select: no rule matches 'AG999'*",
        ]
    )


def test_options_of_module_class_and_function_add_up(project) -> None:
    result = project(
        """
pytestmark = autograd_checked(ignore=["AG1"], gradgrad=False)

def test_ignored_by_the_module(): BadCube.apply(*make_inputs())

class TestInner:
    pytestmark = autograd_checked(ignore=["AG7"])
    def test_class_wins(self): BadCube.apply(*make_inputs())

    @pytest.mark.parametrize("n", [1, 2])
    @autograd_checked(allow_inconclusive=True, ignore=["AG1"])
    def test_function_wins(self, n): BadCube.apply(torch.ones(n, dtype=torch.float64))
"""
    )
    result.assert_outcomes(passed=2, failed=2)


def test_devices_are_used_or_told_to_be_missing(project) -> None:
    body = """
@autograd_checked
def test_recorded(): Cube.apply(*make_inputs())

@autograd_checked(torch.nn.Sequential(torch.nn.Linear(2, 2)).double(), inputs=lambda: torch.ones(1, 2).double())
def test_module(): ...
"""
    both = project(body, "--autograd-device", "cpu", "--autograd-device", "xpu")
    both.assert_outcomes(passed=2)
    missing = project(body, "-rs", "--autograd-device", "xpu")
    missing.assert_outcomes(skipped=2)
    missing.stdout.fnmatch_lines(["SKIPPED*autograd_checked: device xpu is not available here*"])


def test_hypothesis_finds_the_smallest_inputs_that_fail(project) -> None:
    result = project(
        """
from pytest_autograd.plugin.strategies import autograd_inputs

class BadAtThree(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        wrong = 2 if x.ndim > 1 and x.shape[1] >= 3 else 3
        return wrong * x ** 2 * grad_output

@autograd_checked(BadAtThree, inputs=autograd_inputs(("rows", "columns")), examples=30)
def test_found(): ...

@autograd_checked(Cube, inputs=autograd_inputs(("rows", 2), dtypes=("float32", "float64")))
def test_right(): ...
"""
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "smallest example that Hypothesis found: failed",
            "  inputs: x: float64[[]1, 3[]] differentiated",
        ]
    )


def test_verbose_tells_the_whole_report_and_short_the_errors(project) -> None:
    body = "@autograd_checked\ndef test_bad(): BadCube.apply(*make_inputs())\n"
    short, whole = project(body), project(body, "-v")
    short.stdout.no_fnmatch_line("  checks: *")
    whole.stdout.fnmatch_lines(["error[[]AG101[]]*", "  checks: * passed, 1 failed, *"])


def test_verdicts_are_properties_in_the_junit_file(project, pytester) -> None:
    project(
        "@autograd_checked\ndef test_bad(): BadCube.apply(*make_inputs())\n", "--junit-xml=j.xml"
    )
    properties = ElementTree.parse(pytester.path / "j.xml").iter("property")
    found = {element.get("name"): element.get("value") for element in properties}
    assert found == {"autograd_checked BadCube": "failed AG101"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            "def swish(f): return f\n@pytest.mark.autograd_checked(swish)\ndef test_lost(): ...\n",
            "*write @autograd_checked(function=swish, inputs=make_inputs); if swish is meant to be a test*",
        ),
        (
            "@autograd_checked(inputs=make_inputs)\ndef test_it(): ...\n",
            "autograd_checked: inputs= goes with function=*",
        ),
        (
            "@autograd_checked(Cube, inputs=[])\ndef test_it(): ...\n",
            "autograd_checked: inputs=[[][]] holds no case*",
        ),
        (
            "@autograd_checked(levle='quick')\ndef test_it(): Cube.apply(*make_inputs())\n",
            "autograd_checked: unknown option 'levle'; the options are *",
        ),
    ],
)
def test_wrong_use_ends_with_one_clear_sentence(project, body: str, sentence: str) -> None:
    result = project(body)
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines([sentence])
    result.stdout.no_fnmatch_line("*Traceback*")


CASES = """
class OnlyDouble(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        factor = torch.full(x.shape[-1:], 3.0, dtype=torch.float64).diag()
        return (x ** 2 * grad_output) @ factor

class ComplexCube(Cube):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x.conj() ** 2 * grad_output

def one(): return (torch.tensor([0.5, 2.0], requires_grad=True),)
def two(): return (torch.tensor([[1.5, 3.0]], requires_grad=True),)

@autograd_checked(OnlyDouble, inputs={"flat": one, "deep": two}, dtypes=["float64", torch.float32],
                  devices=["cpu", "xpu"])
def test_named(): ...

@autograd_checked(dtypes="float64")
def test_recorded(): OnlyDouble.apply(*one())

@autograd_checked(dtypes="float64")
def test_recorded_complex(): ComplexCube.apply(torch.tensor([0.5 + 1j], requires_grad=True))

@autograd_checked(Cube, inputs=one, dtypes="int32")
def test_no_dtype(): ...

@autograd_checked(Cube, inputs=one, devices=[])
def test_no_device(): ...
"""


def test_each_case_is_verified_in_each_dtype_and_on_each_device(project, pytester) -> None:
    result = project(CASES, "--junit-xml=j.xml")
    properties = ElementTree.parse(pytester.path / "j.xml").iter("property")
    found = {
        str(p.get("name")).removeprefix("autograd_checked "): p.get("value") for p in properties
    }
    assert found["OnlyDouble case deep in float64 on cpu"] == "verified"
    assert found["ComplexCube in float64"] == "verified"
    assert str(found["case flat in float64 on xpu"]).startswith("skipped: device xpu is not")
    result.assert_outcomes(failed=3, passed=2)
    result.stdout.fnmatch_lines_random(
        [
            "case flat in float32 on cpu: failed",
            "case deep in float32 on cpu: failed",
            "autograd_checked: dtypes: 'int32' is no floating or complex dtype of torch; write *",
            "autograd_checked: devices=[[][]] names none: nothing would be verified",
        ]
    )
    result.stdout.no_fnmatch_line("case * in float64 on cpu*")
