"""Scenario 8: the mean of the rows of each segment (scatter-mean).

A row that occurs alone hides a missing division, and a segment without rows divides by zero: the
inputs have repeated, single and empty segments.
"""

import torch
from torch.autograd import Function
from torch.nn import functional

from pytest_autograd import Report, autograd_checked, check


class ScatterMean(Function):
    """Right: keeps the index and the counts."""

    @staticmethod
    def forward(ctx, x, index, size):
        count = torch.bincount(index, minlength=size).clamp(min=1)
        ctx.save_for_backward(index, count)
        total = x.new_zeros(size, *x.shape[1:]).index_add(0, index, x)
        return total / _as_column(count, x)

    @staticmethod
    def backward(ctx, grad_output):
        index, count = ctx.saved_tensors
        return (grad_output / _as_column(count, grad_output))[index], None, None


class ScatterMeanUndivided(ScatterMean):
    """Faulty: the gradient of the sum."""

    @staticmethod
    def backward(ctx, grad_output):
        index, _ = ctx.saved_tensors
        return grad_output[index], None, None


def _as_column(count, like):
    return count.to(like.dtype).view(-1, *[1] * (like.ndim - 1))


def inputs() -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return rows, the segment of each, and the number of segments."""
    draw = torch.Generator().manual_seed(8)
    x = torch.randn(6, 3, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, torch.tensor([0, 2, 2, 4, 0, 2]), 5


@autograd_checked
def test_scatter_mean_is_an_average_by_a_matrix():
    x, index, size = inputs()
    member = functional.one_hot(index, size).mT.to(x.dtype)
    expected = member @ x / member.sum(1, keepdim=True).clamp(min=1)
    torch.testing.assert_close(ScatterMean.apply(x, index, size), expected)


def reports() -> dict[str, Report]:
    """Check both."""
    return {
        "not divided": check(ScatterMeanUndivided, *inputs()),
        "divided": check(ScatterMean, *inputs()),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
