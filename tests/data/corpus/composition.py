"""Right combinations: Functions in Functions, modules and callables; recomputation; randomness."""

import torch
from corpus._case import Case, normal, positive
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class SigmoidSlope(Function):
    """The derivative of the logistic function, with its own derivative by hand."""

    @staticmethod
    def forward(ctx, x, grad):
        ctx.save_for_backward(x, grad)
        s = torch.sigmoid(x)
        return grad * s * (1 - s)

    @staticmethod
    def backward(ctx, grad_output):
        x, grad = ctx.saved_tensors
        s = torch.sigmoid(x)
        slope = s * (1 - s)
        return grad_output * grad * slope * (1 - 2 * s), grad_output * slope


class SigmoidByTwo(Function):
    """Its backward is another Function, as where both are kernels."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return SigmoidSlope.apply(x, grad_output)


class CallsAnother(Function):
    """Calls one Function in forward and a second one in backward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 2 * SigmoidByTwo.apply(x) - 1

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return SigmoidSlope.apply(x, 2 * grad_output)


def block(x, weight):
    """Return what the checkpoints below recompute."""
    return torch.tanh(x @ weight).square()


class Checkpoint(Function):
    """Recomputes its block in backward; differentiable once."""

    @staticmethod
    def forward(ctx, run, *tensors):
        ctx.run = run
        ctx.save_for_backward(*tensors)
        return run(*tensors)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        needed = ctx.needs_input_grad[1:]
        copies = [
            tensor.detach().requires_grad_(need)
            for tensor, need in zip(ctx.saved_tensors, needed, strict=True)
        ]
        with torch.enable_grad():
            output = ctx.run(*copies)
        wanted = [copy for copy in copies if copy.requires_grad]
        grads = iter(torch.autograd.grad(output, wanted, grad_output))
        return None, *(next(grads) if need else None for need in needed)


class CheckpointTwice(Function):
    """Recomputes with history where the caller wants to differentiate again."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return block(x, weight)

    @staticmethod
    def backward(ctx, grad_output):
        again = torch.is_grad_enabled()
        needed = ctx.needs_input_grad
        wanted = [t for t, need in zip(ctx.saved_tensors, needed, strict=True) if need]
        with torch.enable_grad():
            output = block(*ctx.saved_tensors)
        grads = iter(torch.autograd.grad(output, wanted, grad_output, create_graph=again))
        return tuple(next(grads) if need else None for need in needed)


class FixedPoint(Function):
    """Solves ``z = tanh(w z + x)``; its gradient is that of the implicit function."""

    @staticmethod
    def forward(ctx, x, w):
        z = torch.zeros_like(x)
        for _ in range(200):
            z = torch.tanh(w * z + x)
        ctx.save_for_backward(w, z)
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        w, z = ctx.saved_tensors
        slope = 1 - z * z
        adjoint = grad_output * slope / (1 - slope * w)
        return adjoint, (adjoint * z).sum()


class SeededDropout(Function):
    @staticmethod
    def forward(ctx, x, p, seed):
        draw = torch.Generator().manual_seed(seed)
        mask = (torch.rand(x.shape, generator=draw) >= p).to(x.dtype) / (1 - p)
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output * mask, None, None


class Dropout(Function):
    """Draws from the global generator, and keeps the mask for backward."""

    @staticmethod
    def forward(ctx, x, p):
        mask = (torch.rand_like(x) >= p).to(x.dtype) / (1 - p)
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output * mask, None


class Product(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y, grad_output * x


class GatedUnit(nn.Module):
    """A module with parameters of its own around Functions."""

    def __init__(self):
        super().__init__()
        draw = torch.Generator().manual_seed(5)
        weight = torch.randn(4, 3, dtype=torch.float64, generator=draw)
        self.weight = nn.Parameter(weight)
        self.gain = nn.Parameter(torch.ones(3, dtype=torch.float64))

    def forward(self, x):
        hidden = x @ self.weight
        return Product.apply(SigmoidByTwo.apply(hidden), hidden) * self.gain


def squared(x):
    """Give one tensor to both arguments."""
    return Product.apply(x, x)


def twice(x):
    """Call one Function on two different tensors before any backward."""
    return SigmoidByTwo.apply(x) + SigmoidByTwo.apply(x.square() + 1)


CASES = {
    "backward_is_a_function": Case(SigmoidByTwo, lambda: (normal(3, 4),)),
    "calls_another": Case(CallsAnother, lambda: (normal(3, 4),)),
    "checkpoint": Case(Checkpoint, lambda: (block, normal(3, 4), normal(4, 2, seed=1))),
    "checkpoint_of_frozen_weight": Case(
        Checkpoint, lambda: (block, normal(3, 4), normal(4, 2, seed=1).detach())
    ),
    "checkpoint_twice": Case(CheckpointTwice, lambda: (normal(3, 4), normal(4, 2, seed=1))),
    "fixed_point": Case(
        FixedPoint,
        lambda: (normal(4), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)),
        {"ignore": ["AG104"]},  # the iteration converges for |w| < 1 only
    ),
    "seeded_dropout": Case(SeededDropout, lambda: (normal(3, 4), 0.4, 7)),
    "dropout_with_saved_mask": Case(Dropout, lambda: (normal(3, 4), 0.4)),
    "module_with_parameters": Case(GatedUnit(), lambda: (normal(2, 4),)),
    "same_tensor_twice": Case(squared, lambda: (normal(3, 4),)),
    "called_twice": Case(twice, lambda: (normal(3, 4),)),
    "lambda_around_apply": Case(lambda x: Product.apply(x, 2 * x).sum(), lambda: (normal(5),)),
    "plain_torch": Case(
        lambda x, beta: x * torch.sigmoid(beta * x), lambda: (normal(3, 4), positive(seed=1))
    ),
    "plain_module": Case(nn.Linear(4, 3).double(), lambda: (normal(2, 4),)),
}
