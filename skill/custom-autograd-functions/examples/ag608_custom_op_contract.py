"""The fake implementation says that a row sum keeps its dimension; the real one drops it."""

import torch
from torch import Tensor
from torch.library import custom_op


def setup_context(ctx, inputs, output):
    (x,) = inputs
    ctx.save_for_backward(x)


def backward(ctx, grad_output):
    (x,) = ctx.saved_tensors
    return grad_output.unsqueeze(1) * 2 * x


@custom_op("ag608_bad::row_energy", mutates_args=())
def Bad(x: Tensor) -> Tensor:
    return x.square().sum(1)


@Bad.register_fake
def _(x):
    return x.new_empty(x.shape[0], 1)


Bad.register_autograd(backward, setup_context=setup_context)


@custom_op("ag608_good::row_energy", mutates_args=())
def Good(x: Tensor) -> Tensor:
    return x.square().sum(1)


@Good.register_fake
def _(x):
    return x.new_empty(x.shape[0])


Good.register_autograd(backward, setup_context=setup_context)


def inputs():
    draw = torch.Generator().manual_seed(608)
    return (torch.randn(4, 3, dtype=torch.float64, generator=draw, requires_grad=True),)
