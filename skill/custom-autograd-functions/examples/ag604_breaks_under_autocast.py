"""Under autocast forward's product is bfloat16, and backward, outside it, mixes that with float32."""

import torch
from torch.amp import custom_bwd, custom_fwd
from torch.autograd import Function


class Bad(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x @ x.mT

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output + grad_output.mT) @ x


class Good(Function):
    @staticmethod
    @custom_fwd(device_type="cpu")
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x @ x.mT

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output + grad_output.mT) @ x


def inputs():
    draw = torch.Generator().manual_seed(604)
    return (torch.randn(4, 3, generator=draw, requires_grad=True),)


options = {"autocast": True}
