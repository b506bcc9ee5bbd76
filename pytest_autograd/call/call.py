"""One call of the checked code: which tensors go in, what is fixed, what comes out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pytest_autograd.call.layout import lay, layouts_of
from pytest_autograd.call.slot import Slot, carry
from pytest_autograd.errors import CheckError
from pytest_autograd.options import Options

Tensors = list[Tensor]
#: From one tensor a slot to the arguments, positional and by keyword.
Rebuild = Callable[[Sequence[Tensor]], tuple[Sequence[Any], dict[str, Any]]]

WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
}


def differentiable(tensor: Tensor) -> bool:
    """Whether a tensor of this dtype can have a gradient."""
    return tensor.is_floating_point() or tensor.is_complex()


@dataclass(frozen=True)
class Autocast:
    """An autocast region: for which kind of device, and to which dtype."""

    device: str
    dtype: torch.dtype

    def region(self) -> AbstractContextManager[Any]:
        """Return the context that enters it."""
        return torch.autocast(self.device, self.dtype)


def ambient_autocast() -> Autocast | None:
    """Return the autocast region that is entered now, None if there is none."""
    for device in ("cuda", "cpu"):
        if torch.is_autocast_enabled(device):
            return Autocast(device, torch.get_autocast_dtype(device))
    return None


@dataclass(frozen=True)
class Call:
    """The checked code with everything fixed but its tensors.

    ``rebuild`` turns one tensor per slot into the arguments; ``target`` takes them. ``function`` is the custom
    Function when the call goes straight to its ``apply``; ``constants`` says what else was passed.
    ``first_order_only``: a sparse input, for which second derivatives are not judged. ``absent``: the arguments that
    are None. ``sizes_may_be_known``: objects among the constants, which may know the sizes of the tensors.
    ``autocast``: the region in which the call was made, entered again for forward. ``kept``, ``kept_sizes``: arguments
    and sizes that are not varied. ``inside``: the Functions that a callable reaches and whose gradient is declared not
    to be forward's derivative, with their options. ``installed``: puts the tensors where a module keeps its parameters;
    ``own_target``: the target on the parameters that it has.
    """

    name: str
    slots: tuple[Slot, ...]
    target: Callable[..., Any]
    rebuild: Rebuild
    function: type[torch.autograd.Function] | None = None
    constants: tuple[str, ...] = ()
    first_order_only: bool = False
    sizes_may_be_known: bool = False
    absent: tuple[str, ...] = ()
    autocast: Autocast | None = None
    kept: frozenset[str] = frozenset()
    kept_sizes: frozenset[int] = frozenset()
    inside: Mapping[type, Options] = field(default_factory=dict)
    own_target: Callable[..., Any] | None = None
    installed: Callable[[Sequence[Tensor]], AbstractContextManager[Any]] | None = None

    def rerun_with(self, tensors: Sequence[Tensor]) -> AbstractContextManager[Any]:
        """Return the block in which a backward that runs forward again finds these tensors."""
        return self.installed(tensors) if self.installed is not None else nullcontext()

    def invoke(self, tensors: Sequence[Tensor], target: Callable[..., Any] | None = None) -> Any:
        """Call the target, or another with the same arguments, on one tensor per slot.

        Only :mod:`pytest_autograd.running.author_code` may.
        """
        args, kwargs = self.rebuild(tensors)
        with self.autocast.region() if self.autocast is not None else nullcontext():
            return (target or self.target)(*args, **kwargs)

    @property
    def shared(self) -> list[Tensor]:
        """The caller's own tensors that take the values of each point."""
        return [slot.shared for slot in self.slots if slot.shared is not None]

    @property
    def names_inside(self) -> str:
        """Names of the Functions in ``inside``."""
        return ", ".join(sorted(function.__qualname__ for function in self.inside))

    @property
    def flat(self) -> bool:
        """Whether only the top level of the outputs counts, as for a Function."""
        return self.function is not None

    @property
    def differentiated(self) -> list[int]:
        """Indices of the slots that are differentiated."""
        return [i for i, slot in enumerate(self.slots) if slot.differentiated]

    @property
    def freezable(self) -> list[int]:
        """Indices of the differentiated slots whose gradient can be asked for or not: those of copies."""
        return [i for i in self.differentiated if self.slots[i].shared is None]

    def filled(self, point: Sequence[Tensor]) -> Tensors:
        """Return a value for every slot: those of ``point`` in the differentiated ones, the others as given."""
        values = [slot.value for slot in self.slots]
        for i, value in zip(self.differentiated, point, strict=True):
            values[i] = value
        return values

    def fresh(self, values: Sequence[Tensor] | None = None) -> tuple[Tensors, Tensors]:
        """Return (leaves, arguments): a new leaf for every slot and what to pass in.

        The ``requires_grad`` flags are those of the call, since some forwards branch on them. A shared tensor is
        passed itself, with new memory.
        """
        leaves = []
        with torch.enable_grad():
            for i, slot in enumerate(self.slots):
                value = slot.value if values is None else values[i]
                if slot.shared is not None:
                    slot.shared.data, slot.shared.grad = value.detach().clone(), None
                    leaves.append(slot.shared)
                else:
                    leaves.append(slot.leaf(value))
            return leaves, self.arguments(leaves)

    def arguments(self, leaves: Sequence[Tensor]) -> Tensors:
        """Return what to pass in for a leaf a slot: laid out in memory and with attributes as the originals."""
        pairs = list(zip(self.slots, leaves, strict=True))
        own = [leaf if slot.shared is not None else slot.argument(leaf) for slot, leaf in pairs]
        laid = lay([slot.layout for slot in self.slots], own)
        for slot, argument in zip(self.slots, laid, strict=True):
            if slot.shared is None:
                carry(slot.attributes, argument)
        return laid

    def laid_like(self, originals: Sequence[Tensor]) -> Call:
        """Return the call whose copies lie in memory as ``originals`` do, one a slot."""
        laid = zip(self.slots, layouts_of(originals), _twins(self.slots, originals), strict=True)
        slots = tuple(
            replace(slot, layout=None if slot.shared is not None else layout, twin=twin)
            for slot, layout, twin in laid
        )
        return replace(self, slots=slots)

    def laid_plainly(self) -> Call:
        """Return the same call on copies that lie in memory as nothing special."""
        return replace(self, slots=tuple(replace(slot, layout=None) for slot in self.slots))

    def with_frozen(self, *indices: int) -> Call:
        """Return the same call with the slots of these indices not differentiated."""
        slots = tuple(
            replace(slot, differentiated=slot.differentiated and i not in indices)
            for i, slot in enumerate(self.slots)
        )
        return replace(self, slots=slots)

    def in_dtypes(self) -> list[Call]:
        """Return the call on float64, on float32 and on the dtypes given, each once: the widest first."""
        calls = [
            self.widened(),
            self.cast({torch.float16: torch.float32, torch.bfloat16: torch.float32}),
            self,
        ]
        return list({tuple(s.value.dtype for s in call.slots): call for call in calls}.values())

    def cast(self, dtypes: Mapping[torch.dtype, torch.dtype]) -> Call:
        """Return the same call on copies, those of a dtype that is named in the other one."""

        def of(value: Any) -> Any:
            return (
                value.to(dtypes.get(value.dtype, value.dtype))
                if isinstance(value, Tensor)
                else value
            )

        slots = tuple(
            replace(
                slot,
                value=of(slot.value),
                attributes={name: of(value) for name, value in slot.attributes.items()},
            )
            for slot in self.slots
        )
        return replace(self, slots=slots)

    def with_values(self, values: Sequence[Tensor]) -> Call:
        """Return the same call on other values, but for those of arguments that are kept.

        What hung on a tensor, in its shape, takes the new shape.
        """
        pairs = zip(self.slots, values, strict=True)
        slots = (slot if slot.name in self.kept else slot.resized(new) for slot, new in pairs)
        return replace(self, slots=tuple(slots))

    def widened(self) -> Call:
        """Return the same call on float64 and complex128 copies."""
        return self.cast(WIDE)

    def describe(self) -> str:
        """Say in one line what was passed in."""
        return "; ".join([*(slot.describe() for slot in self.slots), *self.constants])


