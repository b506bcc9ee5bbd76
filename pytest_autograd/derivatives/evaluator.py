"""The numbers of the checked code: forward, VJP, and VJP of the VJP, always on fresh inputs and a fresh graph.

Numeric facts talk to this interface only, never to the Function, so that the judge can sit in another process.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

from pytest_autograd.call.call import Call, differentiable, named_outputs
from pytest_autograd.derivatives.compare import MaybeTensors
from pytest_autograd.errors import NotApplicable, TargetRaised
from pytest_autograd.running.phase import phase
from pytest_autograd.running.rng import python_streams, reseed
from pytest_autograd.running.time_limit import SHORTEST, TIME_LIMIT

MANY_TIMES = 50


class Evaluator:
    """Evaluates one call. ``point`` lists a value for each differentiated slot, in the order of the slots."""

    def __init__(self, call: Call, seed: int) -> None:
        self.call = call
        self.seed = seed
        self.calls: Counter[str] = Counter()
        self._outputs: list[int] | None = None
        self._draws_in_python: dict[str, bool] = {}
        self._first_run: dict[str, float] = {}
        self.output_names: list[str] = []

    @property
    def output_indices(self) -> list[int]:
        """Indices of the differentiable outputs among the tensor outputs, known after a first forward."""
        return self._outputs or []

    @property
    def point(self) -> list[Tensor]:
        """The differentiated values as given."""
        return [self.call.slots[i].value for i in self.call.differentiated]

    @property
    def names(self) -> list[str]:
        """Names of the differentiated arguments."""
        return [self.call.slots[i].name for i in self.call.differentiated]

    def forward(self, point: Sequence[Tensor]) -> list[Tensor]:
        """Return the differentiable outputs at ``point``, detached."""
        _, outputs = self._run(point)
        return [output.detach() for output in outputs]

    def vjp(
        self,
        point: Sequence[Tensor],
        cotangents: Sequence[Tensor | None],
        overwritten: str | None = None,
        shift: int = 1,
        copied: bool = True,
        around: Callable[[Callable[[], MaybeTensors]], MaybeTensors] = lambda ask: ask(),
    ) -> MaybeTensors:
        """Return the gradient of ``<cotangents, outputs>`` for each differentiated argument, None where it has none.

        An output whose cotangent is None is left out of the sum: backward gets no gradient for it. Cotangents are
        ``copied`` first, which keeps backward from writing into the caller's and may change their strides.
        ``overwritten`` names an argument that the caller changes in place between forward and backward. ``shift`` is
        added to the seed for backward: were it 0, a backward that draws its own dropout mask would draw forward's.
        ``around`` is called with the engine's run, to do it elsewhere.
        """
        leaves, outputs = self._run(point, overwritten)
        self.calls["backward"] += 1
        pairs = [(y, v) for y, v in zip(outputs, cotangents, strict=True) if v is not None]
        used, given = [y for y, _ in pairs], [v for _, v in pairs]
        with self._authors_code("backward", shift):
            try:
                sent = _copies(given) if copied else given
                return around(
                    lambda: _dense(torch.autograd.grad(used, leaves, sent, allow_unused=True))
                )
            except RuntimeError as error:
                return self._plain_backward(point, cotangents, error)

    def polluted(self, point: Sequence[Tensor], cotangents: Sequence[Tensor]) -> str | None:
        """Return the argument whose ``.grad`` backward writes under ``autograd.grad``, None if it writes none."""
        leaves, outputs = self._run(point)
        with self._authors_code("backward", 1):
            torch.autograd.grad(outputs, leaves, _copies(cotangents), allow_unused=True)
        written = zip(self.names, leaves, strict=True)
        return next((name for name, leaf in written if leaf.grad is not None), None)

    def vjp_around(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], other: Sequence[Tensor]
    ) -> MaybeTensors:
        """Return the VJP at ``point`` with another call at ``other``, forward and backward, run in between."""
        leaves, outputs = self._run(point)
        other_leaves, other_outputs = self._run(other)
        with self._authors_code("backward", 1):
            torch.autograd.grad(other_outputs, other_leaves, _copies(cotangents), allow_unused=True)
        with self._authors_code("backward", 1):
            return _dense(
                torch.autograd.grad(outputs, leaves, _copies(cotangents), allow_unused=True)
            )

    def jvp(self, point: Sequence[Tensor], tangents: Sequence[Tensor]) -> MaybeTensors:
        """Return the directional derivative of the outputs by forward-mode AD, None for an output without one."""
        values = self.call.filled(point)
        self.calls["jvp"] += 1
        with forward_ad.dual_level(), self._authors_code("jvp"):
            _, arguments = self.call.fresh(values)
            for i, tangent in zip(self.call.differentiated, tangents, strict=True):
                arguments[i] = forward_ad.make_dual(arguments[i], tangent.clone())
            named = named_outputs(self.call.run(arguments), flat=self.call.flat)
            return [forward_ad.unpack_dual(named[i][1]).tangent for i in self.output_indices]

    def double_vjp(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor], weights: Sequence[Tensor]
    ) -> tuple[MaybeTensors, MaybeTensors]:
        """Return the gradients of ``<weights, vjp(point, cotangents)>`` by the arguments and by the cotangents.

        Raises:
            NoHistory: the first gradient has no graph, so nothing flows back through it.
        TargetRaised: the checked code raised, as all methods tell.
        """
        leaves, outputs = self._run(point)
        given = [cotangent.detach().clone().requires_grad_() for cotangent in cotangents]
        self.calls["double backward"] += 1
        with self._authors_code("double backward", 1):
            first = torch.autograd.grad(
                outputs, leaves, [g.clone() for g in given], allow_unused=True, create_graph=True
            )
            pairs = [
                (gradient, weight)
                for gradient, weight in zip(first, weights, strict=True)
                if gradient is not None and gradient.requires_grad
            ]
            if not pairs:
                raise NoHistory
            second = torch.autograd.grad(
                [gradient for gradient, _ in pairs],
                [*leaves, *given],
                [weight.to(gradient.dtype) for gradient, weight in pairs],
                allow_unused=True,
            )
        return list(second[: len(leaves)]), list(second[len(leaves) :])

    def _run(
        self, point: Sequence[Tensor], overwritten: str | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Run forward; return (leaves of the differentiated slots, differentiable outputs)."""
        leaves, arguments = self.call.fresh(self.call.filled(point))
        self.calls["forward"] += 1
        with self._authors_code("forward"), torch.enable_grad():
            raw = self.call.run(arguments)
        named = named_outputs(raw, flat=self.call.flat)
        if self._outputs is None:
            self._outputs = [
                i for i, (_, t) in enumerate(named) if differentiable(t) and t.requires_grad
            ]
            self.output_names = [named[i][0] for i in self._outputs]
            if not self._outputs:
                raise NotApplicable("no output requires grad")
        if any(i >= len(named) for i in self._outputs):
            raise NotApplicable("the number of outputs changes from call to call")
        outputs = [named[i][1] for i in self._outputs]
        for slot, argument in zip(self.call.slots, arguments, strict=True):
            if slot.name == overwritten:
                with torch.no_grad():
                    argument.add_(1).mul_(2)
        return [leaves[i] for i in self.call.differentiated], outputs

    def patience(self, where: str) -> float:
        """Return how many seconds a run may take: many times what the first one took."""
        known = self._first_run.get(where, float("inf"))
        return max(SHORTEST, MANY_TIMES * known)

    def note_time(self, where: str, seconds: float) -> None:
        """Keep how long the first run took."""
        self._first_run.setdefault(where, seconds)

    def _authors_code(self, where: str, shift: int = 0) -> _AuthorsCode:
        """Seed the random streams, mark the phase, and turn what the checked code raises into a fact.

        Whether the code draws from ``random`` or NumPy is learnt from its first forward and backward; if not, these
        slow streams are left alone afterwards.
        """
        known = self._draws_in_python.get(where)
        reseed(self.seed + shift, torch_only=known is False)
        return _AuthorsCode(self, where, None if known is not None else python_streams())

    def _plain_backward(
        self, point: Sequence[Tensor], cotangents: Sequence[Tensor | None], refused: RuntimeError
    ) -> MaybeTensors:
        """Take the gradient by ``.backward()`` where ``autograd.grad`` is refused (reentrant checkpoints)."""
        if ".grad()" not in str(refused):
            raise refused
        leaves, outputs = self._run(point)
        pairs = [(y, v) for y, v in zip(outputs, cotangents, strict=True) if v is not None]
        reseed(self.seed)
        torch.autograd.backward([y for y, _ in pairs], _copies([v for _, v in pairs]))
        return _dense([leaf.grad for leaf in leaves])


