"""Writes in place on purpose: one note each with its consequence, and all else judged as ever."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from corpus._case import normal
from torch.autograd import Function

from pytest_autograd import CheckError, Report, check

TARGET = torch.tensor([0, 2, 1, 4])


class LossInItsLogits(Function):
    """Keeps its gradient where the logits were."""

    @staticmethod
    def forward(ctx, logits, target):
        share = logits.detach().softmax(-1)
        loss = -share.gather(-1, target[:, None]).log().mean()
        share.scatter_add_(-1, target[:, None], torch.full_like(share[:, :1], -1.0))
        with torch.no_grad():
            logits.copy_(share / len(target))
        ctx.save_for_backward(logits.detach())
        return loss

    @staticmethod
    def backward(ctx, grad_output):
        (kept,) = ctx.saved_tensors
        return kept.mul_(grad_output), None


class DoubledInItsLogits(LossInItsLogits):
    @staticmethod
    def backward(ctx, grad_output):
        (kept,) = ctx.saved_tensors
        return kept.mul_(2 * grad_output), None


class MaskOnTheWay(Function):
    @staticmethod
    def forward(ctx, x):
        mask = x > 0
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output.mul_(mask)


class DoubledOnTheWay(MaskOnTheWay):
    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output.mul_(mask).mul_(2)


class TwoSums(Function):
    """Overwrites the second of two cotangents."""

    @staticmethod
    def forward(ctx, x, y):
        return x + y, x - y

    @staticmethod
    def backward(ctx, of_sum, of_difference):
        whole = of_sum + of_difference
        return whole, of_difference.neg_().add_(of_sum)


def severities(report: Report, *codes: str) -> list[tuple[str, str]]:
    return [(f.code, f.severity) for f in report.findings if f.code in codes]


WRITES = ("AG301", "AG302", "AG303")


@pytest.mark.parametrize(
    ("target", "inputs", "overwrites", "code", "text"),
    [
        (
            LossInItsLogits,
            (normal(4, 5), TARGET),
            ["logits"],
            "AG303",
            "forward changes logits in place, as declared: whoever else uses logits finds other values afterwards",
        ),
        (
            MaskOnTheWay,
            (normal(6),),
            "grad_output",
            "AG301",
            "backward changes grad_output in place, as declared: whoever else uses grad_output finds",
        ),
        (
            TwoSums,
            (normal(3), normal(3, seed=1)),
            ["grad_output[1]"],
            "AG301",
            "backward changes grad_output[1] in place, as declared",
        ),
    ],
)
def test_a_declared_write_is_one_note_with_its_number(
    target: Any, inputs: tuple, overwrites: Any, code: str, text: str
) -> None:
    report = check(target, *inputs, overwrites=overwrites, gradgrad=False)
    assert report.verdict == "verified", str(report)
    assert severities(report, *WRITES) == [(code, "note")], str(report)
    (note,) = [finding for finding in report.findings if finding.code == code]
    assert note.message.startswith(text)
    assert "of their size" in note.message


@pytest.mark.parametrize(
    ("target", "inputs"),
    [(LossInItsLogits, (normal(4, 5), TARGET)), (MaskOnTheWay, (normal(6),))],
)
def test_an_undeclared_write_is_one_error(target: Any, inputs: tuple) -> None:
    report = check(target, *inputs, gradgrad=False)
    assert [severity for _, severity in severities(report, *WRITES)] == ["error"], str(report)
    assert [f.code for f in report.findings if f.severity == "error"] == [
        code for code, _ in severities(report, *WRITES)
    ]


@pytest.mark.parametrize(
    ("target", "inputs", "overwrites"),
    [
        (DoubledInItsLogits, (normal(4, 5), TARGET), "logits"),
        (DoubledOnTheWay, (normal(6),), "grad_output"),
    ],
)
def test_a_wrong_gradient_beside_a_declared_write_is_told(
    target: Any, inputs: tuple, overwrites: str
) -> None:
    report = check(target, *inputs, overwrites=overwrites, gradgrad=False)
    assert [f.code for f in report.findings if f.severity == "error"] == ["AG101"], str(report)


def test_another_write_than_the_declared_one_is_an_error() -> None:
    report = check(TwoSums, normal(3), normal(3, seed=1), overwrites="grad_output[0]")
    assert ("AG301", "error") in severities(report, "AG301")


def test_a_name_that_is_no_argument_is_refused() -> None:
    with pytest.raises(CheckError, match=r"overwrites: there is no argument 'logit'; the tensors"):
        check(LossInItsLogits, normal(4, 5), TARGET, overwrites=["logit"])
