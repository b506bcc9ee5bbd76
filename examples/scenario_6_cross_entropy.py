"""Scenario 6: cross entropy that ignores some rows.

The mean is over the rows that count; without one the loss is 0. ``DividesByAllRows`` is right as long
as no row is ignored, which is what a test without an ignored row would see.
"""

import torch
from torch.autograd import Function
from torch.nn import functional

from pytest_autograd import Report, autograd_checked, check


class CrossEntropy(Function):
    """Right: keeps the logits, not the softmax."""

    @staticmethod
    def forward(ctx, logits, target, ignore_index):
        counts = target != ignore_index
        share = counts.to(logits.dtype) / counts.sum().clamp(min=1)
        chosen = target.where(counts, 0).unsqueeze(-1)
        ctx.save_for_backward(logits, chosen, share)
        losses = logits.logsumexp(-1) - logits.gather(-1, chosen).squeeze(-1)
        return (losses * share).sum()

    @staticmethod
    def backward(ctx, grad_output):
        logits, chosen, share = ctx.saved_tensors
        share = (share * grad_output).unsqueeze(-1)
        return (logits.softmax(-1) * share).scatter_add(-1, chosen, -share), None, None


class DividesByAllRows(CrossEntropy):
    """Faulty: the mean of forward is over the rows that count, that of backward over all."""

    @staticmethod
    def backward(ctx, grad_output):
        logits, chosen, share = ctx.saved_tensors
        share = ((share > 0) * grad_output / len(logits)).unsqueeze(-1)
        return (logits.softmax(-1) * share).scatter_add(-1, chosen, -share), None, None


def inputs(ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return logits, classes, some of them to be ignored, and the mark of these."""
    draw = torch.Generator().manual_seed(6)
    logits = torch.randn(5, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    return logits, torch.tensor([1, -100, 3, 0, -100] if ignored else [1, 2, 3, 0, 0]), -100


@autograd_checked
def test_cross_entropy_is_that_of_torch():
    logits, target, ignore_index = inputs()
    expected = functional.cross_entropy(logits, target, ignore_index=ignore_index)
    torch.testing.assert_close(CrossEntropy.apply(logits, target, ignore_index), expected)


def reports() -> dict[str, Report]:
    """Check both, the faulty one also where no row is ignored."""
    return {
        "divides by all rows, none ignored": check(DividesByAllRows, *inputs(ignored=False)),
        "divides by all rows": check(DividesByAllRows, *inputs()),
        "divides by the rows that count": check(CrossEntropy, *inputs()),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
