"""``pytest --autograd-audit`` as a project sees it: each call is audited once, and the run stays as it was."""

from __future__ import annotations

import pytest
from audit_project import Run, audit_runner, told

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


@pytest.fixture
def project(pytester: pytest.Pytester) -> Run:
    return audit_runner(pytester)


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
