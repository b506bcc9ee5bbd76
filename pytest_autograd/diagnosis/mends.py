"""Each fault that others may follow from, undone by experiment: what is still wrong then has a cause of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from pytest_autograd.call.call import Call
from pytest_autograd.call.tensors import same
from pytest_autograd.derivatives.compare import copies
from pytest_autograd.diagnosis.mended import Mend, Run, SeenCtx, mended
from pytest_autograd.diagnosis.mended_ctx import DirtyIgnored, OutputsSaved, SavedByHand, SavedOnce
from pytest_autograd.diagnosis.own_state import OwnState
from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.layouts import laid
from pytest_autograd.facts.probe import Probe
from pytest_autograd.facts.uninitialised import MARKERS, Filler
from pytest_autograd.running.rng import reseed, streams_kept

MOST_NODES = 100
FRESH = (0.0, MARKERS[0])


def copied(tensor: Tensor) -> Tensor:
    """Return a copy with the same strides, unless two of its elements share a place."""
    overlapping = any(
        not stride and size > 1 for size, stride in zip(tensor.shape, tensor.stride(), strict=True)
    )
    if overlapping or tensor.layout != torch.strided:
        return tensor.clone()
    ends = zip(tensor.shape, tensor.stride(), strict=True)
    places = tensor.storage_offset() + 1 + sum((size - 1) * stride for size, stride in ends)
    buffer = tensor.new_zeros(max(places, 0))
    return buffer.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).copy_(tensor)


class InputsPutBack(Mend):
    """What forward wrote into its inputs is undone when it has come back."""

    def forward(self, run: Run, arguments: Sequence[Any]) -> Any:
        if torch.is_grad_enabled():  # forward is run for autograd to see
            return run(*arguments)
        tensors = [a for a in arguments if isinstance(a, Tensor) and a.layout == torch.strided]
        before = [tensor.detach().clone() for tensor in tensors]
        output = run(*arguments)
        for tensor, value in zip(tensors, before, strict=True):
            if not same(value, tensor):
                tensor.data.copy_(value)  # .data: no write that autograd counts
        return output


class InputsMarkedDirty(Mend):
    """What forward writes into is marked so."""

    def __init__(self) -> None:
        self.changed: list[int] = []

    def forward(self, run: Run, arguments: Sequence[Any]) -> Any:
        before = [a.detach().clone() if isinstance(a, Tensor) else None for a in arguments]
        output = run(*arguments)
        pairs = enumerate(zip(before, arguments, strict=True))
        self.changed = [i for i, (old, new) in pairs if old is not None and not same(old, new)]
        return output

    def after_forward(self, ctx: Any, arguments: Sequence[Any], output: Any) -> None:
        ctx.mark_dirty(*(arguments[i] for i in self.changed))


class GradOutputsCopied(Mend):
    """backward gets a copy of each grad_output that it writes into."""

    def __init__(self, changed: Sequence[int]) -> None:
        self.changed = changed

    def backward(self, ctx: Any, run: Run, grads: Sequence[Any]) -> Any:
        own = {i: copied(grads[i]) for i in self.changed}
        with _seen_by_autograd(own.values()):
            return run(*(own.get(i, g) for i, g in enumerate(grads)))


class SavedCopied(Mend):
    """backward gets a copy of each saved tensor that it writes into."""

    def __init__(self, changed: Sequence[int]) -> None:
        self.changed = changed

    def seen_by_backward(self, ctx: Any) -> Any:
        saved = ctx.saved_tensors
        self.copies = {i: copied(saved[i]) for i in self.changed}
        given = (self.copies.get(i, tensor) for i, tensor in enumerate(saved))
        return SeenCtx(ctx, saved_tensors=tuple(given))

    def backward(self, ctx: Any, run: Run, grads: Sequence[Any]) -> Any:
        with _seen_by_autograd(self.copies.values()):
            return run(*grads)


@contextmanager
def _seen_by_autograd(written: Iterable[Tensor]) -> Iterator[None]:
    """Raise :class:`NotApplicable` where a graph is made and a write goes past it: derivatives of it are no answer."""
    versions = [(tensor, tensor._version) for tensor in written]
    yield
    if torch.is_grad_enabled() and any(tensor._version == old for tensor, old in versions):
        raise NotApplicable("backward writes in place past autograd")


class Filled(Mend):
    """Fresh memory always holds one value."""

    def __init__(self, value: float) -> None:
        self.value = value

    def inside(self) -> AbstractContextManager[Any]:
        return Filler(self.value)


class Seeded(Mend):
    """backward draws the numbers that forward drew, by the order of indices and not of memory."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def backward(self, ctx: Any, run: Run, grads: Sequence[Any]) -> Any:
        with streams_kept():
            reseed(self.seed)
            with _DrawsByIndex():
                return run(*grads)


