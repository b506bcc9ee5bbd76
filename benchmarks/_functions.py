"""Right Functions that the benchmarks share, written by hand and twice differentiable, each with a maker of inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.autograd import Function
from torch.nn.functional import conv2d, conv_transpose2d


@dataclass(frozen=True)
class Subject:
    """A Function and how to make its arguments; its name in tables is that of the class, in small letters."""

    function: type[Function]
    make: Callable[[int, Generator], tuple[Any, ...]]

    @property
    def name(self) -> str:
        """Name in tables."""
        return self.function.__name__.lower()

    def inputs(self, n: int, seed: int) -> tuple[Any, ...]:
        """Return arguments with about ``n`` elements in all."""
        return self.make(n, torch.Generator().manual_seed(seed))


def normals(
    draw: Generator, *shapes: Sequence[int], dtype: torch.dtype = torch.float64
) -> tuple[Tensor, ...]:
    """Return for each shape standard normal values that want a gradient."""
    return tuple(
        torch.randn(tuple(s), generator=draw, dtype=dtype, requires_grad=True) for s in shapes
    )


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.saved_tensors[0]


class MatMul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output @ b.T, a.T @ grad_output


class LayerNorm(Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        centred = x - x.mean(-1, keepdim=True)
        deviation = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        z = centred / deviation
        g = grad_output * weight
        grad_x = (g - g.mean(-1, keepdim=True) - z * (g * z).mean(-1, keepdim=True)) / deviation
        return grad_x, (grad_output * z).sum(0), grad_output.sum(0)


class SoftmaxCrossEntropy(Function):
    @staticmethod
    def forward(ctx, logits, target):
        ctx.save_for_backward(logits, target)
        picked = logits.gather(1, target[:, None]).squeeze(1)
        return (logits.logsumexp(1) - picked).mean()

    @staticmethod
    def backward(ctx, grad_output):
        logits, target = ctx.saved_tensors
        hot = torch.zeros_like(logits).scatter(1, target[:, None], 1.0)
        return grad_output * (logits.softmax(1) - hot) / len(logits), None


class Conv2d(Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return conv2d(x, weight, bias, padding=1)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = conv_transpose2d(grad_output, weight, padding=1)
        by_weight = conv2d(x.transpose(0, 1), grad_output.transpose(0, 1), padding=1)
        return grad_x, by_weight.transpose(0, 1), grad_output.sum((0, 2, 3))


class Scan(Function):
    """A linear recurrence along the first axis: ``h[t] = a[t] * h[t - 1] + x[t]``."""

    @staticmethod
    def forward(ctx, a, x):
        ctx.save_for_backward(a, x)
        return Scan.states(a, x)

    @staticmethod
    def states(a, x):
        state, states = torch.zeros_like(x[0]), []
        for decay, entry in zip(a, x, strict=True):
            state = decay * state + entry
            states.append(state)
        return torch.stack(states)

    @staticmethod
    def backward(ctx, grad_output):
        a, x = ctx.saved_tensors
        h = Scan.states(a, x)
        zero = torch.zeros_like(h[:1])
        later = torch.cat([a[1:], zero]).flip(0)
        adjoint = Scan.states(later, grad_output.flip(0)).flip(0)
        return adjoint * torch.cat([zero, h[:-1]]), adjoint


class Five(Function):
    """A gated layer with five arguments."""

    @staticmethod
    def forward(ctx, x, weight, bias, gain, shift):
        ctx.save_for_backward(x, weight, bias, gain)
        return gain * torch.tanh(x @ weight + bias) + shift

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, bias, gain = ctx.saved_tensors
        y = torch.tanh(x @ weight + bias)
        g = grad_output * gain * (1 - y * y)
        by_gain, by_shift = (grad_output * y).sum(0), grad_output.sum(0)
        return g @ weight.T, x.T @ g, g.sum(0), by_gain, by_shift


class ReLU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * (ctx.saved_tensors[0] > 0)


class RMSNorm(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        inverse = (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        z, g = x * inverse, grad_output * weight
        return (g - z * (g * z).mean(-1, keepdim=True)) * inverse, (grad_output * z).sum(0)


class LogSumExp(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.logsumexp(-1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output[..., None] * ctx.saved_tensors[0].softmax(-1)


class CumSum(Function):
    @staticmethod
    def forward(ctx, x):
        return x.cumsum(-1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.flip(-1).cumsum(-1).flip(-1)


class SwiGLU(Function):
    @staticmethod
    def forward(ctx, gate, value):
        ctx.save_for_backward(gate, value)
        return gate * torch.sigmoid(gate) * value

    @staticmethod
    def backward(ctx, grad_output):
        gate, value = ctx.saved_tensors
        s = torch.sigmoid(gate)
        return grad_output * value * s * (1 + gate * (1 - s)), grad_output * gate * s


class ComplexMul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output * b.conj(), grad_output * a.conj()


class Attention(Function):
    @staticmethod
    def forward(ctx, query, key, value):
        ctx.save_for_backward(query, key, value)
        return torch.softmax(query @ key.T / math.sqrt(query.shape[-1]), -1) @ value

    @staticmethod
    def backward(ctx, grad_output):
        query, key, value = ctx.saved_tensors
        scale = 1 / math.sqrt(query.shape[-1])
        p, g = torch.softmax(query @ key.T * scale, -1), grad_output @ value.T
        s = p * (g - (g * p).sum(-1, keepdim=True)) * scale
        return s @ key, s.T @ query, p.T @ grad_output


def side(n: int, parts: float = 1) -> int:
    """Return the side of a square of about ``n / parts`` elements, 2 at least."""
    return max(2, math.isqrt(int(n / parts)))


def matrix(n: int, draw: Generator) -> Tensor:
    """Return a matrix of about ``n`` elements, of up to 64 columns."""
    columns = min(64, side(n))
    return normals(draw, (max(2, n // columns), columns))[0]


def _with_vectors(n: int, draw: Generator, count: int) -> tuple[Any, ...]:
    x = matrix(n, draw)
    return x, *normals(draw, *[x.shape[1:]] * count)


def _classified(n: int, draw: Generator) -> tuple[Any, ...]:
    logits = matrix(n, draw)
    return logits, torch.randint(0, logits.shape[1], (len(logits),), generator=draw)


def _image(n: int, draw: Generator) -> tuple[Any, ...]:
    s = max(3, side(n, 2))
    return normals(draw, (1, 2, s, s), (3, 2, 3, 3), (3,))


def _sequence(n: int, draw: Generator) -> tuple[Any, ...]:
    steps = min(32, max(2, n // 4))
    width = max(1, n // (2 * steps))
    decay = torch.rand(steps, width, generator=draw, dtype=torch.float64)
    return decay.requires_grad_(), *normals(draw, (steps, width))


def _gated(n: int, draw: Generator) -> tuple[Any, ...]:
    s = side(n, 2)
    return normals(draw, (s, s), (s, s + 1), (s + 1,), (s + 1,), (s + 1,))


def _squares(n: int, draw: Generator, count: int, dtype: Any = torch.float64) -> tuple[Any, ...]:
    return normals(draw, *[(side(n, count),) * 2] * count, dtype=dtype)


SUBJECTS = [
    Subject(Exp, lambda n, draw: normals(draw, (n,))),
    Subject(MatMul, lambda n, draw: _squares(n, draw, 2)),
    Subject(LayerNorm, lambda n, draw: _with_vectors(n, draw, 2)),
    Subject(SoftmaxCrossEntropy, _classified),
    Subject(Conv2d, _image),
    Subject(Scan, _sequence),
    Subject(Five, _gated),
    Subject(ReLU, lambda n, draw: normals(draw, (n,))),
    Subject(RMSNorm, lambda n, draw: _with_vectors(n, draw, 1)),
    Subject(LogSumExp, lambda n, draw: (matrix(n, draw),)),
    Subject(CumSum, lambda n, draw: (matrix(n, draw),)),
    Subject(SwiGLU, lambda n, draw: _squares(n, draw, 2)),
    Subject(ComplexMul, lambda n, draw: _squares(n, draw, 2, torch.complex128)),
    Subject(Attention, lambda n, draw: _squares(n, draw, 3)),
]
