"""Forwards of very many cheap steps: the open run gives up and says why, and no graph ends Python when it is freed."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.autograd import Function

from pytest_autograd.call.target import make_call
from pytest_autograd.derivatives import autograd_reference
from pytest_autograd.derivatives.autograd_reference import reference_gradients
from pytest_autograd.errors import NotApplicable


def stepping(steps):
    class Stepping(Function):
        @staticmethod
        def forward(ctx, x):
            y = x
            for _ in range(steps):
                y = y * 1.0
            return y

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output

    return Stepping


def steps_of_one_call(x: torch.Tensor, steps: int):
    for _ in range(steps):
        x = x + 1e-6
    return x


with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    compiled_steps = torch.jit.script(steps_of_one_call)


class OneCall(Function):
    """Many steps that Python sees as one."""

    @staticmethod
    def forward(ctx, x, steps: int):
        return compiled_steps(x, steps)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, None


def reference(function, *arguments):
    x = torch.linspace(1, 2, 3, dtype=torch.float64)
    call = make_call(function, (x, *arguments), {})
    return reference_gradients(call, 0, [x], [torch.ones_like(x)], ["output"])


@pytest.mark.parametrize("steps", [1, 100, 9_990])
def test_reference_of_few_steps(steps):
    found = reference(stepping(steps))
    assert (found.breaks, found.gradients[0].tolist()) == ((), [1.0] * 3)


@pytest.mark.parametrize(("steps", "breaks"), [(1_990, ()), (2_001, ("more than 2,000 nodes",))])
def test_a_thread_with_a_small_stack_looks_at_fewer_nodes(steps, breaks):
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(reference, stepping(steps)).result()
    assert (found.breaks, found.gradients[0].tolist()) == (breaks, [1.0] * 3)


def test_gradients_beyond_the_nodes_looked_at_are_no_witness():
    """They are still what autograd makes of forward, the yardstick of low precision."""
    found = reference(OneCall, 10_001)
    assert (found.breaks, found.gradients[0].tolist()) == (("more than 10,000 nodes",), [1.0] * 3)


def test_bound_in_steps():
    with pytest.raises(NotApplicable, match="more than 10,000 steps"):
        reference(stepping(10_001))


def test_bound_in_memory(monkeypatch):
    monkeypatch.setattr(autograd_reference, "MOST_BYTES", 1000)
    assert reference(stepping(20)).gradients[0] is not None
    with pytest.raises(NotApplicable, match=r"GiB of intermediates"):
        reference(stepping(100))


def test_bound_in_time(monkeypatch):
    monkeypatch.setattr(autograd_reference, "MOST_SECONDS", 0.0)
    with pytest.raises(NotApplicable, match="more than 0 s under autograd"):
        reference(stepping(2))


DEEP = """
import sys, threading, warnings

import torch
from torch.autograd import Function

from pytest_autograd import check

warnings.simplefilter("ignore")
kind, steps, stack = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def stepped(x):
    for _ in range(steps):
        x = x + 1e-6
    return x


class Own(Function):
    @staticmethod
    def forward(ctx, x):
        return stepped(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@torch.jit.script
def compiled(x: torch.Tensor, n: int):
    for _ in range(n):
        x = x + 1e-6
    return x


class Compiled(Function):
    @staticmethod
    def forward(ctx, x):
        return compiled(x, steps)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class InBackward(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * (stepped(x) - 1e-6 * steps) * grad_output


class Raising(Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad_output):
        with torch.enable_grad():
            kept = compiled(grad_output.detach().requires_grad_(), steps)
        raise ValueError(f"{kept.shape}")


class Same(Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.clone()


def around(x):
    return compiled(Same.apply(x), steps)


def chained(x):
    for _ in range(steps):
        x = Same.apply(x)
    return x


target = {
    "own": Own,
    "compiled": Compiled,
    "in backward": InBackward,
    "raising": Raising,
    "around": around,
    "chained": chained,
}[kind]


def work():
    x = torch.linspace(1, 2, 3, dtype=torch.float64)
    reports.append(check(target, x, level="quick", seed=0, time_limit=1, ignore=["AG7"]))


reports = []
threading.stack_size(stack)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(reports[0].verdict)
"""


@pytest.mark.parametrize(("steps", "stack"), [(30_000, 512 << 10), (300_000, 8 << 20)])
@pytest.mark.parametrize("kind", ["own", "compiled", "in backward", "raising", "around", "chained"])
def test_freeing_deep_graphs_does_not_end_python(kind, steps, stack, tmp_path):
    script = tmp_path / "deep_graphs.py"
    script.write_text(DEEP)
    done = subprocess.run(
        [sys.executable, str(script), kind, str(steps), str(stack)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    due = "failed" if kind == "raising" else "verified"
    assert done.stdout.strip() in (due, "inconclusive")  # as far as the time goes
