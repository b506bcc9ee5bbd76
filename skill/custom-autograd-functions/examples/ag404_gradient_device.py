"""The gradient of the weight is made on a fixed device; "meta" stands for any that is not the input's."""

import torch
from torch.autograd import Function

DEVICE = torch.device("meta")


class Bad(Function):
    @staticmethod
    def forward(ctx, x, index):
        ctx.size = x.shape
        ctx.save_for_backward(index)
        return x[index]

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        grad = torch.zeros(ctx.size, dtype=grad_output.dtype, device=DEVICE)
        return grad.index_add(0, index.to(DEVICE), grad_output.to(DEVICE)), None


class Good(Function):
    @staticmethod
    def forward(ctx, x, index):
        ctx.size = x.shape
        ctx.save_for_backward(index)
        return x[index]

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        return grad_output.new_zeros(ctx.size).index_add(0, index, grad_output), None


def inputs():
    draw = torch.Generator().manual_seed(404)
    x = torch.randn(5, generator=draw, dtype=torch.float64, requires_grad=True)
    return x, torch.tensor([4, 0, 0, 2])
