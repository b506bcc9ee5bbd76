"""What ``declare`` says of a Function holds for every check of it; what is closer to the call wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pytest_autograd import CheckError, Report, check, declare
from pytest_autograd.domains import simplex


class Doubled(Function):
    """Saves what it does not use, and gives the gradient of another function than its forward."""

    @staticmethod
    def forward(ctx, x, scale=1.0):
        ctx.save_for_backward(x)
        return torch.trunc(x) * scale

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output, None


class Plain(Function):
    """Right, but for a tensor that is saved in vain."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 3 * x

    @staticmethod
    def backward(ctx, grad_output):
        return 3 * grad_output


def fresh(function: type = Doubled) -> Any:
    """Return the Function under a class of its own, of which nothing is declared."""
    return type(function.__name__, (function,), {})


def twice(x: Tensor, scale: float = 1.0) -> Tensor:
    return 2 * x


def thrice(x: Tensor, scale: float = 1.0) -> Tensor:
    return 3 * x


def inputs() -> Tensor:
    return torch.linspace(-2, 2.3, 5, dtype=torch.float64, requires_grad=True)


def quick(function: Any, *args: Any, **options: Any) -> Report:
    return check(function, *(args or (inputs(),)), **{"level": "quick", **options})


def reason(report: Report, code: str) -> tuple[str, str | None]:
    (found,) = [each for each in report.checks if each.code == code]
    return found.status, found.reason


@pytest.mark.parametrize(
    "reached",
    [
        pytest.param(lambda f: f, id="class"),
        pytest.param(lambda f: f.apply, id="apply"),
        pytest.param(lambda f: lambda x: f.apply(x).square(), id="callable"),
    ],
)
def test_a_contract_holds_however_the_function_is_reached(reached: Callable[[Any], Any]) -> None:
    function = fresh()
    assert "AG101" in quick(reached(function)).codes
    declare(function.apply, surrogate=twice, ignore="AG207")
    report = quick(reached(function))
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


def test_what_inherits_is_not_meant() -> None:
    function = fresh()
    declare(function, surrogate=twice)
    assert "AG101" in quick(fresh(function)).codes


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({}, set()),
        ({"surrogate": thrice}, {"AG101"}),
        ({"reference": twice}, {"AG112"}),
        ({"surrogate": None}, {"AG101"}),
    ],
)
def test_a_contract_of_the_call_wins(given: dict[str, Any], codes: set[str]) -> None:
    function = fresh()
    declare(function, surrogate=twice, ignore="AG207")
    assert quick(function, **given).codes == codes


def test_a_later_declaration_wins_option_by_option_and_ignores_add_up() -> None:
    function = fresh()
    declare(function, surrogate=thrice, level="quick", ignore={"AG207": "logged"})
    declare(function, reference=twice, ignore="AG7")
    declare(function, surrogate=twice)
    report = check(function, inputs())
    assert (report.verdict, report.codes, report.level) == ("verified", set(), "quick")
    assert {each.code for each in report.ignored} == {"AG207", "AG7"}


def test_options_of_the_call_win_and_defaults_of_the_call_do_not() -> None:
    function = fresh(Plain)
    declare(function, gradgrad=False, level="quick")
    assert check(function, inputs()).level == "quick"
    report = check(function, inputs(), level="full", gradgrad=True)
    assert report.level == "full"
    assert reason(report, "AG501")[0] == "passed"
    assert reason(quick(function), "AG501") == ("skipped", "gradgrad=False")


def test_what_is_ignored_is_told_with_its_reason() -> None:
    function = fresh(Plain)
    assert quick(function).codes == {"AG207"}
    declare(function, ignore={"ag207": "read by the logger"})
    report = quick(function)
    assert (report.verdict, report.codes) == ("verified", set())
    status, why = reason(report, "AG207")
    assert status == "skipped"
    assert why is not None
    assert why.startswith(
        "ignored: read by the logger (declare(Plain) at test_declared_functions.py:"
    )
    (told,) = report.ignored
    assert (told.function, told.code, told.reason, told.needed) == (
        "Plain",
        "AG207",
        "read by the logger",
        True,
    )
    assert "not needed" not in str(report)


def test_it_is_told_of_a_callable_too() -> None:
    function = fresh(Plain)
    declare(function, ignore={"AG207": "read by the logger", "AG301": "it once wrote there"})
    report = quick(lambda x: function.apply(x) * 2)
    status, why = reason(report, "AG207")
    assert (status, "read by the logger" in str(why)) == ("skipped", True)
    assert {each.code: each.needed for each in report.ignored} == {"AG207": True, "AG301": False}
    assert {each.function for each in report.ignored} == {"Plain"}


