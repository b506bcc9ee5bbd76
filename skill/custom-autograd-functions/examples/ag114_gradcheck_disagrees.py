"""Float32 inside: torch's gradcheck, which steps by 1e-6, rejects a gradient that is right."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x.float()).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        y = torch.tanh(x.float())
        return (grad_output.float() * (1 - y * y)).to(x.dtype)


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        y = torch.tanh(x)
        return grad_output * (1 - y * y)


def inputs():
    draw = torch.Generator().manual_seed(114)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)
