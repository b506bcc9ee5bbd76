"""Scenario 11: a linear layer and cross entropy in one, by chunks of rows, so that no logits are kept.

The loss is one number, so forward computes its gradients at once and backward only scales them.
``IgnoresGradOutput`` forgets even that, which is right only as long as nothing scales the loss.
"""

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from pytest_autograd import Report, autograd_checked, check


class LinearCrossEntropy(Function):
    """Right: keeps the two gradients and none of the logits."""

    @staticmethod
    def forward(ctx, hidden, weight, target, rows):
        need_hidden, need_weight, _, _ = ctx.needs_input_grad
        grad_hidden = torch.empty_like(hidden) if need_hidden else None
        grad_weight = torch.zeros_like(weight) if need_weight else None
        loss, n = hidden.new_zeros(()), max(len(hidden), 1)
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            logits = hidden[part] @ weight.mT
            chosen = target[part].unsqueeze(-1)
            loss += (logits.logsumexp(-1) - logits.gather(-1, chosen).squeeze(-1)).sum() / n
            slope = logits.softmax(-1) / n
            slope.scatter_add_(-1, chosen, slope.new_full(chosen.shape, -1 / n))
            if need_hidden:
                grad_hidden[part] = slope @ weight
            if need_weight:
                grad_weight += slope.mT @ hidden[part]
        ctx.save_for_backward(grad_hidden, grad_weight)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        scaled = [None if grad is None else grad_output * grad for grad in ctx.saved_tensors]
        return *scaled, None, None


class IgnoresGradOutput(LinearCrossEntropy):
    """Faulty: the loss may be scaled, averaged or added to another."""

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return *ctx.saved_tensors, None, None


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
    """Return hidden states, the weight, classes and the rows of a chunk; the last chunk is smaller."""
    draw = torch.Generator().manual_seed(11)
    hidden = torch.randn(5, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    weight = torch.randn(7, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    return hidden, weight, torch.tensor([1, 0, 6, 3, 3]), 2


@autograd_checked
def test_linear_cross_entropy_is_that_of_torch():
    hidden, weight, target, rows = inputs()
    expected = functional.cross_entropy(hidden @ weight.mT, target)
    torch.testing.assert_close(LinearCrossEntropy.apply(hidden, weight, target, rows), expected)


def reports() -> dict[str, Report]:
    """Check both."""
    return {
        "not scaled": check(IgnoresGradOutput, *inputs()),
        "scaled": check(LinearCrossEntropy, *inputs()),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