def test_what_is_not_needed_any_more_is_told() -> None:
    function = fresh(Plain)
    declare(function, ignore={"AG301": "it once wrote there", "AG207": "logged"})
    report = quick(function)
    assert {each.code: each.needed for each in report.ignored} == {"AG301": False, "AG207": True}
    (line,) = [line for line in str(report).splitlines() if "not needed" in line]
    assert "ignoring AG301 is not needed any more: nothing was found" in line
    assert reason(report, "AG301") == ("passed", None)


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("AG104", {}),  # runs at level full
        ("AG301", {"select": "AG2"}),
        ("AG702", {}),  # is off unless selected
        ("AG5", {"gradgrad": False}),
    ],
)
def test_of_what_was_not_looked_for_nothing_is_said(code: str, options: dict[str, Any]) -> None:
    function = fresh(Plain)
    declare(function, ignore={code: "some reason"})
    report = quick(function, **options)
    assert [each.needed for each in report.ignored] == [None]
    assert "not needed" not in str(report)


def test_what_is_ignored_explains_nothing() -> None:
    class Overwrites(Function):
        @staticmethod
        def forward(ctx, x):
            x.detach().mul_(2)
            ctx.save_for_backward(x)
            return x.square()

        @staticmethod
        def backward(ctx, grad_output):
            (x,) = ctx.saved_tensors
            return 2 * x * grad_output

    before = quick(Overwrites)
    assert "AG303" in before.codes
    declare(Overwrites, ignore={"AG303": "callers know"})
    report = quick(Overwrites)
    assert "AG303" not in report.codes
    assert report.verdict != "verified", str(report)


def test_a_wrong_gradient_that_is_ignored_is_never_verified() -> None:
    function = fresh()
    declare(function, ignore={"AG101": "it is meant so", "AG207": "logged"})
    assert quick(function).verdict == "inconclusive"


@pytest.mark.parametrize("inner", [False, True])
def test_domains_and_names_are_those_of_the_function(inner: bool) -> None:
    class Entropy(Function):
        @staticmethod
        def forward(ctx, p):
            ctx.save_for_backward(p)
            return -(p * p.log()).sum(-1)

        @staticmethod
        def backward(ctx, grad_output):
            (p,) = ctx.saved_tensors
            slope = -p.log()
            return grad_output[..., None] * (slope - slope.mean(-1, keepdim=True))

    declare(Entropy, domain={"p": simplex(-1)})
    p = torch.rand(3, 4, dtype=torch.float64).softmax(-1)
    if inner:
        report = check(lambda q: Entropy.apply(q.softmax(-1)), p.log().requires_grad_())
    else:
        report = check(Entropy, p.requires_grad_())
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


def test_options_of_a_callable_reach_the_functions_inside_that_they_name() -> None:
    function = fresh(Plain)
    declare(function, ignore="AG207")
    report = quick(lambda y: function.apply(y) * 2, keep=("y",), overwrites="grad_output")
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        (Plain, {"levle": "quick"}, r"unknown option 'levle'; .* \(did you mean 'level'\?\)"),
        (Plain, {"level": "slow"}, r"option level: "),
        (Plain, {"ignore": {"AG999": "why"}}, r"option ignore: no rule matches 'AG999'"),
        (Plain, {"select": "AG0X"}, r"option select: no rule matches 'AG0X'"),
        (Plain, {"surrogate": twice, "reference": twice}, r"give one contract"),
        (twice, {"gradgrad": False}, r"name a torch\.autograd\.Function"),
        (torch.nn.Linear, {}, r"name a torch\.autograd\.Function"),
    ],
)
def test_a_wrong_declaration_names_its_place(target: Any, options: Any, said: str) -> None:
    place = rf"declare\({target.__qualname__}\) at test_declared_functions\.py:\d+: "
    with pytest.raises(CheckError, match=place + ".*" + said):
        declare(target, **options)


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("name", ["ctx.saved_tensors", "ctx.saved_tensors[0]"])
def test_what_forward_kept_may_be_declared_overwritten(inner: bool, name: str) -> None:
    class Spends(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(2 * x)
            return x.square()

        @staticmethod
        @once_differentiable
        def backward(ctx, grad_output):
            (slope,) = ctx.saved_tensors
            return slope.mul_(grad_output)

    assert "AG302" in quick(Spends).codes
    if inner:
        report = quick(lambda y: Spends.apply(y) * 2, overwrites=name)
    else:
        declare(Spends, overwrites=name)
        report = quick(Spends)
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize("option", [{"domain": {"y": "spd"}}, {"keep": "y"}, {"overwrites": "y"}])
def test_an_argument_that_there_is_not_is_told_with_the_place(option: dict[str, Any]) -> None:
    function = fresh()
    declare(function, **option)
    (name,) = option
    with pytest.raises(
        CheckError, match=rf"declare\(Doubled\) at .*: {name}: Doubled has no argument 'y'"
    ):
        quick(function)
