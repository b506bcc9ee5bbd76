"""The sample sits on a kink: at 0 this function has no derivative that a check could confirm."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x > 0)


class Good(Function):
    """Smooth at 0. Where the kink is wanted, mend the sample instead: keep it off the kink."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.log1p(x.exp())

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.sigmoid(x)


def inputs():
    draw = torch.Generator().manual_seed(111)
    x = torch.randn(5, dtype=torch.float64, generator=draw)
    x[2] = 0.0
    return (x.requires_grad_(),)
