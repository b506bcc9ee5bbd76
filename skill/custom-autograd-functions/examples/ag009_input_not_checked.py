"""The scale does not require grad here, so its missing gradient goes unnoticed."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        (scale,) = ctx.saved_tensors
        return grad_output * scale, None


class Good(Function):
    """Has both gradients. The rest of the mend is in the inputs: let the scale require grad."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x, scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        return grad_output * scale, (grad_output * x).sum(dim=0)


def inputs():
    draw = torch.Generator().manual_seed(9)
    x = torch.randn(3, 4, dtype=torch.float64, generator=draw, requires_grad=True)
    scale = torch.randn(4, dtype=torch.float64, generator=draw)
    return x, scale
