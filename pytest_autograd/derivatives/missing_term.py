"""Which path through forward, left out of the reference gradient, gives what backward returned?

A forgotten term of a derivative is a path of the graph that the author took for a constant. Each node of the open
graph of forward, and all nodes of one name, are cut in turn; the cut that gives the wrong gradient names the term.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from pytest_autograd.derivatives.autograd_reference import nodes_of, open_graph
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.verdicts import Trial
from pytest_autograd.errors import NotApplicable

FIT = 1e-7
NOT_TERMS = ("torch::autograd::AccumulateGrad", "AccumulateGrad", "CloneBackward")
MOST_NODES = 200


def missing_term(evaluator: Evaluator, trial: Trial, slot: int) -> str | None:
    """Return the operation whose derivative is missing from the gradient of ``slot``, None if no cut fits."""
    got = trial.got[slot]
    try:
        graph = open_graph(evaluator.call, evaluator.seed, trial.point)
    except NotApplicable:
        return None
    outputs = [graph.outputs[name] for name in evaluator.output_names]
    if got is None or graph.breaks or not all(output.requires_grad for output in outputs):
        return None
    scale = float(got.abs().max())
    for name, nodes in _cuts(outputs):
        left = _gradient_without(nodes, outputs, graph.leaves[slot], trial.cotangents)
        if left is not None and bool(left.any()) and float((left - got).abs().max()) <= FIT * scale:
            return name
    return None


def _cuts(outputs: Sequence[Tensor]) -> Iterator[tuple[str, list[Any]]]:
    """Yield (operation, nodes): single nodes first, then all nodes of one name."""
    groups: dict[str, list[Any]] = {}
    for node in nodes_of(outputs, MOST_NODES):
        if not node.name().startswith(NOT_TERMS):
            groups.setdefault(node.name(), []).append(node)
    for name, nodes in groups.items():
        for node in nodes:
            yield _operation(name), [node]
    for name, nodes in groups.items():
        if len(nodes) > 1:
            yield _operation(name), nodes


def _operation(node_name: str) -> str:
    """Turn ``MeanBackward1`` into ``mean``."""
    return node_name.partition("Backward")[0].lower() or node_name


def _gradient_without(
    nodes: Sequence[Any], outputs: Sequence[Tensor], leaf: Tensor, cotangents: Sequence[Tensor]
) -> Tensor | None:
    def zeros(gradients: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
        return tuple(None if g is None else torch.zeros_like(g) for g in gradients)

    hooks = [node.register_prehook(zeros) for node in nodes]
    try:
        return torch.autograd.grad(outputs, leaf, cotangents, retain_graph=True, allow_unused=True)[
            0
        ]
    except RuntimeError:  # a tensor of the open graph was overwritten in place
        return None
    finally:
        for hook in hooks:
            hook.remove()
