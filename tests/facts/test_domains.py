"""Where arguments live: what is declared, what is taken for granted, what was only given so."""

from __future__ import annotations

import pytest
import torch
from corpus import domains, matrix_domains
from corpus._case import Case, normal
from corpus.linear_algebra import SymmetricEigenvalues
from torch import Tensor
from torch.autograd import Function

from pytest_autograd import CheckError, check
from pytest_autograd.domains import integers


class EigenvaluesWrong(SymmetricEigenvalues):
    @staticmethod
    def backward(ctx, grad_output):
        (vectors,) = ctx.saved_tensors
        return vectors.mT @ torch.diag_embed(grad_output) @ vectors


def symmetric(n: int) -> Tensor:
    root = normal(n, n).detach()
    return (root @ root.mT + torch.eye(n, dtype=torch.float64)).requires_grad_()


def test_matrix_taken_for_symmetric_is_judged_as_one() -> None:
    report = check(SymmetricEigenvalues, symmetric(4))
    assert report.verdict == "verified", str(report)
    note = next(finding for finding in report.findings if finding.code == "AG009")
    assert note.message == (
        "matrix is symmetric, and is taken to be: only changes within that set were checked"
    )
    assert "AG101" in check(EigenvaluesWrong, symmetric(4)).codes


class Product(Function):
    """Right for symmetric matrices only."""

    @staticmethod
    def forward(ctx, matrix, x):
        ctx.save_for_backward(matrix, x)
        return matrix @ x

    @staticmethod
    def backward(ctx, grad_output):
        matrix, x = ctx.saved_tensors
        return torch.outer(grad_output, x), matrix @ grad_output


def test_what_a_symmetric_input_may_hide_is_a_warning_with_the_line_to_paste() -> None:
    report = check(Product, symmetric(4), normal(4))
    assert (report.verdict, report.codes) == ("verified", {"AG104"}), str(report)
    (finding,) = [finding for finding in report.findings if finding.code == "AG104"]
    assert finding.severity == "warning"
    assert "(matrix was given as spd)" in finding.message
    assert '"matrix": spd' in finding.fix
    assert check(Product, symmetric(4), normal(4), domain={"matrix": "spd"}).codes == set()


class SymmetricProduct(Product):
    @staticmethod
    def backward(ctx, grad_output):
        matrix, x = ctx.saved_tensors
        outer = torch.outer(grad_output, x)
        return (outer + outer.mT) / 2, matrix @ grad_output


def test_symmetric_answer_for_a_symmetric_matrix_is_right() -> None:
    report = check(SymmetricProduct, symmetric(4), normal(4))
    assert report.verdict == "verified", str(report)
    assert "AG101" in check(SymmetricProduct, normal(4, 4), normal(4)).codes


CASES = {**domains.CASES, **matrix_domains.CASES}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_right_function_with_a_domain_has_no_error_without_a_declaration(case: Case) -> None:
    report = check(case.target, *case.inputs())
    errors = [finding.code for finding in report.findings if finding.severity == "error"]
    assert (report.verdict in ("verified", "inconclusive"), errors) == (True, []), str(report)


@pytest.mark.parametrize(
    ("name", "declaration"),
    [
        ("simplex_cross_entropy", 'domain={"p": simplex(-1)}'),
        ("chord", 'domain={"u": unit_norm(-1), "v": unit_norm(-1)}'),
        ("spectral_power", 'domain={"a": spd}'),
    ],
)
def test_a_gradient_that_is_right_along_the_set_only_is_open_and_names_the_line(
    name: str, declaration: str
) -> None:
    report = check(CASES[name].target, *CASES[name].inputs())
    assert report.verdict == "inconclusive"
    assert report.summary.endswith(
        f"and not off it: if that is where it lives, declare {declaration}"
    )


