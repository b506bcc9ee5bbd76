"""Sizes that may be tied, and outputs that follow them."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch.autograd import Function

from pytest_autograd import check
from pytest_autograd.call.size_relations import outputs_follow, tied_sizes


@pytest.mark.parametrize(
    ("size", "sizes", "tied"),
    [(4, [3, 4, 5, 8, 7], [3, 5, 8]), (2, [2, 6, 8, 9], [6, 8]), (5, [5, 9, 11], [])],
)
def test_sizes_one_apart_or_a_multiple_may_be_tied(size, sizes, tied) -> None:
    assert [other for other, _ in tied_sizes(size, sizes)] == tied
    assert all(tie(size) == other for other, tie in tied_sizes(size, sizes))


@pytest.mark.parametrize(
    ("old", "new", "given", "there", "follow"),
    [
        (4, 7, [(4, 3)], [(7, 3)], True),
        (4, 7, [(3, 5)], [(3, 8)], True),  # one more
        (4, 7, [(3, 2)], [(3, 3)], True),  # half of it
        (4, 3, [(2, 4)], [(2, 4)], False),  # unequal halves were broadcast
        (4, 3, [(2,)], [(2, 1)], False),
        (4, 3, [(2,), ()], [(2,)], False),
    ],
)
def test_outputs_follow_a_size(old, new, given, there, follow) -> None:
    assert outputs_follow(old, new, given, there) is follow


class EdgesFromCells(Function):
    """Values on edges from those in cells, of which there is one less; cells are looked up by their number."""

    @staticmethod
    def forward(ctx, edges, cells):
        ctx.cells = len(cells)
        total = edges.clone()
        total[: len(cells)] += cells[: len(edges)].cumsum(0)[: len(total)]
        return total

    @staticmethod
    def backward(ctx, grad_output):
        inner = grad_output[: ctx.cells]
        return grad_output, inner.flip(0).cumsum(0).flip(0)


def test_sizes_that_are_tied_change_together() -> None:
    report = check(EdgesFromCells, normal(4), normal(3))
    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert (report.verdict, errors) == ("verified", []), str(report)


class EdgesWrongFromSix(EdgesFromCells):
    @staticmethod
    def backward(ctx, grad_output):
        inner = grad_output[: ctx.cells]
        if ctx.cells >= 6:
            inner = inner * 2
        return grad_output, inner.flip(0).cumsum(0).flip(0)


def test_a_fault_at_sizes_that_keep_the_tie_is_an_error() -> None:
    report = check(EdgesWrongFromSix, normal(4), normal(3))
    found = {f.severity: f.message for f in report.findings if f.code == "AG105"}
    assert "with size 6 in place of 3 and 7 in place of 4" in found["error"], str(report)


class RotatesPairs(Function):
    """Takes halves of the last axis, which has an even number of columns."""

    @staticmethod
    def forward(ctx, x):
        a, b = x.chunk(2, -1)
        return (a * 2 - b.sum(-1, keepdim=True) * 3).clone()

    @staticmethod
    def backward(ctx, grad_output):
        second = -3 * grad_output.sum(-1, keepdim=True).expand_as(grad_output)
        return torch.cat([2 * grad_output, second], -1)


def test_halves_have_no_meaning_at_odd_sizes() -> None:
    report = check(RotatesPairs, normal(3, 8))
    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert errors == [], str(report)
