"""The cases of the false-alarm benchmark; see :mod:`_right`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from _formulas import (
    by_difference,
    by_eigvalsh,
    by_inverse,
    by_normalise,
    by_softmax,
    by_solve,
    by_squared_vectors,
    by_svdvals,
    by_variance,
    dropout,
    evenly,
    first_largest,
    naive_variance,
    shifted_softmax,
    unsorted,
)
from _functions import SUBJECTS
from _right import (
    Case,
    Make,
    at,
    close_pair,
    complex_vector,
    grid,
    matrix,
    mixed,
    nearly,
    randn,
    right,
    symmetric,
    tied,
    two_matrices,
    vector,
    with_values,
)
from torch.linalg import det, eigh, inv, solve, svdvals

ELEMENTWISE: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[float, ...]]] = {
    # name: forward, VJP, kinks (of the function or of its derivative)
    "relu": (lambda x: x.clamp(min=0), lambda g, x: g * (x > 0), (0.0,)),
    "relu_one": (lambda x: x.clamp(min=0), lambda g, x: g * (x >= 0), (0.0,)),
    "leaky_relu": (
        lambda x: torch.where(x > 0, x, 0.1 * x),
        lambda g, x: torch.where(x > 0, g, 0.1 * g),
        (0.0,),
    ),
    "abs": (lambda x: x.abs(), lambda g, x: g * x.sign(), (0.0,)),
    "hardtanh": (lambda x: x.clamp(-1, 1), lambda g, x: g * (x.abs() < 1), (-1.0, 1.0)),
    "softshrink": (
        lambda x: x.sign() * (x.abs() - 0.5).clamp(min=0),
        lambda g, x: g * (x.abs() > 0.5),
        (-0.5, 0.5),
    ),
    "squared_relu": (
        lambda x: x.clamp(min=0) ** 2,
        lambda g, x: 2 * g * x.clamp(min=0),
        (0.0,),
    ),
    "huber": (
        lambda x: torch.where(x.abs() < 1, 0.5 * x * x, x.abs() - 0.5),
        lambda g, x: g * x.clamp(-1, 1),
        (-1.0, 1.0),
    ),
    "elu": (
        lambda x: torch.where(x > 0, x, torch.expm1(x.clamp(max=0))),
        lambda g, x: g * torch.where(x > 0, torch.ones_like(x), x.clamp(max=0).exp()),
        (0.0,),
    ),
    "floor": (lambda x: x.floor(), lambda g, x: g * torch.zeros_like(x), (0.0, 1.0)),
}


def kinks() -> Iterator[Case]:
    """Kinks and jumps: far from, beside and on the point; ties; inputs on a grid."""
    for name, (forward, vjp, places) in ELEMENTWISE.items():
        function = right(name, forward, vjp)
        spots: dict[str, Make] = {"normal": vector, "on a grid": lambda d: grid(vector(d))}
        for off in (0.0, 1e-9, 1e-7, 1e-5, 1e-3):
            spots[f"{off:g} beside a kink"] = lambda d, o=off, p=places: at(d, vector(d), p, o)
        for where, make in spots.items():
            yield Case("kinks", f"{name}, {where}", function, make)
    rowmax = right("rowmax", lambda x: x.amax(1), lambda g, x: g[:, None] * first_largest(x))
    shared = right("amax", lambda x: x.amax(1), lambda g, x: g[:, None] * evenly(x))
    ordered = right("sort", lambda x: x.sort(1).values, unsorted)
    for function in (rowmax, shared, ordered):
        name = function.__name__
        yield Case("ties", f"{name}, normal", function, matrix)
        yield Case("ties", f"{name}, tied", function, tied)
        yield Case("ties", f"{name}, on a grid", function, lambda d: grid(matrix(d)))
        yield Case("ties", f"{name}, nearly tied", function, lambda d: nearly(d, tied(d)))


def ill_conditioned() -> Iterator[Case]:
    """Operations that magnify rounding, and functions of close singular values or eigenvalues."""
    inverse = right("inverse", inv, by_inverse)
    solved = right("solve", solve, by_solve)
    for condition in (1e2, 1e4, 1e6, 1e8):
        values = (1.0, 0.7, condition**-0.5, 1 / condition)
        name = f"condition {condition:g}"
        yield Case(
            "ill-conditioned", f"inverse, {name}", inverse, lambda d, v=values: with_values(d, v)
        )
        yield Case(
            "ill-conditioned",
            f"solve, {name}",
            solved,
            lambda d, v=values: (with_values(d, v), randn(d, 4, 3)),
        )
    determinant = right("det", det, lambda g, a: g * det(a) * inv(a).T)
    singular = right("svdvals", svdvals, by_svdvals)
    eigen = right("eigvalsh", lambda a: eigh((a + a.T) / 2)[0], by_eigvalsh)
    vectors = right("eigenvectors", lambda a: eigh((a + a.T) / 2)[1] ** 2, by_squared_vectors)
    for gap in (1e-1, 1e-2, 1e-3, 1e-4, 1e-6):
        values = (2.0, 1.0 + gap, 1.0, 0.5)
        name = f"gap {gap:g}"
        yield Case(
            "close values", f"svdvals, {name}", singular, lambda d, v=values: with_values(d, v)
        )
        yield Case("close values", f"eigvalsh, {name}", eigen, lambda d, v=values: symmetric(d, v))
        yield Case(
            "close values", f"eigenvectors, {name}", vectors, lambda d, v=values: symmetric(d, v)
        )
    yield Case("ill-conditioned", "det", determinant, lambda d: randn(d, 5, 5))
    lse = right("logsumexp", lambda x: x.logsumexp(1), lambda g, x: g[:, None] * x.softmax(1))
    variance = right("variance", naive_variance, by_variance)
    for far in (1e1, 1e3, 1e6):
        yield Case("far out", f"logsumexp, {far:g} out", lse, lambda d, f=far: matrix(d) + f)
        yield Case("far out", f"logsumexp, spread {far:g}", lse, lambda d, f=far: matrix(d) * f)
    for mean in (1e1, 1e3, 1e5):
        yield Case(
            "cancelling", f"variance, mean {mean:g}", variance, lambda d, m=mean: vector(d) + m
        )
    difference = right("difference", lambda x, y: (x - y) ** 3, by_difference)
    for gap in (1e-2, 1e-5, 1e-8):
        yield Case(
            "cancelling", f"difference, {gap:g}", difference, lambda d, e=gap: close_pair(d, e)
        )


def precision_and_chance() -> Iterator[Case]:
    """Low precision inside, dropout, NumPy inside, an intended detach."""
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        name = str(dtype).removeprefix("torch.")
        low = right(
            f"exp_{name}",
            lambda x, t=dtype: x.to(t).exp().to(x.dtype),
            lambda g, x, t=dtype: g * x.to(t).exp().to(x.dtype),
        )
        product = right(
            f"matmul_{name}",
            lambda a, b, t=dtype: (a.to(t) @ b.to(t)).to(a.dtype),
            lambda g, a, b, t=dtype: (
                (g.to(t) @ b.to(t).T).to(a.dtype),
                (a.to(t).T @ g.to(t)).to(a.dtype),
            ),
        )
        yield Case("low precision inside", f"exp in {name}", low, vector)
        yield Case("low precision inside", f"matmul in {name}", product, two_matrices)
    single = right("tanh", lambda x: x.tanh(), lambda g, x: g * (1 - x.tanh() ** 2))
    yield Case("low precision given", "tanh of float32", single, lambda d: vector(d).float())
    yield Case("low precision given", "tanh of bfloat16", single, lambda d: vector(d).bfloat16())
    yield Case("chance", "dropout", dropout(), vector)
    array = right(
        "numpy_sin",
        lambda x: torch.from_numpy(__import__("numpy").sin(x.detach().numpy())),
        lambda g, x: g * x.cos(),
    )
    yield Case("graph break", "sin in NumPy", array, vector)
    shifted = right("softmax", shifted_softmax, by_softmax)
    yield Case("graph break", "softmax, detached maximum", shifted, matrix)
    split = right("square", lambda x: x * x.detach(), lambda g, x: 2 * g * x)
    yield Case("graph break", "square, half detached", split, vector)


def magnitudes() -> Iterator[Case]:
    """Large, small and mixed magnitudes; steep, saturated and oscillating functions."""
    table: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "square": (lambda x: x * x, lambda g, x: 2 * g * x),
        "cube": (lambda x: x**3, lambda g, x: 3 * g * x**2),
        "reciprocal": (lambda x: 1 / x, lambda g, x: -g / x**2),
        "norm": (lambda x: x.norm(), lambda g, x: g * x / x.norm()),
        "normalise": (lambda x: x / x.norm(), by_normalise),
        "log_abs": (lambda x: x.abs().log(), lambda g, x: g / x),
        "tanh": (lambda x: x.tanh(), lambda g, x: g * (1 - x.tanh() ** 2)),
        "sigmoid": (lambda x: x.sigmoid(), lambda g, x: g * x.sigmoid() * (-x).sigmoid()),
        "linear": (lambda x: 3 * x, lambda g, x: 3 * g),
    }
    for name, (forward, vjp) in table.items():
        function = right(name, forward, vjp)
        for scale in (1e-8, 1e-4, 1e2, 1e6, 1e9):
            yield Case(
                "magnitudes", f"{name}, {scale:g}", function, lambda d, s=scale: s * vector(d)
            )
        yield Case("magnitudes", f"{name}, mixed", function, mixed)
    for rate in (10.0, 100.0, 1000.0):
        sine = right(
            "sine", lambda x, r=rate: (r * x).sin(), lambda g, x, r=rate: g * r * (r * x).cos()
        )
        yield Case("steep", f"sin({rate:g} x)", sine, vector)
    for rate in (5.0, 20.0):
        steep = right(
            "exp", lambda x, r=rate: (r * x).exp(), lambda g, x, r=rate: g * r * (r * x).exp()
        )
        yield Case("steep", f"exp({rate:g} x)", steep, vector)
    root = right("sqrt", lambda x: x.sqrt(), lambda g, x: g / (2 * x.sqrt()))
    for small in (1e-2, 1e-5, 1e-8, 1e-12):
        yield Case(
            "steep", f"sqrt near {small:g}", root, lambda d, s=small: s * (vector(d).abs() + 0.5)
        )


def complex_ones() -> Iterator[Case]:
    """Complex inputs and outputs, real outputs of complex inputs and the other way round."""
    table: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "exp": (lambda z: z.exp(), lambda g, z: g * z.exp().conj()),
        "abs": (lambda z: z.abs(), lambda g, z: g * z / z.abs()),
        "power": (lambda z: (z * z.conj()).real, lambda g, z: 2 * g * z),
        "conjugate": (lambda z: z.conj().clone(), lambda g, z: g.conj()),
        "real": (lambda z: z.real.clone(), lambda g, z: torch.complex(g, torch.zeros_like(g))),
        "fft": (lambda z: torch.fft.fft(z), lambda g, z: torch.fft.ifft(g) * len(g)),
        "reciprocal": (lambda z: 1 / z, lambda g, z: -g / (z * z).conj()),
    }
    for name, (forward, vjp) in table.items():
        function = right(name, forward, vjp)
        for scale in (1.0, 1e-6, 1e6):
            yield Case(
                "complex", f"{name}, {scale:g}", function, lambda d, s=scale: s * complex_vector(d)
            )


def smooth() -> Iterator[Case]:
    """The shared Functions at ordinary points."""
    for subject in SUBJECTS:
        for n in (16, 64, 256, 1024):
            yield Case(
                "smooth",
                f"{subject.name}, {n}",
                subject.function,
                lambda d, s=subject, n=n: tuple(a.detach() for a in s.make(n, d)),
            )


def all_cases() -> list[Case]:
    """Return every case of every family."""
    families = (kinks, ill_conditioned, precision_and_chance, magnitudes, complex_ones, smooth)
    return [case for family in families for case in family()]
