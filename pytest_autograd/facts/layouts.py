"""The same numbers in other memory layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function

from pytest_autograd.call.call import Call
from pytest_autograd.derivatives.compare import Difference, first_difference, relative_error
from pytest_autograd.derivatives.contracts import decide
from pytest_autograd.derivatives.evaluator import Evaluator
from pytest_autograd.derivatives.tangents import draw_cotangents
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, Subject, fact
from pytest_autograd.facts.numbers import Numbers

Lay = Callable[[Tensor], Tensor]


def _strided(tensor: Tensor) -> Tensor:
    """Return equal values at every second place of a larger buffer, so that no stride is what it seems."""
    buffer = tensor.new_full((*tensor.shape, 2), 7.0)
    buffer[..., 1] = tensor
    return buffer[..., 1]


def _offset(tensor: Tensor) -> Tensor:
    """Return equal values one element into a larger buffer, where no vector load is aligned."""
    buffer = tensor.new_full((tensor.numel() + 1,), 7.0)
    buffer[1:] = tensor.reshape(-1)
    return buffer[1:].view(tensor.shape)


def _transposed(tensor: Tensor) -> Tensor:
    return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)


def other_layouts(tensor: Tensor) -> Iterator[tuple[str, Lay]]:
    """Yield (name, function that lays an equal tensor otherwise) for the layouts that ``tensor`` does not have."""
    if not tensor.is_contiguous():
        yield "contiguous", Tensor.contiguous
    elif tensor.dim() >= 2 and min(tensor.shape[-2:]) > 1:
        yield "transposed", _transposed
    if tensor.numel() > 1:
        yield "strided", _strided
        yield "shifted", _offset


def _layouts_of_input(tensor: Tensor) -> Iterator[tuple[str, Lay]]:
    """Yield those that any tensor may have, and the expanded one where the values allow it."""
    yield from other_layouts(tensor)
    for axis, size in enumerate(tensor.shape):
        first = tensor.narrow(axis, 0, 1) if size > 1 else tensor
        if size > 1 and bool((tensor == first).all()):
            yield "expanded", lambda t, axis=axis: t.narrow(axis, 0, 1).expand_as(t)


class Layouts(Facts):
    """Memory layouts that forward or backward takes for others."""

    def __init__(self, subject: Subject, numbers: Numbers) -> None:
        super().__init__(subject)
        self.numbers = numbers

    @fact
    def grad_output(self) -> Difference | None:
        """The first layout of grad_output for which backward differs from the contiguous one."""
        evaluator, point = self.numbers.evaluator, self.numbers.evaluator.point
        outputs = [y.contiguous() for y in evaluator.forward(point)]
        contiguous = [v.contiguous() for v in draw_cotangents(outputs, self.seed)]
        want, tolerance = evaluator.vjp(point, contiguous), self.numbers.tolerance

        def differs(where: str, want: Any, sent: Sequence[Tensor]) -> Difference | None:
            graph = evaluator.graph(point)
            return first_difference(
                where, evaluator.names, want, lambda: graph.vjp(sent, copied=False), tolerance
            )

        for o, cotangent in enumerate(contiguous):
            for name, lay in other_layouts(cotangent):
                sent = [lay(v) if i == o else v for i, v in enumerate(contiguous)]
                found = differs(f"with a {name} grad_output", want, sent)
                if found is not None:
                    return found
        ones = evaluator.vjp(point, [torch.ones_like(v) for v in contiguous])
        expanded = [v.new_ones(()).expand(v.shape) for v in contiguous]
        return differs("with an expanded grad_output (stride 0, as from sum())", ones, expanded)

    @fact
    def inputs(self) -> Difference | None:
        """The first input for which another memory layout changes outputs or gradients."""
        if self.numbers.stochastic:
            raise NotApplicable("forward is stochastic, and draws in the order of memory")
        if self._only_as_given():
            return Difference("with the inputs where they lie in memory as given, unlike in copies")
        self.subject.not_through_a_callable()
        evaluator, point = self.numbers.evaluator, self.numbers.evaluator.point
        call, tolerance = evaluator.call, self.numbers.tolerance
        outputs = evaluator.forward(point)
        cotangents = draw_cotangents([y.contiguous() for y in outputs], self.seed)
        want = evaluator.vjp(point, cotangents)
        for i, slot in enumerate(call.slots):
            for name, lay in _layouts_of_input(slot.value) if slot.shared is None else ():
                other = Evaluator(laid(call, i, lay), self.seed)
                where = f"with a {name} {slot.name}"
                try:
                    graph = other.graph(point)
                except NotApplicable:  # refused, not wrong
                    continue
                for a, b in zip(outputs, map(Tensor.detach, graph.outputs), strict=True):
                    if relative_error(a, b) > tolerance:
                        return Difference(f"{where}, forward", error=relative_error(a, b))
                found = first_difference(
                    where, other.names, want, lambda g=graph: g.vjp(cotangents), tolerance
                )
                if found is not None:
                    return found
        return None

    def _only_as_given(self) -> bool:
        """Whether the gradient is wrong with the views that were given, and right with plain copies of them."""
        evaluator = self.numbers.evaluator
        call = evaluator.call
        wrong = any(map(self.numbers.is_wrong, evaluator.names))
        if not wrong or not any(slot.layout is not None for slot in call.slots):
            return False
        plain = call.laid_plainly()
        return decide(Evaluator(plain, self.seed), self.options).confirmed


class _Laid(Function):
    """An equal tensor laid otherwise; its gradient passes as it is, None and sparse ones too."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, lay: Lay) -> Tensor:
        ctx.set_materialize_grads(False)
        laid = lay(tensor)
        place = laid.storage_offset(), laid.shape, laid.stride()
        return laid.new_empty(0).set_(
            laid.untyped_storage(), *place
        )  # no view: those refuse writes

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0], None


def laid(call: Call, index: int, lay: Lay) -> Call:
    """Return the call with one tensor laid otherwise just before it goes in."""

    def rebuild(tensors: Sequence[Tensor]) -> tuple[Sequence[Any], dict[str, Any]]:
        laid = list(tensors)
        laid[index] = _Laid.apply(tensors[index], lay)
        for name, held in vars(tensors[index]).items():
            setattr(laid[index], name, held)
        return call.rebuild(laid)

    return replace(call, rebuild=rebuild)
