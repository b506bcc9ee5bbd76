"""The judge outside agrees with the engine inside, whatever the target, the contract or the dtype."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_server.request import Checked, Failure, Request
from mcp_server.service.checks import Checks
from pytest_autograd.source.check_source import check_source
from pytest_autograd.source.load import load_text

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks the judges")
EXAMPLES = Path(__file__).parent.parent / "skill" / "custom-autograd-functions" / "examples"
NUMERIC = ("ag10*", "ag11*", "ag50[1-3]*")  # the examples that the judge has to decide
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
"""
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


def run_all(requests: dict[str, Request]) -> dict[str, Checked | Failure]:
    """Check them all at once by one zygote, as a server does."""
    outcomes: dict[str, Checked | Failure] = {}

    async def tell(seconds: float, message: str) -> None:
        pass

    async def main() -> None:
        async def one(name: str) -> None:
            outcomes[name] = await checks.run(requests[name], tell)

        with Checks(workers=2, waiting=len(requests)) as checks:
            async with anyio.create_task_group() as tasks:
                for name in requests:
                    tasks.start_soon(one, name)

    anyio.run(main)
    return outcomes


def request(source: str, options: dict[str, Any]) -> Request:
    given = {"entry": "Scale", "inputs": [VECTOR] * 2} | options
    level = {"level": "quick", "time_limit": 60.0, "seed": 7}
    named = {name: given.pop(name) for name in ("entry", "inputs")}
    inputs = named["inputs"]
    return Request.model_validate(
        {
            "source": source,
            "entry": named["entry"],
            "inputs": tuple(inputs) if isinstance(inputs, list) else inputs,
            "options": level | given,
        }
    )


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Checked | Failure]:
    def source(parts: dict[str, str]) -> str:
        return SOURCE.format(**{"forward": "x * weight", "gradients": PRODUCT} | parts)

    cases = {name: request(source(parts), opts) for name, (parts, opts, _) in CASES.items()}
    for pattern in NUMERIC:
        for file in EXAMPLES.glob(pattern):
            for entry in ("Bad", "Good"):
                given = {"entry": entry, "inputs": "inputs"}
                cases[f"{file.stem} {entry}"] = request(file.read_text(), given)
    return run_all(cases)


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_the_one_due(outcomes: dict[str, Checked | Failure], case: str) -> None:
    outcome = outcomes[case]
    assert isinstance(outcome, Checked), outcome
    assert outcome.report.verdict == CASES[case][2], outcome.text


@pytest.mark.parametrize(
    "file", [file for pattern in NUMERIC for file in EXAMPLES.glob(pattern)], ids=lambda f: f.stem
)
@pytest.mark.parametrize("entry", ["Bad", "Good"])
def test_examples_get_the_verdict_and_at_least_the_codes_of_the_engine(
    outcomes: dict[str, Checked | Failure], file: Path, entry: str
) -> None:
    outcome = outcomes[f"{file.stem} {entry}"]
    assert isinstance(outcome, Checked), outcome
    options = {"level": "quick", "time_limit": 60.0, "seed": 7}
    report = check_source(load_text(file.read_text()), entry, "inputs", options)
    assert outcome.report.verdict == report.verdict
    assert outcome.report.codes >= report.codes
