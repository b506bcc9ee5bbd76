"""Backward adds up the bias gradient row by row; in bfloat16 the sum stops growing at 256."""

import torch
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x, bias):
        return x + bias

    @staticmethod
    def backward(ctx, grad_output):
        grad_bias = grad_output.new_zeros(grad_output.shape[1:])
        for row in grad_output:
            grad_bias = grad_bias + row
        return grad_output, grad_bias


class Good(Function):
    @staticmethod
    def forward(ctx, x, bias):
        return x + bias

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output.sum(0)


def inputs():
    draw = torch.Generator().manual_seed(108)
    x = torch.randn(5, 3, dtype=torch.float64, generator=draw, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, bias
