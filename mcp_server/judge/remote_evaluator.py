"""The evaluator of code that runs in another process: what it answers is a claim, checked for form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import torch
from torch import Tensor

from mcp_server.judge.host import Host
from mcp_server.worker.wire import MaybeTensors, Message
from pytest_autograd.call.call import Call, differentiable
from pytest_autograd.call.slot import Slot
from pytest_autograd.errors import Aborted, CheckError, NotApplicable, TargetRaised
from pytest_autograd.running.author_code import NoHistory

_LONGEST = 200


class Misbehaved(Aborted):
    """An answer that no worker of ours gives: the message says what is wrong with it."""


class CheckerCrashed(Aborted):
    """A fault of the checker inside the worker; the message is its traceback."""


@dataclass(frozen=True)
class Description:
    """What the worker says of the call, checked for form; lines are hints for the reader only."""

    name: str
    origin: str
    outputs: tuple[str, ...]
    is_function: bool
    twice_differentiable: bool
    first_order_only: bool
    lines: dict[str, int]
    line_of_backward: int | None


def ask(host: Host, question: str, tensors: Sequence[Any] = (), **header: Any) -> Message:
    """Ask; turn what the worker could not answer into the exception the evaluator raises."""
    answer, found = host.ask(question, list(tensors), **header)
    match answer:
        case {"error": str(sentence)}:
            raise CheckError(sentence[:2000])
        case {"raised": [str(where), str(kind), str(message)]}:
            name = kind if kind.isidentifier() and len(kind) <= 60 else "Exception"
            error: Exception = type(name, (Exception,), {})(message[:2000])
            raise TargetRaised(where[:40], error)
        case {"no_history": True}:
            raise NoHistory
        case {"unavailable": str(reason)}:
            raise NotApplicable(reason[:2000])
        case {"crash": str(trace)}:
            raise CheckerCrashed(trace[-4000:])
    return answer, found


class RemoteEvaluator:
    """Forward, VJP and VJP of the VJP of the call that the worker holds: the oracle of the judge."""

    prefix = ""

    def __init__(self, host: Host, call: Call, point: list[Tensor], outputs: Sequence[str]) -> None:
        self.host, self.call, self.point = host, call, point
        self.names = [call.slots[i].name for i in call.differentiated]
        self.output_names = list(outputs)
        self.calls: Counter[str] = Counter()
        self._shapes: list[tuple[torch.Size, torch.dtype]] | None = None

    def at(self, point: list[Tensor]) -> RemoteEvaluator:
        """Return the same evaluator with another point as its own."""
        moved = type(self)(self.host, self.call, point, self.output_names)
        moved.calls, moved._shapes = self.calls, self._shapes
        return moved

    def forward(self, point: Sequence[Tensor]) -> list[Tensor]:
        """Return the differentiable outputs at ``point``; their shapes and dtypes never change."""
        self.calls["forward"] += 1
        _, outputs = ask(self.host, f"{self.prefix}forward", point)
        shapes = [(y.shape, y.dtype) for y in outputs if y is not None and differentiable(y)]
        if len(shapes) != len(outputs) or len(outputs) != len(self.output_names):
            raise Misbehaved("forward did not answer with its differentiable outputs")
        if self._shapes is None:
            self._shapes = shapes
        if self._shapes != shapes:
            raise NotApplicable("the shapes of the outputs change from call to call")
        return cast("list[Tensor]", outputs)

    def vjp(self, point: Sequence[Tensor], cotangents: Sequence[Tensor | None]) -> MaybeTensors:
        """Return what backward answers at ``point`` for ``cotangents``."""
        self.calls["backward"] += 1
        question = f"{self.prefix}vjp"
        _, found = ask(self.host, question, [*point, *cotangents], split=len(point))
        return _like(found, point)

    def vjps(
        self, point: Sequence[Tensor], several: Sequence[Sequence[Tensor]]
    ) -> list[MaybeTensors]:
        """Return what backward answers for each of several cotangents, each on a graph of its own."""
        return [self.vjp(point, cotangents) for cotangents in several]

    def double_vjp(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> tuple[MaybeTensors, MaybeTensors]:
        """Return what double backward answers, by the arguments and by the cotangents."""
        self.calls["double backward"] += 1
        given = [*point, *cotangents, *weights]
        split = [len(point), len(point) + len(cotangents)]
        _, found = ask(self.host, "double_vjp", given, split=split)
        both = _like(found, [*point, *cotangents])
        return both[: len(point)], both[len(point) :]

    def reference_vjp(self, point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> MaybeTensors:
        """Return what the worker takes for the true VJP: to be judged before it is believed."""
        _, found = ask(self.host, "reference_vjp", [*point, *cotangents], split=len(point))
        return _like(found, point)

    def transform(self, gradients: MaybeTensors) -> MaybeTensors:
        """Return the gradients after the declared maps."""
        _, found = ask(self.host, "transform", gradients)
        return _like(found, self.point)


class RemoteDeclared(RemoteEvaluator):
    """The function that a contract names, by the same questions."""

    prefix = "declared_"


def describe(host: Host) -> tuple[Call, list[Tensor], Description]:
    """Ask what the call is; return it without its code, the point, and the description."""
    answer, point = ask(host, "describe")
    try:
        slots = tuple(_slot(each, place) for place, each in enumerate(answer["slots"]))
        description = Description(
            name=str(answer["name"])[:_LONGEST],
            origin=str(answer["origin"])[:_LONGEST],
            outputs=tuple(str(name)[:_LONGEST] for name in answer["outputs"]),
            is_function=answer["is_function"] is True,
            twice_differentiable=answer["twice_differentiable"] is not False,
            first_order_only=answer["first_order_only"] is True,
            lines={str(k): v for k, v in answer["lines"].items() if type(v) is int},
            line_of_backward=answer["line_of_backward"],
        )
        constants = tuple(str(each)[:_LONGEST] for each in answer["constants"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise Misbehaved(f"the description of the call: {error}") from error
    call = Call(description.name, slots, _no_code_here, _no_code_here, constants=constants)
    wanted = [slot for slot in slots if slot.differentiated]
    good = [x for x in point if x is not None and differentiable(x)]
    if (
        not wanted
        or not description.outputs
        or [x.shape for x in good] != [slot.value.shape for slot in wanted]
    ):
        raise Misbehaved("a call without inputs and outputs of the shapes described")
    return call, good, description


def _slot(given: Any, place: int) -> Slot:
    name, dtype, shape, wanted = given
    kind = getattr(torch, str(dtype))
    if not isinstance(kind, torch.dtype):
        raise TypeError(f"{dtype} is no dtype")
    value = torch.empty(shape, dtype=kind, device="meta")
    return Slot(str(name)[:_LONGEST], value, wanted is True, position=place)


def _no_code_here(*_: Any) -> NoReturn:
    raise AssertionError("the judge never holds submitted code")


NO_CALL = Call("", (), _no_code_here, _no_code_here)


def _like(found: MaybeTensors, wanted: Sequence[Tensor]) -> MaybeTensors:
    """Return gradients if they are of the shapes and dtypes that the engine enforces."""
    good = len(found) == len(wanted) and all(
        g is None or (g.shape == x.shape and g.dtype == x.dtype)
        for g, x in zip(found, wanted, strict=True)
    )
    if not good:
        raise Misbehaved("gradients that are not of the shapes and dtypes of the arguments")
    return found
