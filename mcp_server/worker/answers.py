"""What a worker answers: numbers of the submitted code at points that the judge gives.

All that it says is a claim. The judge compares; nothing here decides.
"""

from __future__ import annotations

import time
from typing import Any

from torch import Tensor

from mcp_server.worker.wire import MaybeTensors, Message
from pytest_autograd.call.target import make_call
from pytest_autograd.checking import declared_call, make_options
from pytest_autograd.declarations.declarations import UNDECLARED
from pytest_autograd.derivatives.autograd_reference import reference_gradients
from pytest_autograd.derivatives.contracts import transformed
from pytest_autograd.facts.base import Subject
from pytest_autograd.facts.probe import Probe
from pytest_autograd.running.phase import phase
from pytest_autograd.source.check_source import check_source, with_contracts
from pytest_autograd.source.input_specs import Inputs
from pytest_autograd.source.load import load_text
from pytest_autograd.source.resolve import as_arguments, resolve_inputs

DESCRIBED = "described by the caller"


class Answers:
    """The loaded source and its call; each public method answers one kind of question."""

    def __init__(self, request: dict[str, Any], given: MaybeTensors) -> None:
        """``given``: the tensors among the described arguments, drawn by the judge."""
        self.started = time.monotonic()
        self._request = request
        options = request["options"]
        with phase("loading"):
            self.source = load_text(request["source"])
        self.options = with_contracts(self.source, options)
        checked = make_options(**self.options)
        with phase("inputs"):
            target = self.source.target(request["entry"])
            if request["described"] is None:
                seed = options["seed"]
                self.inputs = resolve_inputs(request["inputs"], self.source, target, seed)
            else:
                self.inputs = Inputs(_filled(request["described"], given), DESCRIBED)
        call = declared_call(make_call(target, self.inputs.args, {}), checked)
        deadline = self.started + checked.time_limit
        self.probe = Probe(Subject(call, checked, options["seed"], deadline))

    def describe(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """Say what the call is: arguments, outputs, places in the source."""
        probe, evaluator = self.probe, self.probe.numbers.evaluator
        places = {name: probe.source.of_gradient(name) for name in evaluator.names}
        backward = probe.source.of_backward
        description = {
            "name": probe.call.name,
            "origin": self.inputs.origin,
            "slots": [
                [
                    s.name,
                    str(s.value.dtype).removeprefix("torch."),
                    list(s.value.shape),
                    s.differentiated,
                ]
                for s in probe.call.slots
            ],
            "constants": list(probe.call.constants),
            "outputs": evaluator.output_names,
            "is_function": probe.call.function is not None,
            "twice_differentiable": probe.run.twice_differentiable
            and not probe.numbers.inner_once_differentiable,
            "first_order_only": probe.call.first_order_only or bool(evaluator.doors_used),
            "lines": {name: place.line if place else None for name, place in places.items()},
            "line_of_backward": backward.line if backward else None,
        }
        return description, list(evaluator.point)

    def forward(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """The outputs at a point."""
        return {}, list(self.probe.numbers.evaluator.forward(_whole(tensors)))

    def vjp(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """The VJP at a point, for cotangents."""
        point, cotangents = _split(tensors, header["split"])
        return {}, self.probe.numbers.evaluator.vjp(point, cotangents)

    def double_vjp(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """The VJP of the VJP."""
        first, last = header["split"]
        point, rest = _split(tensors, first)
        cotangents, weights = _split(list(rest), last - first)
        by_inputs, by_cotangents = self.probe.numbers.evaluator.double_vjp(
            point, cotangents, weights
        )
        return {}, [*by_inputs, *by_cotangents]

    def declared_forward(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """The outputs of the function that the contract names."""
        return {}, list(self.probe.numbers.declared.forward(_whole(tensors)))

    def declared_vjp(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """The VJP of the function that the contract names."""
        point, cotangents = _split(tensors, header["split"])
        return {}, self.probe.numbers.declared.vjp(point, cotangents)

    def reference_vjp(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """The VJP of forward by autograd through its own operations."""
        point, cotangents = _split(tensors, header["split"])
        return {}, self._reference(point, cotangents)

    def _reference(self, point: list[Tensor], cotangents: list[Tensor]) -> MaybeTensors:
        evaluator = self.probe.numbers.evaluator
        names = evaluator.output_names
        return reference_gradients(
            evaluator.call, evaluator.seed, point, cotangents, names
        ).gradients

    def transform(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """Gradients after the declared maps."""
        transforms = self.probe.options.grad_transform or {}
        return {}, transformed(tensors, transforms, self.probe.numbers.evaluator.names)

    def audit(self, header: dict[str, Any], tensors: MaybeTensors) -> Message:
        """The worker's own full check."""
        left = max(self.options["time_limit"] - (time.monotonic() - self.started), 0.1)
        options = {**self.options, "time_limit": left}
        # What submitted code declares of itself, or a file beside the server, is not asked.
        report = check_source(self.source, self._request["entry"], self.inputs, options, UNDECLARED)
        return {"report": report.model_dump(mode="json")}, []


def _whole(tensors: MaybeTensors) -> list[Tensor]:
    assert all(tensor is not None for tensor in tensors)
    return [tensor for tensor in tensors if tensor is not None]


def _split(tensors: MaybeTensors, place: int) -> tuple[list[Tensor], list[Tensor]]:
    whole = _whole(tensors)
    return whole[:place], whole[place:]


def _filled(described: list[Any], given: MaybeTensors) -> tuple[Any, ...]:
    """Return the arguments: plain values as they are, and the judge's tensors in their places."""
    tensors = iter(_whole(given))
    args: list[Any] = []
    for kind, value in described:
        args.append(next(tensors).requires_grad_(value) if kind == "tensor" else value)
    return as_arguments(tuple(args), DESCRIBED)
