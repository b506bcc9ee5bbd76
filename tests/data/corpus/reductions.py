"""Right Functions that reduce or scan a dimension."""

import torch
from corpus._case import Case, normal, positive
from torch.autograd import Function


class SumAll(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return x.sum()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.expand(ctx.shape)


class MeanOfDim(Function):
    @staticmethod
    def forward(ctx, x, dim):
        ctx.dim, ctx.shape = dim, x.shape
        return x.mean(dim)

    @staticmethod
    def backward(ctx, grad_output):
        spread = grad_output.unsqueeze(ctx.dim).expand(ctx.shape)
        return spread / ctx.shape[ctx.dim], None


class Norm(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.square().sum(dim=-1).sqrt()
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        safe = torch.where(y > 0, y, 1)
        return (grad_output / safe).unsqueeze(-1) * x


class LogSumExp(Function):
    @staticmethod
    def forward(ctx, x):
        top = x.amax(dim=1, keepdim=True)
        y = (x - top).exp().sum(dim=1).log() + top.squeeze(1)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output.unsqueeze(1) * (x - y.unsqueeze(1)).exp()


class Softmax(Function):
    @staticmethod
    def forward(ctx, x, dim=-1):
        weights = (x - x.amax(dim, keepdim=True)).exp()
        y = weights / weights.sum(dim, keepdim=True)
        ctx.dim = dim
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        weighted = grad_output * y
        return weighted - y * weighted.sum(ctx.dim, keepdim=True), None


class LogSoftmax(Function):
    @staticmethod
    def forward(ctx, x):
        y = x - x.logsumexp(dim=1, keepdim=True)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output - y.exp() * grad_output.sum(dim=1, keepdim=True)


class CumSum(Function):
    @staticmethod
    def forward(ctx, x, dim):
        ctx.dim = dim
        return x.cumsum(dim)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.flip(ctx.dim).cumsum(ctx.dim).flip(ctx.dim), None


class CumProd(Function):
    """For positive entries only, and says so."""

    @staticmethod
    def forward(ctx, x):
        if bool((x <= 0).any()):
            raise ValueError("entries must be positive")
        y = x.cumprod(dim=-1)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return (grad_output * y).flip(-1).cumsum(-1).flip(-1) / x


class Variance(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.var(dim=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 2 * (x - x.mean(dim=0)) / (x.shape[0] - 1)


class Product(Function):
    """Multiplies the entries before and behind each one, so that zeros do no harm."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.prod()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        one = x.new_ones(1)
        before = torch.cat([one, x])[:-1].cumprod(0)
        behind = torch.cat([one, x.flip(0)])[:-1].cumprod(0).flip(0)
        return grad_output * before * behind


class MaxWithIndices(Function):
    @staticmethod
    def forward(ctx, x):
        values, indices = x.max(dim=1, keepdim=True)
        ctx.mark_non_differentiable(indices)
        ctx.save_for_backward(indices)
        ctx.width = x.shape[1]
        return values, indices

    @staticmethod
    def backward(ctx, grad_values, _grad_indices):
        (indices,) = ctx.saved_tensors
        grad = grad_values.new_zeros(grad_values.shape[0], ctx.width)
        return grad.scatter_add(1, indices, grad_values)


class LinearRecurrence(Function):
    """``h[t] = a[t] * h[t - 1] + x[t]``, unrolled in Python both ways."""

    @staticmethod
    def forward(ctx, a, x):
        state, states = torch.zeros_like(x[0]), []
        for decay, step in zip(a, x, strict=True):
            state = decay * state + step
            states.append(state)
        h = torch.stack(states)
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx, grad_output):
        a, h = ctx.saved_tensors
        before = torch.cat([torch.zeros_like(h[:1]), h[:-1]])
        running, grads = torch.zeros_like(grad_output[0]), []
        for t in reversed(range(len(a))):
            running = grad_output[t] + running
            grads.append(running)
            running = running * a[t]
        grad_x = torch.stack(grads[::-1])
        return grad_x * before, grad_x


CASES = {
    "sum_all": Case(SumAll, lambda: (normal(3, 4),)),
    "mean_of_dim": Case(MeanOfDim, lambda: (normal(3, 4), 0)),
    "norm": Case(Norm, lambda: (normal(3, 4),)),
    "logsumexp": Case(LogSumExp, lambda: (normal(3, 4),)),
    "softmax": Case(Softmax, lambda: (normal(3, 4),)),
    "softmax_other_dim": Case(Softmax, lambda: (normal(3, 4), 0)),
    "log_softmax": Case(LogSoftmax, lambda: (normal(3, 4),)),
    "cumsum": Case(CumSum, lambda: (normal(3, 4), 0)),
    "cumprod": Case(CumProd, lambda: (positive(3, 4),)),
    "variance": Case(Variance, lambda: (normal(4, 3),)),
    "product": Case(Product, lambda: (positive(5),)),
    "max_with_indices": Case(MaxWithIndices, lambda: (normal(3, 4),)),
    "linear_recurrence": Case(LinearRecurrence, lambda: (positive(4, 3), normal(4, 3, seed=1))),
}
