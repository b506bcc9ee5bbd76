"""Right loss Functions: a scalar output, so that ``grad_output`` is one number."""

import torch
from corpus._case import Case, normal
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class MeanSquaredError(Function):
    @staticmethod
    def forward(ctx, prediction, target):
        ctx.save_for_backward(prediction, target)
        return (prediction - target).square().mean()

    @staticmethod
    def backward(ctx, grad_output):
        prediction, target = ctx.saved_tensors
        grad = grad_output * 2 * (prediction - target) / prediction.numel()
        return grad, -grad


class Huber(Function):
    @staticmethod
    def forward(ctx, x, delta):
        ctx.save_for_backward(x)
        ctx.delta = delta
        size = x.abs()
        return torch.where(size < delta, 0.5 * x * x, delta * (size - 0.5 * delta)).sum()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.clamp(-ctx.delta, ctx.delta), None


class CrossEntropy(Function):
    """Mean over the targets that are not to be ignored; twice differentiable."""

    @staticmethod
    def forward(ctx, logits, target, ignore_index):
        keep = target != ignore_index
        ctx.save_for_backward(logits, target, keep)
        log_p = logits.log_softmax(dim=1)
        picked = log_p.gather(1, target.clamp(min=0).unsqueeze(1)).squeeze(1)
        return -(picked * keep).sum() / keep.sum()

    @staticmethod
    def backward(ctx, grad_output):
        logits, target, keep = ctx.saved_tensors
        hot = torch.nn.functional.one_hot(target.clamp(min=0), logits.shape[1])
        grad = (logits.softmax(dim=1) - hot) * keep.unsqueeze(1) / keep.sum()
        return grad_output * grad, None, None


class FusedCrossEntropy(Function):
    """Computes the gradient already in forward, as fused kernels do: right, once."""

    @staticmethod
    def forward(ctx, logits, target):
        p = logits.softmax(dim=1)
        rows = torch.arange(len(target))
        loss = -p[rows, target].log().mean()
        p[rows, target] -= 1
        ctx.save_for_backward(p / len(target))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (grad,) = ctx.saved_tensors
        return grad_output * grad, None


class BinaryCrossEntropyWithLogits(Function):
    @staticmethod
    def forward(ctx, x, target):
        ctx.save_for_backward(x, target)
        return (x.clamp(min=0) - x * target + torch.log1p(torch.exp(-x.abs()))).mean()

    @staticmethod
    def backward(ctx, grad_output):
        x, target = ctx.saved_tensors
        grad_x = grad_output * (torch.sigmoid(x) - target) / x.numel()
        grad_target = -grad_output * x / x.numel() if ctx.needs_input_grad[1] else None
        return grad_x, grad_target


class KullbackLeibler(Function):
    @staticmethod
    def forward(ctx, log_q, log_p):
        ctx.save_for_backward(log_q, log_p)
        return (log_p.exp() * (log_p - log_q)).sum()

    @staticmethod
    def backward(ctx, grad_output):
        log_q, log_p = ctx.saved_tensors
        p = log_p.exp()
        return -grad_output * p, grad_output * p * (log_p - log_q + 1)


class Hinge(Function):
    @staticmethod
    def forward(ctx, score, label):
        margin = 1 - label * score
        ctx.save_for_backward(label, margin > 0)
        return margin.clamp(min=0).sum()

    @staticmethod
    def backward(ctx, grad_output):
        label, active = ctx.saved_tensors
        return -grad_output * label * active, None


class UncertaintyWeighted(Function):
    """Several losses weighted by learnt uncertainties; returns the total and a detached log."""

    @staticmethod
    def forward(ctx, losses, log_variance):
        ctx.save_for_backward(losses, log_variance)
        weights = torch.exp(-log_variance)
        total = (weights * losses + log_variance).sum()
        ctx.mark_non_differentiable(weights)
        return total, weights

    @staticmethod
    def backward(ctx, grad_total, _grad_weights):
        losses, log_variance = ctx.saved_tensors
        weights = torch.exp(-log_variance)
        return grad_total * weights, grad_total * (1 - weights * losses)


def labels() -> torch.Tensor:
    """Return class targets, one of them ignored."""
    return torch.tensor([2, 0, -100, 1])


CASES = {
    "mean_squared_error": Case(MeanSquaredError, lambda: (normal(3, 4), normal(3, 4, seed=1))),
    "huber": Case(Huber, lambda: (normal(3, 4), 0.8)),
    "cross_entropy_ignore_index": Case(CrossEntropy, lambda: (normal(4, 3), labels(), -100)),
    "fused_cross_entropy": Case(FusedCrossEntropy, lambda: (normal(4, 3), labels().clamp(min=0))),
    "binary_cross_entropy": Case(
        BinaryCrossEntropyWithLogits,
        lambda: (normal(6), torch.tensor([0.0, 1, 1, 0, 1, 0], dtype=torch.float64)),
    ),
    "kullback_leibler": Case(KullbackLeibler, lambda: (normal(5), normal(5, seed=1))),
    "hinge": Case(
        Hinge, lambda: (normal(5), torch.tensor([1.0, -1, 1, 1, -1], dtype=torch.float64))
    ),
    "uncertainty_weighted": Case(UncertaintyWeighted, lambda: (normal(3), normal(3, seed=1))),
}
