"""Inputs proposed from a signature: names, annotations and defaults, tried until forward runs.

Only a guess, and the report says so. Shapes come from a few familiar situations (elementwise,
matrix product, vector, image, ...); what is not a tensor is known by its name. The first situation
that forward accepts with finite outputs is taken; within it, arguments that may be a number or a
tensor become what backward accepts too.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.utils import _pytree as pytree

from pytest_autograd.errors import CheckError, TargetRaised
from pytest_autograd.running.author_code import entering
from pytest_autograd.source.input_specs import MEND, Inputs, TensorSpec, ValueSpec, build
from pytest_autograd.source.load import described

Spec = TensorSpec | ValueSpec
Shape = tuple[int, ...]

# Shape of the data, of a second tensor (a weight), and of further ones (a bias).
SITUATIONS: dict[str, tuple[Shape, Shape, Shape]] = {
    "elementwise": ((4, 3), (4, 3), (4, 3)),
    "matrix product": ((4, 3), (3, 5), (5,)),
    "linear layer": ((4, 3), (5, 3), (5,)),
    "row parameters": ((4, 3), (3,), (3,)),
    "vector": ((6,), (6,), (6,)),
    "matrix and vector": ((4, 3), (3,), (4,)),
    "square": ((3, 3), (3, 3), (3,)),
    "batched": ((2, 4, 3), (2, 3, 5), (5,)),
    "sequence": ((2, 5, 4), (2, 5, 4), (2, 5, 4)),
    "signal": ((2, 3, 8), (4, 3, 3), (4,)),
    "image": ((2, 3, 8, 8), (4, 3, 3, 3), (4,)),
    "image channels": ((2, 3, 8, 8), (3,), (3,)),
    "volume": ((1, 2, 4, 4, 4), (3, 2, 2, 2, 2), (3,)),
    "scalar": ((), (), ()),
}
RANGES: tuple[tuple[float | None, float | None], ...] = ((None, None), (0.5, 1.5), (0.1, 0.9))
VALUES: dict[str, Any] = {
    **dict.fromkeys(("dim", "axis"), -1),
    **dict.fromkeys(("eps", "epsilon"), 1e-5),
    **dict.fromkeys(("stride", "dilation", "groups"), 1),
    **dict.fromkeys(("padding", "output_padding"), 0),
    **dict.fromkeys(("n", "k", "num", "steps", "iterations", "iters", "order", "kernel_size"), 2),
    **dict.fromkeys(("min", "min_val", "low", "lo", "lower"), -0.5),
    **dict.fromkeys(("max", "max_val", "high", "hi", "upper"), 0.5),
    **dict.fromkeys(("training", "train"), True),
    **dict.fromkeys(("inplace", "keepdim"), False),
    **dict.fromkeys(("p", "exponent", "power"), 2.0),
    "reduction": "mean",
}
NUMBERS = frozenset(
    (
        *("scale", "alpha", "beta", "gamma", "delta", "sigma", "tau", "lam", "lambd", "lambda_"),
        *("factor", "coef", "slope", "negative_slope", "temperature", "strength", "margin"),
        *("momentum", "threshold", "c", "s"),
    )
)
WEIGHTS = frozenset(("weight", "weights", "w", "kernel", "filter", "filters"))
BIASES = frozenset(("bias", "shift"))
INDICES = frozenset(("index", "indices", "idx", "labels", "label", "ids"))
MOST_CHOICES = 8


def propose(target: Any, seed: int) -> Inputs:
    """Return arguments with which ``target`` runs, or the first guess and its trouble."""
    parameters = _parameters(target)
    first: tuple[tuple[Spec, ...], str] | None = None
    trouble = ""
    for situation in SITUATIONS:
        ran: list[tuple[_Trial, tuple[Spec, ...]]] = []
        for specs in _candidates(parameters, situation):
            trial = _try(target, specs, seed)
            first = first or (specs, trial.error or "")
            trouble = trouble or trial.error or ""
            if trial.finite:
                ran.append((trial, specs))
                if trial.backward:
                    break
        if ran:
            _, specs = max(ran, key=lambda pair: pair[0].backward)
            return Inputs(build(specs, seed), "proposed from the signature (no example_inputs)")
    assert first is not None, "every signature has a first guess"
    return Inputs(build(first[0], seed), "proposed from the signature", trouble or "not finite")


@dataclass(frozen=True)
class _Trial:
    finite: bool = False
    backward: bool = False
    error: str | None = None


def _parameters(target: Any) -> list[inspect.Parameter]:
    owner = getattr(target, "__self__", None)
    function = owner if isinstance(owner, type) and issubclass(owner, Function) else target
    skip = 0
    if isinstance(function, type):
        skip = 1 if function.setup_context is Function.setup_context else 0
        code = function.forward
    else:
        code = target.forward if isinstance(target, nn.Module) else target
    try:
        found = list(inspect.signature(code).parameters.values())[skip:]
    except (TypeError, ValueError):
        raise CheckError(f"inputs cannot be proposed without a Python signature; {MEND}") from None
    return [
        parameter
        for parameter in found
        if parameter.kind not in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD)
    ]


def _candidates(
    parameters: Sequence[inspect.Parameter], situation: str
) -> Iterator[tuple[Spec, ...]]:
    choices: list[list[Spec]] = []
    tensors = 0
    for parameter in parameters:
        copies = 2 if parameter.kind is parameter.VAR_POSITIONAL else 1
        for _ in range(copies):
            choices.append(_choices(parameter, situation, tensors))
            tensors += isinstance(choices[-1][0], TensorSpec)
    for specs in itertools.islice(itertools.product(*choices), MOST_CHOICES):
        for low, high in RANGES:
            yield tuple(_within(spec, low, high) for spec in specs)


def _within(spec: Spec, low: float | None, high: float | None) -> Spec:
    if isinstance(spec, TensorSpec) and spec.differentiable:
        return spec.model_copy(update={"low": low, "high": high})
    return spec


def _choices(parameter: inspect.Parameter, situation: str, place: int) -> list[Spec]:
    """Return what a parameter may be, likeliest first; ``place`` counts the tensors before it."""
    name = parameter.name.lower()
    annotation = inspect.formatannotation(parameter.annotation)
    if parameter.default is not inspect.Parameter.empty:
        return [ValueSpec(kind="value", value=parameter.default)]
    data, weight, bias = SITUATIONS[situation]
    if name in WEIGHTS:
        shape = weight
    elif name in BIASES:
        shape = bias
    else:
        shape = (data, weight, bias)[min(place, 2)]
    tensor = TensorSpec(kind="tensor", shape=shape)
    if "Tensor" in annotation:
        return _tensors(name, tensor, data)
    for word, value in (("bool", True), ("int", 2), ("float", 0.5), ("str", "mean")):
        if annotation.strip("'\"").split(" ")[0] == word:
            return [ValueSpec(kind="value", value=VALUES.get(name, value))]
    if name in VALUES:
        value = ValueSpec(kind="value", value=VALUES[name])
        return [value, tensor] if len(name) == 1 else [value]
    if name in NUMBERS:
        return [ValueSpec(kind="value", value=0.5), tensor, tensor.model_copy(update={"shape": ()})]
    return _tensors(name, tensor, data)


def _tensors(name: str, tensor: TensorSpec, data: Shape) -> list[Spec]:
    labels = TensorSpec(kind="tensor", shape=data[:1], dtype="int64", low=0, high=2)
    if name in INDICES:
        return [labels, labels.model_copy(update={"shape": data})]
    if "mask" in name:
        return [TensorSpec(kind="tensor", shape=data, dtype="bool")]
    if name in ("target", "targets", "y_true"):
        return [tensor.model_copy(update={"shape": data}), labels]
    return [tensor]


def _try(target: Any, specs: Sequence[Spec], seed: int) -> _Trial:
    """Run forward and backward once on fresh inputs; errors of the user's code are the answer."""
    args = [arg.clone() if isinstance(arg, Tensor) else arg for arg in build(specs, seed)]
    call = target.apply if isinstance(target, type) else target
    try:
        with entering("forward", seed):
            raw = call(*args)
    except TargetRaised as raised:
        return _Trial(error=described(raised.error))
    outputs = [leaf for leaf in pytree.tree_leaves(raw) if isinstance(leaf, Tensor)]
    if not all(bool(torch.isfinite(output).all()) for output in outputs):
        return _Trial()
    try:
        with entering("backward", seed):
            roots = [output for output in outputs if output.requires_grad]
            torch.autograd.backward(roots, [torch.ones_like(root) for root in roots])
    except TargetRaised:
        return _Trial(finite=True)
    return _Trial(finite=True, backward=True)
