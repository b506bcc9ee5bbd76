"""Scenario 7: sparsemax, the projection of logits onto the probability simplex, along any dimension."""

import torch
from torch.autograd import Function

from pytest_autograd import Report, autograd_checked, check


class Sparsemax(Function):
    """Saves its output only: the support is where it is positive."""

    @staticmethod
    def forward(ctx, x, dim):
        ctx.dim = dim
        ordered = x.transpose(dim, -1).sort(-1, descending=True).values
        rank = torch.arange(1, x.shape[dim] + 1, dtype=x.dtype, device=x.device)
        excess = ordered.cumsum(-1) - 1
        size = (rank * ordered > excess).sum(-1, keepdim=True)
        threshold = (excess.gather(-1, size - 1) / size).transpose(dim, -1)
        y = (x - threshold).clamp(min=0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        support = (y > 0).to(grad_output.dtype)
        total = (grad_output * support).sum(ctx.dim, keepdim=True)
        return (grad_output - total / support.sum(ctx.dim, keepdim=True)) * support, None


def inputs() -> tuple[torch.Tensor, int]:
    """Return logits, and the dimension."""
    draw = torch.Generator().manual_seed(7)
    return torch.randn(4, 5, 3, dtype=torch.float64, generator=draw, requires_grad=True), 1


@autograd_checked
def test_sparsemax_is_the_nearest_point_of_the_simplex():
    x, dim = inputs()
    y = Sparsemax.apply(x, dim)
    torch.testing.assert_close(y.sum(dim), torch.ones(4, 3, dtype=x.dtype))
    draw = torch.Generator().manual_seed(0)
    others = torch.rand(1000, *x.shape, dtype=x.dtype, generator=draw).softmax(dim + 1)
    assert ((others - x).square().sum(dim + 1) >= (y - x).square().sum(dim)).all()


def reports() -> dict[str, Report]:
    """Check it."""
    return {"sparsemax": check(Sparsemax, *inputs())}


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