def _twins(slots: Sequence[Slot], tensors: Sequence[Tensor]) -> list[str | None]:
    """Return for each slot the name of the one before it that holds the same tensor, None if there is none."""
    first: dict[int, str] = {}
    names = [first.setdefault(id(t), slot.name) for slot, t in zip(slots, tensors, strict=True)]
    return [None if name == slot.name else name for name, slot in zip(names, slots, strict=True)]


def named_outputs(raw: Any, flat: bool) -> list[tuple[str, Tensor]]:
    """Return the tensors among the outputs with a name each.

    ``flat``: look only at the top level of a tuple, as autograd does with what a Function returns.
    """
    if isinstance(raw, Tensor):
        return [("output", raw)]
    if flat:
        items = raw if isinstance(raw, tuple) else ()
        return [(f"output[{i}]", item) for i, item in enumerate(items) if isinstance(item, Tensor)]
    leaves, _ = pytree.tree_flatten_with_path(raw)
    return [
        (f"output{pytree.keystr(path)}", leaf) for path, leaf in leaves if isinstance(leaf, Tensor)
    ]


def parameter_names(code: Callable[..., Any], skip: int, count: int) -> list[str]:
    """Return a name for each of ``count`` positional arguments, the first ``skip`` parameters left out."""
    try:
        parameters = list(inspect.signature(code).parameters.values())[skip:]
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        elif parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return (names + [f"argument {i}" for i in range(len(names), count)])[:count]


def choose_wanted(named: Sequence[tuple[str, Tensor]], optional: bool = False) -> set[str]:
    """Return the names of the tensors to differentiate: those that require grad, else all that could.

    Raises:
        CheckError: there is none and it is not ``optional``.
    """
    for name, tensor in named:
        if tensor.layout != torch.strided:
            layout = str(tensor.layout).removeprefix("torch.")
            raise CheckError(
                f"{name} is {layout}: finite differences need dense tensors, so pass a callable that takes the values "
                "and builds the sparse tensor inside"
            )
    asked = {name for name, tensor in named if tensor.requires_grad}
    wanted = asked or {name for name, tensor in named if differentiable(tensor)}
    if not wanted and not optional:
        kinds = sorted({str(tensor.dtype).removeprefix("torch.") for _, tensor in named})
        what = f"only {', '.join(kinds)} tensors" if kinds else "no tensor"
        raise CheckError(
            f"nothing to differentiate: the inputs hold {what}; pass at least one floating or complex "
            "tensor (float64 is best)"
        )
    return wanted
