"""Right Functions around matrix products, convolutions, solves and spectra."""

import torch
from corpus._case import Case, normal, positive
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional


class Linear(Function):
    """A bias that may be ``None``, and no product that nobody asked for."""

    @staticmethod
    def forward(ctx, x, weight, bias=None):
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        y = x @ weight.t()
        return y if bias is None else y + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output @ weight
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t() @ x
        if ctx.has_bias and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_x, grad_weight, grad_bias


class MatMul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        grad_a = grad_output @ b.mT if ctx.needs_input_grad[0] else None
        grad_b = a.mT @ grad_output if ctx.needs_input_grad[1] else None
        return grad_a, grad_b


class Outer(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x[:, None] * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        grad_x = grad_output @ y if ctx.needs_input_grad[0] else None
        grad_y = x @ grad_output if ctx.needs_input_grad[1] else None
        return grad_x, grad_y


class Bilinear(Function):
    """``einsum`` ends in a view: the copy lets the caller change the result in place."""

    @staticmethod
    def forward(ctx, x, weight, y):
        ctx.save_for_backward(x, weight, y)
        return torch.einsum("bi,oij,bj->bo", x, weight, y).clone()

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, y = ctx.saved_tensors
        need_x, need_weight, need_y = ctx.needs_input_grad
        grad_x = torch.einsum("bo,oij,bj->bi", grad_output, weight, y) if need_x else None
        grad_weight = torch.einsum("bo,bi,bj->oij", grad_output, x, y) if need_weight else None
        grad_y = torch.einsum("bo,bi,oij->bj", grad_output, x, weight) if need_y else None
        return grad_x, grad_weight, grad_y


class AttentionScores(Function):
    """Scaled ``einsum`` of queries and keys, with the scale as a Python number."""

    @staticmethod
    def forward(ctx, q, k, scale):
        ctx.save_for_backward(q, k)
        ctx.scale = scale
        return scale * torch.einsum("bhqd,bhkd->bhqk", q, k)

    @staticmethod
    def backward(ctx, grad_output):
        q, k = ctx.saved_tensors
        scaled = ctx.scale * grad_output
        grad_q = torch.einsum("bhqk,bhkd->bhqd", scaled, k) if ctx.needs_input_grad[0] else None
        grad_k = torch.einsum("bhqk,bhqd->bhkd", scaled, q) if ctx.needs_input_grad[1] else None
        return grad_q, grad_k, None


class Conv2d(Function):
    @staticmethod
    def forward(ctx, x, weight, stride, padding):
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(x, weight, stride=stride, padding=padding)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        how = {"stride": ctx.stride, "padding": ctx.padding}
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = torch.nn.grad.conv2d_input(x.shape, weight, grad_output, **how)
        if ctx.needs_input_grad[1]:
            grad_weight = torch.nn.grad.conv2d_weight(x, weight.shape, grad_output, **how)
        return grad_x, grad_weight, None, None


class Solve(Function):
    """Both gradients come from one more solve with the transposed matrix."""

    @staticmethod
    def forward(ctx, a, b):
        x = torch.linalg.solve(a, b)
        ctx.save_for_backward(a, x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        a, x = ctx.saved_tensors
        grad_b = torch.linalg.solve(a.mT, grad_output)
        grad_a = -grad_b @ x.mT if ctx.needs_input_grad[0] else None
        return grad_a, grad_b


class Inverse(Function):
    @staticmethod
    def forward(ctx, a):
        y = torch.linalg.inv(a)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return -y.mT @ grad_output @ y.mT


class LogAbsDet(Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return torch.linalg.slogdet(a).logabsdet

    @staticmethod
    def backward(ctx, grad_output):
        (a,) = ctx.saved_tensors
        return grad_output * torch.linalg.inv(a).mT


class Eigenvalues(Function):
    """Of the symmetric part; the eigenvectors are computed again in backward."""

    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return torch.linalg.eigvalsh((a + a.mT) / 2)

    @staticmethod
    def backward(ctx, grad_output):
        (a,) = ctx.saved_tensors
        vectors = torch.linalg.eigh((a + a.mT) / 2).eigenvectors
        return (vectors * grad_output) @ vectors.mT


class QuadraticForm(Function):
    @staticmethod
    def forward(ctx, x, a):
        ctx.save_for_backward(x, a)
        return x @ a @ x

    @staticmethod
    def backward(ctx, grad_output):
        x, a = ctx.saved_tensors
        grad_x = grad_output * ((a + a.t()) @ x) if ctx.needs_input_grad[0] else None
        grad_a = grad_output * torch.outer(x, x) if ctx.needs_input_grad[1] else None
        return grad_x, grad_a


class PairwiseDistance(Function):
    @staticmethod
    def forward(ctx, x, y):
        distance = (x[:, None] - y[None]).square().sum(-1).sqrt()
        ctx.save_for_backward(x, y, distance)
        return distance

    @staticmethod
    def backward(ctx, grad_output):
        x, y, distance = ctx.saved_tensors
        safe = torch.where(distance > 0, distance, 1)
        pull = (grad_output / safe)[..., None] * (x[:, None] - y[None])
        return pull.sum(1), -pull.sum(0)


def well_conditioned(n: int) -> torch.Tensor:
    """Return a random matrix far from singular."""
    return (normal(n, n) + 3 * torch.eye(n, dtype=torch.float64)).detach().requires_grad_()


def _symmetric() -> tuple:
    root = normal(4, 4).detach()
    return ((root @ root.mT).requires_grad_(),)


class SymmetricEigenvalues(Function):
    """Reads the lower triangle; its gradient is that for symmetric matrices."""

    @staticmethod
    def forward(ctx, matrix):
        values, vectors = torch.linalg.eigh(matrix)
        ctx.save_for_backward(vectors)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (vectors,) = ctx.saved_tensors
        return vectors @ torch.diag_embed(grad_output) @ vectors.mT


CASES = {
    "linear_with_bias": Case(
        Linear, lambda: (normal(3, 4), normal(2, 4, seed=1), normal(2, seed=2))
    ),
    "linear_without_bias": Case(Linear, lambda: (normal(3, 4), normal(2, 4, seed=1), None)),
    "linear_bias_left_out": Case(Linear, lambda: (normal(3, 4), normal(2, 4, seed=1))),
    "linear_with_frozen_weight": Case(
        Linear, lambda: (normal(3, 4), normal(2, 4, seed=1).detach(), normal(2, seed=2))
    ),
    "matmul": Case(MatMul, lambda: (normal(2, 3), normal(3, 4, seed=1))),
    "matmul_batched": Case(MatMul, lambda: (normal(2, 2, 3), normal(2, 3, 4, seed=1))),
    "outer": Case(Outer, lambda: (normal(3), normal(4, seed=1))),
    "bilinear": Case(
        Bilinear, lambda: (normal(2, 3), normal(2, 3, 4, seed=1), normal(2, 4, seed=2))
    ),
    "attention_scores": Case(
        AttentionScores, lambda: (normal(1, 2, 3, 2), normal(1, 2, 4, 2, seed=1), 0.5)
    ),
    "conv2d": Case(Conv2d, lambda: (normal(1, 2, 5, 5), normal(2, 2, 3, 3, seed=1), 2, 1)),
    "solve": Case(Solve, lambda: (well_conditioned(3), normal(3, 2, seed=1))),
    "inverse": Case(Inverse, lambda: (well_conditioned(3),)),
    "log_abs_det": Case(LogAbsDet, lambda: (well_conditioned(3),)),
    "eigenvalues": Case(Eigenvalues, lambda: (normal(4, 4),)),
    "quadratic_form": Case(QuadraticForm, lambda: (normal(4), normal(4, 4, seed=1))),
    "pairwise_distance": Case(PairwiseDistance, lambda: (normal(3, 2), positive(4, 2, seed=1))),
    "symmetric_eigenvalues": Case(SymmetricEigenvalues, _symmetric),
}