class _AuthorsCode:
    """The context of one run of the author's code."""

    __slots__ = ("_evaluator", "_phase", "_start", "_streams", "_where")

    def __init__(self, evaluator: Evaluator, where: str, streams: object | None) -> None:
        self._evaluator, self._where, self._streams = evaluator, where, streams
        self._phase = phase(where)

    def __enter__(self) -> None:
        self._phase.__enter__()
        self._start = time.monotonic()
        TIME_LIMIT.begin(self._evaluator.patience(self._where))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        overdue = TIME_LIMIT.end(error)
        self._phase.__exit__()
        seconds = time.monotonic() - self._start
        if overdue:
            raise NotApplicable(f"{self._where} had not come back after {seconds:.1f} s") from None
        self._evaluator.note_time(self._where, seconds)
        if self._streams is not None:
            self._evaluator._draws_in_python[self._where] = python_streams() != self._streams
        if isinstance(error, Exception) and not isinstance(error, NotApplicable | NoHistory):
            raise TargetRaised(self._where, error) from error


class NoHistory(Exception):
    """The first gradient does not require grad although it was taken with ``create_graph=True``."""


def _dense(gradients: Sequence[Tensor | None]) -> MaybeTensors:
    """Return the gradients as dense tensors; backward may well return a sparse one for a dense input."""
    return [g if g is None or g.layout == torch.strided else g.to_dense() for g in gradients]


def _copies(cotangents: Sequence[Tensor]) -> list[Tensor]:
    return [cotangent.detach().clone() for cotangent in cotangents]
