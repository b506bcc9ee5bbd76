"""Forward leaves the mask in a table by the identity of its input; a copy of the input is not in the table."""

import torch
from torch.autograd import Function
from torch.utils.weak import WeakTensorKeyDictionary

masks = WeakTensorKeyDictionary()


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        mask = x > 0
        masks[x] = mask
        ctx.save_for_backward(x)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * masks[x]


class Good(Function):
    @staticmethod
    def forward(ctx, x):
        mask = x > 0
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output * mask


def inputs():
    draw = torch.Generator().manual_seed(609)
    return (torch.randn(5, dtype=torch.float64, generator=draw, requires_grad=True),)


options = {"level": "full"}
