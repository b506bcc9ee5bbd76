"""The judge outside agrees with the engine inside, whatever the target, the contract or the dtype."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judging import Outcomes, request, run_all
from loading import crashes

from examples import EXAMPLES, codes_of, options_of, rule_of
from mcp_server.request import Checked, Request
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks the judges")
#: The rules that the judge decides itself.
VALUES = ("AG101", "AG102", "AG103", "AG112", "AG113", "AG501", "AG502")
#: Rules whose fault in their example is found at level full, though they look at level quick too.
AT_FULL = {
    "AG108": "the drift is in dtypes that were not given",
    "AG114": "gradcheck runs at level full",
}
#: Where the codes are not those of the engine: the codes in addition, which the judge finds, and why it keeps them.
IN_ADDITION = {
    "AG107": ({"AG101"}, "explained by AG107, which is the worker's word only"),
}
#: Where what the judge finds changes from run to run: its codes that the one of the worker explains do not count.
UNSTEADY = {"AG309": "what lies in fresh memory decides whether values are wrong, and which"}
SOURCE = """
import torch

class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return {forward}

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return {gradients}

class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(1, 2, 4, dtype=torch.float64))

    def forward(self, x):
        return Scale.apply(x, self.weight).sin()

def both(x):
    a, b = x.unbind(0)
    return {{"first": Scale.apply(a, b), "second": a.cos()}}

def plain(x, weight): return x * weight
def identity(x, weight): return x + 0 * weight
def clipped(g): return g.clamp(-0.1, 0.1)
def halves(g): return g / 2

{declared}
"""
DECLARE = "import pytest_autograd; pytest_autograd.declare(Scale, {})"
PRODUCT = "grad_output * weight, grad_output * x"
VECTOR = {"kind": "tensor", "shape": [4]}
CASES: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "a right Function": ({}, {}, "verified"),
    "a swapped gradient": ({"gradients": "grad_output * x, grad_output * weight"}, {}, "failed"),
    "a missing gradient": ({"gradients": "grad_output * weight, None"}, {}, "failed"),
    "a backward that raises": ({"gradients": "1 / 0"}, {}, "failed"),
    "a forward that raises": ({"forward": "x @ weight.view(2, 2)"}, {}, "failed"),
    "a small error": (
        {"gradients": "grad_output * weight * 1.000001, grad_output * x"}, {}, "verified",
    ),
    "float32 inputs": ({}, {"inputs": [VECTOR | {"dtype": "float32"}] * 2}, "verified"),
    "complex inputs": (
        {"gradients": "grad_output * weight.conj(), grad_output * x.conj()"},
        {"inputs": [VECTOR | {"dtype": "complex128"}] * 2},
        "verified",
    ),
    "complex inputs, not conjugated": (
        {}, {"inputs": [VECTOR | {"dtype": "complex128"}] * 2}, "failed",
    ),
    "an input that is not differentiated": (
        {"gradients": "grad_output * weight, None"},
        {"inputs": [VECTOR | {"requires_grad": True}, VECTOR | {"requires_grad": False}]},
        "verified",
    ),
    "a module": ({}, {"entry": "Layer", "inputs": [VECTOR]}, "verified"),
    "a module with a wrong Function": (
        {"gradients": "grad_output * weight, 2 * grad_output * x"},
        {"entry": "Layer", "inputs": [VECTOR]},
        "failed",
    ),
    "a callable with a dictionary of outputs": (
        {}, {"entry": "both", "inputs": [VECTOR | {"shape": [2, 3]}]}, "verified",
    ),
    "a surrogate that is kept": (
        {"forward": "(x * weight).round()"}, {"surrogate": "plain"}, "verified",
    ),
    "a surrogate that is not": (
        {"forward": "(x * weight).round()"}, {"surrogate": "identity"}, "failed",
    ),
    "a surrogate that the source declares of itself": (
        {"forward": "(x * weight).round()", "declared": DECLARE.format("surrogate=plain")}, {}, "failed",
    ),
    "errors that the source ignores": (
        {
            "gradients": "grad_output * x, grad_output * weight",
            "declared": DECLARE.format('ignore=["AG1", "AG5"]'),
        },
        {},
        "failed",
    ),
    "no surrogate declared": ({"forward": "(x * weight).round()"}, {}, "failed"),
    "a reference": ({}, {"reference": "plain"}, "verified"),
    "another reference": ({}, {"reference": "identity"}, "failed"),
    "a transform that is kept": (
        {"gradients": "(grad_output * weight).clamp(-0.1, 0.1), grad_output * x"},
        {"grad_transform": {"x": "clipped"}},
        "verified",
    ),
    "a transform that is not": ({}, {"grad_transform": {"x": "halves"}}, "failed"),
}  # fmt: skip


def asked(case: str) -> Request:
    parts, options, _ = CASES[case]
    source = SOURCE.format(
        **{"forward": "x * weight", "gradients": PRODUCT, "declared": ""} | parts
    )
    given = {"entry": "Scale", "inputs": [VECTOR] * 2} | options
    return request(source, given.pop("entry"), given.pop("inputs"), given)


def example(path: Path, entry: str) -> Request:
    """Submit an example as it stands, at the lowest level that its rule needs."""
    rule = rule_of(path)
    level = "full" if rule.code in AT_FULL else rule.level
    options = {
        name: value.__name__ if isinstance(value, Callable) else value
        for name, value in options_of(path, entry).items()
    }
    return request(path.read_text(), entry, "inputs", {"level": level, **options})


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    examples = {
        f"{path.stem} {entry}": example(path, entry)
        for path in EXAMPLES
        for entry in ("Bad", "Good")
    }
    return run_all({case: asked(case) for case in CASES} | examples)


def report_of(outcomes: Outcomes, case: str) -> Report:
    outcome = outcomes[case]
    assert isinstance(outcome, Checked), outcome
    assert crashes(outcome.report) == [], outcome.text
    return outcome.report


def test_the_judge_decides_the_rules_about_values() -> None:
    assert tuple(code for code, rule in all_rules().items() if rule.about == "values") == VALUES


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_the_one_due(outcomes: Outcomes, case: str) -> None:
    report = report_of(outcomes, case)
    assert report.verdict == CASES[case][2], str(report)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_bad_example_has_the_codes_that_the_engine_gives(outcomes: Outcomes, path: Path) -> None:
    report, code = report_of(outcomes, f"{path.stem} Bad"), rule_of(path).code
    more, _ = IN_ADDITION.get(code, (set(), ""))
    by_judge = {f.code for f in report.findings if f.origin == "judge" and f.severity != "note"}
    unsteady = {
        other for other in by_judge if code in UNSTEADY and code in all_rules()[other].explained_by
    }
    assert code in report.all_codes, str(report)
    assert report.codes - unsteady == codes_of(path, "Bad") | more, str(report)
    assert by_judge - unsteady == ({code} & set(VALUES)) | more, str(report)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_good_example_is_verified(outcomes: Outcomes, path: Path) -> None:
    report = report_of(outcomes, f"{path.stem} Good")
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize("code", IN_ADDITION)
def test_what_is_found_in_addition_is_explained_by_the_code_of_the_worker(code: str) -> None:
    more, _ = IN_ADDITION[code]
    assert [code in all_rules()[other].explained_by for other in more] == [True]