class _DrawsByIndex(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True imports the compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if (
            torch.Tag.nondeterministic_seeded in func.tags
            and func.overloadpacket.__name__[-1] != "_"
        ):
            args = pytree.tree_map_only(Tensor, Tensor.contiguous, args)
        return func(*args, **(kwargs or {}))


class RefusedLeftOut(Mend):
    """What the engine would refuse among the gradients is None."""

    def __init__(self, call: Call) -> None:
        self.slots = {slot.position: slot.value for slot in call.slots}

    def backward(self, ctx: Any, run: Run, grads: Sequence[Any]) -> Any:
        returned = run(*grads)
        gradients = returned if isinstance(returned, tuple) else (returned,)
        count = len(ctx.needs_input_grad)
        gradients = (*gradients[:count], *(None for _ in range(count - len(gradients))))
        return tuple(None if self._refused(i, g) else g for i, g in enumerate(gradients))

    def _refused(self, place: int, gradient: Any) -> bool:
        value = self.slots.get(place)
        if value is None:
            return True
        if not isinstance(gradient, Tensor):
            return False
        return gradient.shape != value.shape or gradient.device != value.device


class LeavesKept(Mend):
    """What backward leaves in the ``.grad`` of leaves is taken away."""

    def backward(self, ctx: Any, run: Run, grads: Sequence[Any]) -> Any:
        leaves = _leaves(ctx)
        held = [leaf.grad for leaf in leaves]
        values = copies(held)
        returned = run(*grads)
        for leaf, grad, value in zip(leaves, held, values, strict=True):
            leaf.grad = grad
            if grad is not None and value is not None:
                grad.copy_(value)
        return returned


def _leaves(node: Any) -> list[Tensor]:
    ahead, found = [node], []
    for _ in range(MOST_NODES):
        if not ahead:
            break
        here = ahead.pop(0)
        if hasattr(here, "variable"):
            found.append(here.variable)
        ahead += [below for below, _ in here.next_functions if below is not None]
    return found


def _contiguous(probe: Probe) -> Call:
    call = probe.call
    for i in range(len(call.slots)):
        call = laid(call, i, partial(torch.clone, memory_format=torch.contiguous_format))
    return call


def _by(mend: Callable[[Probe], Mend]) -> Callable[[Probe], Call]:
    return lambda probe: mended(probe.call, mend(probe))


_refused_left_out = _by(lambda probe: RefusedLeftOut(probe.call))
_own_state = _by(lambda probe: OwnState(probe.source.function))

#: By code: the ways to undo the fault. Each returns the call without it, or raises :class:`NotApplicable`.
MENDS: Mapping[str, Sequence[Callable[[Probe], Call]]] = {
    **{code: [_refused_left_out] for code in ("AG004", "AG401", "AG404", "AG405")},
    "AG107": [_by(lambda probe: Seeded(probe.subject.seed))],
    "AG202": [_by(lambda probe: OutputsSaved())],
    **{code: [_by(lambda probe: SavedByHand())] for code in ("AG203", "AG204")},
    "AG205": [
        _by(lambda probe: SavedOnce(joined=True)),
        _by(lambda probe: SavedOnce(joined=False)),
    ],
    **{code: [_own_state] for code in ("AG206", "AG209", "AG307")},
    "AG301": [_by(lambda probe: GradOutputsCopied(list(probe.run.backward_runs[0].changed_grads)))],
    "AG302": [_by(lambda probe: SavedCopied(list(probe.run.backward_runs[0].changed_saved)))],
    "AG303": [_by(lambda probe: InputsPutBack()), _by(lambda probe: InputsMarkedDirty())],
    "AG304": [_by(lambda probe: DirtyIgnored())],
    "AG309": [_by(lambda probe, value=value: Filled(value)) for value in FRESH],
    "AG408": [_contiguous],
    "AG505": [_by(lambda probe: LeavesKept())],
}