class Powers(Function):
    """Right but for exponents that callers never pass."""

    @staticmethod
    def forward(ctx, x, exponent, hard=False):
        ctx.save_for_backward(x)
        ctx.exponent, ctx.hard = exponent, hard
        return x.sign() if hard else x**exponent

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * ctx.exponent * x ** (ctx.exponent - 1), None, None


def test_what_is_kept_is_not_varied() -> None:
    loose = check(Powers, normal(3), 2)
    (finding,) = [finding for finding in loose.findings if finding.code == "AG104"]
    assert 'keep=("hard",)' in finding.fix
    assert check(Powers, normal(3), 2, keep=["hard"]).codes == set()


class WrongAtSevenColumns(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos() * (2 if x.shape[1] == 7 else 1)


def test_a_size_that_is_kept_does_not_change() -> None:
    (finding,) = [f for f in check(WrongAtSevenColumns, normal(3, 5)).findings if f.code == "AG105"]
    assert finding.severity == "error"
    assert 'keep=("x.shape[1]",)' in finding.fix
    kept = check(WrongAtSevenColumns, normal(3, 5), keep="x.shape[1]")
    assert kept.codes == set(), str(kept)


def test_a_wrong_gradient_is_told_where_backward_refuses_the_set_that_was_given() -> None:
    given = normal(5).detach().softmax(-1)

    class Refuses(Function):
        @staticmethod
        def forward(ctx, p):
            ctx.save_for_backward(p)
            return p.square().sum()

        @staticmethod
        def backward(ctx, grad_output):
            (p,) = ctx.saved_tensors
            if not torch.equal(p, given) and abs(float(p.sum()) - 1) < 1e-12:
                raise ValueError("not this point of the simplex")
            return 3 * grad_output * p

    report = check(Refuses, given.clone().requires_grad_())
    assert (report.verdict, report.codes) == ("failed", {"AG101"}), str(report)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domain": {"y": "spd"}}, "domain: there is no argument 'y'; the tensors are x"),
        ({"keep": ["y.shape[0]"]}, "keep: there is no argument 'y.shape[0]'; the tensors are x"),
        ({"keep": ["x.shape[7]"]}, "keep: 'x.shape[7]' names no size"),
        (
            {"domain": {"x": "simple(-1)"}},
            "option domain: 'simple(-1)' is unknown; the domains are",
        ),
        ({"domain": {"x": "simplex(1+1)"}}, "option domain: 'simplex(1+1)' cannot be read"),
        ({"domain": {"x": "simplex(0, 1)"}}, "option domain: 'simplex(0, 1)': it takes other"),
        ({"domain": {"x": 3}}, "option domain: x: 3 is no domain"),
        ({"domain": {"x": "interval(1, 0)"}}, "interval(1, 0) is empty"),
        ({"domain": {"x": "simplex(-1)"}}, "x as given is not in its domain simplex(-1)"),
        ({"domain": {"x": "spd"}}, "domain of x: spd does not take it"),
        ({"domain": {"x": "integers"}}, "x as given is not in its domain integers()"),
        ({"domain": {"x": lambda x: x.detach()}}, "autograd sees no gradient through <lambda>"),
    ],
)
def test_bad_declarations_are_refused_in_one_sentence(options, message) -> None:
    with pytest.raises(CheckError) as error:
        check(WrongAtSevenColumns, normal(3, 5), **options)
    assert message in str(error.value)


def test_nothing_moves_in_a_discrete_set() -> None:
    whole = torch.tensor([[1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    with pytest.raises(CheckError, match="nothing to differentiate: the domain of x is discrete"):
        check(WrongAtSevenColumns, whole, domain={"x": integers()})


def test_a_callable_serves_as_a_domain() -> None:
    def even(x: Tensor) -> Tensor:
        return (x + x.flip(-1)) / 2

    x = even(normal(3, 5)).detach().requires_grad_()
    report = check(WrongAtSevenColumns, x, domain={"x": even}, keep="x.shape[1]")
    assert report.verdict == "verified", str(report)
