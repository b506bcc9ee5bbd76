"""A float64 window makes the gradient of a float32 input float64; the engine casts it back."""

import torch
from torch.autograd import Function


def window(length):
    return torch.hann_window(length, periodic=False, dtype=torch.float64) + 0.1


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        return (x * window(len(x))).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * window(len(grad_output))


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        return (x * window(len(x))).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        return (grad_output * window(len(grad_output))).to(grad_output.dtype)


def inputs():
    draw = torch.Generator().manual_seed(402)
    return (torch.randn(5, generator=draw, requires_grad=True),)
