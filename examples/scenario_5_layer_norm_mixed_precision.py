"""Scenario 5: one layer norm for inputs in bfloat16 and parameters in float32.

Statistics and sums are computed in float32 at least, each gradient comes back in the dtype of its own
argument, and only the input and the weight are kept.
"""

import torch
from torch.autograd import Function
from torch.nn import functional

from pytest_autograd import Report, autograd_checked, check


class LayerNorm(Function):
    """Normalises the last dimension; saves inputs only, so that it can be differentiated again."""

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        ctx.eps = eps
        ctx.save_for_backward(x, weight)
        xhat, _ = _normalised(x, eps)
        return (xhat * weight + bias).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        xhat, r = _normalised(x, ctx.eps)
        g = grad_output.to(xhat.dtype)
        gh = g * weight
        along = xhat * (gh * xhat).mean(-1, keepdim=True)
        grad_x = r * (gh - gh.mean(-1, keepdim=True) - along)
        grad_weight = (g * xhat).sum_to_size(weight.shape)
        grad_bias = g.sum_to_size(weight.shape)
        return grad_x.to(x.dtype), grad_weight.to(weight.dtype), grad_bias.to(weight.dtype), None


def _normalised(x, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    centred = wide - wide.mean(-1, keepdim=True)
    r = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
    return centred * r, r


def inputs(
    dtype: torch.dtype = torch.float64, parameters: torch.dtype = torch.float64
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]:
    """Return a batch, weight, bias and eps."""
    draw = torch.Generator().manual_seed(5)
    x = torch.randn(4, 6, dtype=torch.float64, generator=draw).to(dtype)
    weight, bias = torch.randn(2, 6, dtype=torch.float64, generator=draw).to(parameters)
    return x.requires_grad_(), weight.clone().requires_grad_(), bias.clone().requires_grad_(), 1e-5


@autograd_checked
def test_layer_norm_is_that_of_torch():
    x, weight, bias, eps = inputs()
    expected = functional.layer_norm(x, (6,), weight, bias, eps)
    torch.testing.assert_close(LayerNorm.apply(x, weight, bias, eps), expected)


def reports() -> dict[str, Report]:
    """Check it in float64, and as it is used."""
    return {
        "float64": check(LayerNorm, *inputs()),
        "bfloat16, parameters in float32": check(LayerNorm, *inputs(torch.bfloat16, torch.float32)),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
