"""``check`` on every kind of target, with every contract, and on what it cannot check."""

from __future__ import annotations

import math
import time

import pytest
import torch
from torch import nn
from torch.autograd import Function

from pytest_autograd import CheckError, GradientCheckFailed, Report, check


def randn(*shape: int, grad: bool = True, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(
        shape, generator=torch.Generator().manual_seed(7), dtype=dtype
    ).requires_grad_(grad)


class Scale(Function):
    """Right: ``x * w`` with ``w`` broadcast over rows."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        return grad_output * w, (grad_output * x).sum(0)


class BadScale(Scale):
    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        return grad_output * w, (grad_output * x).mean(0)


class Layer(nn.Module):
    def __init__(self, function: type[Function]) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(randn(3).detach())

    def forward(self, x):
        return self.function.apply(x, self.weight).tanh()


class StraightThrough(Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class ClippedScale(Scale):
    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        return grad_output * w, (grad_output * x).sum_to_size(w.shape).clamp(-1, 1)


TARGETS = {
    "function": lambda f: (f, (randn(4, 3), randn(3))),
    "apply": lambda f: (f.apply, (randn(4, 3), randn(3))),
    "callable": lambda f: (lambda x, w: f.apply(x, w).sin(), (randn(4, 3), randn(3))),
    "module": lambda f: (Layer(f), (randn(4, 3),)),
    "float32": lambda f: (f, (randn(4, 3, dtype=torch.float32), randn(3, dtype=torch.float32))),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_each_kind_of_target_is_judged(kind: str) -> None:
    target, args = TARGETS[kind](Scale)
    report = check(target, *args, level="quick")
    assert (report.verdict, report.codes) == ("verified", set()), str(report)
    target, args = TARGETS[kind](BadScale)
    report = check(target, *args, level="quick")
    assert (report.verdict, report.codes) == ("failed", {"AG101"}), str(report)
    (finding,) = report.findings
    assert finding.evidence.argument == "w"
    assert finding.function == "BadScale"
    assert "0.25 x the right one" in finding.message


def test_a_custom_op_is_judged() -> None:
    @torch.library.custom_op("autograd_tests::cube", mutates_args=())
    def cube(x: torch.Tensor) -> torch.Tensor:
        return x**3

    def setup(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    cube.register_autograd(lambda ctx, g: 2 * ctx.saved_tensors[0] ** 2 * g, setup_context=setup)
    assert check(cube, randn(4), level="quick").codes == {"AG101"}


def test_plain_composed_torch_is_fine() -> None:
    report = check(lambda x, beta: x * torch.sigmoid(beta * x), randn(5), randn())
    assert (report.verdict, report.all_codes) == ("verified", set())


def test_only_what_requires_grad_is_differentiated_and_the_rest_is_named() -> None:
    report = check(BadScale, randn(4, 3), randn(3, grad=False), level="quick")
    assert report.verdict == "verified"
    assert report.summary.endswith("; w not checked: it does not require grad")
    report = check(BadScale, randn(4, 3, grad=False), randn(3, grad=False), level="quick")
    assert report.verdict == "failed"
    assert report.inputs == "x: float64[4, 3] differentiated; w: float64[3] differentiated"


CONTRACTS = [
    (StraightThrough, {"surrogate": lambda x: x * 1}, {"surrogate": lambda x: x.tanh()}),
    (Scale, {"reference": torch.mul}, {"reference": lambda x, w: x * w + 1e-3 * x}),
    (
        ClippedScale,
        {"grad_transform": {"w": lambda g: g.clamp(-1, 1)}},
        {"grad_transform": {"w": lambda g: g.clamp(-2, 2)}},
    ),
]


@pytest.mark.parametrize(
    ("function", "right", "wrong"), CONTRACTS, ids=lambda v: getattr(v, "__name__", "")
)
@pytest.mark.parametrize("through", ["function", "callable"])
def test_contracts_verify_and_refuse(function, right, wrong, through: str) -> None:
    args = (randn(4, 3), randn(3)) if issubclass(function, Scale) else (randn(6),)
    target = function
    if through == "callable":
        target = (
            (lambda x, w: function.apply(x, w)) if len(args) > 1 else (lambda x: function.apply(x))
        )
    good = check(target, *args, **right)
    assert (good.verdict, good.codes) == ("verified", set()), str(good)
    bad = check(target, *args, **wrong)
    assert bad.verdict == "failed", str(bad)
    assert bad.codes <= {"AG101", "AG112"}


def test_an_undeclared_surrogate_fails_and_is_offered_the_contract() -> None:
    report = check(StraightThrough, randn(6))
    assert report.codes == {"AG101"}
    assert "surrogate=f" in report.findings[0].fix
    assert "piecewise constant" in report.findings[0].message


def test_reports_survive_json_and_keep_non_finite_numbers() -> None:
    class Overflows(Scale):
        @staticmethod
        def backward(ctx, grad_output):
            x, w = ctx.saved_tensors
            return grad_output * w / 0.0, (grad_output * x).sum(0)

    report = check(Overflows, randn(4, 3), randn(3), level="quick")
    assert report.codes == {"AG101"}
    assert report.findings[0].evidence.got in ("Infinity", "-Infinity")
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert "NaN" not in report.model_dump_json().replace('"NaN"', "")


def test_raise_if_failed_raises_an_assertion_error_with_the_report() -> None:
    report = check(BadScale, randn(4, 3), randn(3), level="quick")
    with pytest.raises(GradientCheckFailed, match="AG101") as caught:
        report.raise_if_failed()
    assert isinstance(caught.value, AssertionError)
    check(Scale, randn(4, 3), randn(3), level="quick").raise_if_failed()


def test_a_seed_repeats_a_report() -> None:
    one, other = (check(BadScale, randn(4, 3), randn(3), level="quick") for _ in range(2))
    assert (one.seed, one.findings) == (other.seed, other.findings)
    third = check(BadScale, randn(4, 3), randn(3), level="quick", seed=5)
    assert third.seed == 5
    assert third.findings[0].evidence.got != one.findings[0].evidence.got


def test_random_streams_and_inputs_are_left_alone() -> None:
    x, w = randn(4, 3), randn(3)
    kept = x.detach().clone()
    before = torch.get_rng_state()
    check(BadScale, x, w, level="quick")
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(kept, x)
    assert x.grad is None


def test_select_and_ignore_take_prefixes() -> None:
    report = check(BadScale, randn(4, 3), randn(3), select="ag2", level="quick")
    assert {result.code[:3] for result in report.checks if result.code} == {"AG2"}
    assert report.verdict == "inconclusive"
    assert "is wrong, but no selected rule says so" in report.summary
    report = check(BadScale, randn(4, 3), randn(3), ignore=["AG101"], level="quick")
    assert "AG101" not in report.all_codes
    assert report.verdict != "verified"


def test_what_the_time_limit_leaves_out_is_skipped_and_not_passed() -> None:
    class Slow(Scale):
        @staticmethod
        def forward(ctx, x, w):
            until = time.perf_counter() + 0.02
            while time.perf_counter() < until:
                pass
            return Scale.forward(ctx, x, w)

    report = check(Slow, randn(4, 3), randn(3), time_limit=0.01)
    assert report.verdict == "inconclusive"
    reasons = {result.reason for result in report.checks if result.status == "skipped"}
    assert "the time limit is used up" in reasons
    report = check(Slow, randn(6, 4), randn(4), time_limit=20)
    assert report.verdict == "verified"
    gradgrad = next(result for result in report.checks if result.name == "gradgradcheck")
    assert gradgrad.status == "skipped"
    assert "more than the time limit leaves" in (gradgrad.reason or "")


class NoForward(Function):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class Argmax(Function):
    @staticmethod
    def forward(ctx, x):
        return x.argmax()

    @staticmethod
    def backward(ctx, grad_output):
        return None


REFUSED = {
    "a number": (3, (), "int 3 cannot be checked: pass a torch.autograd.Function subclass"),
    "a module class": (Layer, (randn(3),), "the class Layer cannot be checked"),
    "no tensor": (Scale, (1.0, 2.0), "the inputs hold no tensor"),
    "integers": (Scale, (torch.arange(3), torch.arange(3)), "the inputs hold only int64 tensors"),
    "no forward": (NoForward, (randn(3),), "NoForward defines no forward"),
    "integer output": (Argmax, (randn(3),), "returns only int64 tensors"),
    "raising callable": (lambda x: x @ x, (randn(2, 3),), "raises on the given inputs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_checked_is_refused_in_one_sentence(case: str) -> None:
    target, args, message = REFUSED[case]
    with pytest.raises(CheckError, match=message) as caught:
        check(target, *args)
    assert "\n" not in str(caught.value)


BAD_OPTIONS = [
    ({"levle": "quick"}, "unknown option 'levle'; the options are level"),
    ({"level": "slow"}, "option level: "),
    ({"select": "AX1"}, "no rule matches 'AX1'"),
    ({"rtol": -1}, "option rtol"),
    ({"gradcheck_options": {"fast_mode": True}}, "fast_mode is no evidence"),
    ({"surrogate": torch.mul, "reference": torch.mul}, "give one contract"),
    (
        {"grad_transform": {"weight": abs}},
        "'weight', which is not a differentiated argument; those are x, w",
    ),
    ({"reference": lambda x: x}, "reference=<lambda> cannot be called like the target"),
    ({"reference": lambda x, w: x.sum()}, "they must be the same"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_wrong_options_are_refused_in_one_sentence(options, message: str) -> None:
    with pytest.raises(CheckError) as caught:
        check(Scale, randn(4, 3), randn(3), **{"level": "quick", **options})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_accuracy_is_stated() -> None:
    report = check(Scale, randn(4, 3), randn(3), level="quick")
    assert 0 < float(report.stats.accuracy or math.inf) < 1e-7
