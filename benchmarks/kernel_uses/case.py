"""One call of a kernel's Function, the same in plain torch, and what is true of its gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

#: Relative error, in the norm of one gradient, from which it is wrong: kernels compute in float32.
WRONG = 1e-3


class Case(NamedTuple):
    """A call as the package's own modules make it.

    ``reference`` takes the same arguments in float64 and returns the outputs that carry a gradient, the others as
    None. ``overwrites`` names what the kernel changes in place on purpose.
    """

    name: str
    function: Any
    inputs: Callable[[], tuple[Any, ...]]
    reference: Callable[..., Any]
    overwrites: tuple[str, ...] = ()


def draw(*shape: int, scale: float = 1.0, grad: bool = True, shift: float = 0.0) -> Tensor:
    """Return normal values of a leaf."""
    return (torch.randn(*shape) * scale + shift).requires_grad_(grad)


def tuple_of(outputs: Any) -> tuple[Any, ...]:
    """Return the outputs of a call as a tuple."""
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)


def leaves(args: Sequence[Any]) -> Iterator[int]:
    """Yield the positions that are differentiated."""
    for i, arg in enumerate(args):
        if isinstance(arg, Tensor) and arg.requires_grad:
            yield i


def copied(arg: Any, dtype: torch.dtype | None = None) -> Any:
    """Return a fresh leaf with the same values and layout."""
    if not isinstance(arg, Tensor):
        return arg
    kind = arg.dtype
    if dtype is not None and (arg.is_floating_point() or arg.is_complex()):
        kind = torch.complex128 if arg.is_complex() else dtype
    made = torch.empty_strided(arg.shape, arg.stride(), dtype=kind).copy_(arg.detach())
    return made.requires_grad_(arg.requires_grad)


def strided(value: Tensor) -> Tensor:
    """Return the same values at every second place of a larger buffer."""
    return torch.stack([torch.full_like(value, 7.0), value], -1)[..., 1]


def transposed(value: Tensor) -> Tensor:
    """Return the same values with the last two axes stored the other way round."""
    return value.detach().transpose(-1, -2).contiguous().transpose(-1, -2)


def cotangents_of(outputs: Sequence[Any], expected: Sequence[Any]) -> list[Tensor | None]:
    """Return a random cotangent for each output that carries a gradient."""
    generator = torch.Generator().manual_seed(7)
    return [
        torch.randn(out.shape, generator=generator).to(out.dtype)
        if isinstance(out, Tensor) and ref is not None and out.requires_grad
        else None
        for out, ref in zip(outputs, expected, strict=True)
    ]


def gradients(outputs: Sequence[Any], args: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
    """Return the gradients of the differentiated arguments."""
    pairs = [
        (o, c)
        for o, c in zip(outputs, cotangents, strict=True)
        if c is not None and o.requires_grad
    ]
    wanted = [args[i] for i in leaves(args)]
    grads = [c.to(o.dtype) for o, c in pairs]
    return list(torch.autograd.grad([o for o, _ in pairs], wanted, grads, allow_unused=True))


def off_by(actual: Tensor | None, expected: Tensor | None) -> float:
    """Return the error relative to the norm of the expected gradient."""
    if expected is None:
        return 0.0 if actual is None else float(actual.abs().max())
    if actual is None or actual.numel() != expected.numel():
        return float("inf")
    error = (actual.double().reshape(expected.shape) - expected).norm()
    return float(error / expected.norm().clamp_min(1e-30))


class Truth(NamedTuple):
    """What plain torch says of one case, measured without the project."""

    faults: dict[str, str]
    written: tuple[str, ...]


def truth(case: Case, names: Sequence[str]) -> Truth:
    """Compare with plain torch in float64: as given, with each layout changed, with each argument frozen."""
    given = case.inputs()
    positions = list(leaves(given))
    calls: dict[str, Sequence[Any]] = {"as given": given}
    for i, value in enumerate(given):
        for how, lay in (("transposed", transposed), ("strided", strided)):
            if isinstance(value, Tensor) and value.is_floating_point() and lay_is_other(value, lay):
                laid = lay(value.detach()).requires_grad_(value.requires_grad)
                calls[f"{names[i]} {how}"] = [*given[:i], laid, *given[i + 1 :]]
    for i in positions if len(positions) > 1 else ():
        calls[f"{names[i]} frozen"] = [*given[:i], given[i].detach(), *given[i + 1 :]]
    faults = {when: compared(case, args, names) for when, args in calls.items()}
    faults["cotangent transposed"] = compared(case, given, names, layout=transposed)
    sound = not faults["as given"]
    told = {when: fault for when, fault in faults.items() if fault}
    return Truth(told, written(case, names) if sound else ())


def lay_is_other(value: Tensor, lay: Callable[[Tensor], Tensor]) -> bool:
    """Whether the layout applies to the tensor, and is not the one that it has."""
    enough = value.ndim >= 2 if lay is transposed else value.ndim >= 1 and value.numel() > 1
    return enough and value.is_contiguous() and not lay(value.detach()).is_contiguous()


def compared(
    case: Case,
    given: Sequence[Any],
    names: Sequence[str],
    layout: Callable[[Tensor], Tensor] = Tensor.clone,
) -> str:
    """Return what is wrong with outputs and gradients at these arguments, in words; empty where nothing is.

    A forward that raises refuses them, which is no fault.
    """
    args = [copied(arg) for arg in given]
    plain = [copied(arg, torch.float64) for arg in given]
    wanted = tuple_of(case.reference(*plain))
    # no leaves, as in a model
    passed = [a.view_as(a) if isinstance(a, Tensor) else a for a in args]
    try:
        outputs = tuple_of(case.function.apply(*passed))
    except Exception:  # whatever it is that forward raises
        return ""
    told = [
        f"output {i} off by {error:.2g}"
        for i, (out, ref) in enumerate(zip(outputs, wanted, strict=True))
        if ref is not None and (error := off_by(out, ref.detach())) > WRONG
    ]
    cotangents = cotangents_of(outputs, wanted)
    sent = [c if c is None else layout(c) if c.ndim >= 2 else c.clone() for c in cotangents]
    try:
        actual = gradients(outputs, args, sent)
    except Exception as error:  # and so is what backward raises
        return f"backward raises {type(error).__name__}: {str(error).partition(chr(10))[0][:150]}"
    expected = gradients(wanted, plain, cotangents)
    for i, ours, right in zip(leaves(args), actual, expected, strict=True):
        error = off_by(ours, right)
        if error > WRONG:
            told.append(f"{names[i]}: " + ("None" if ours is None else f"off by {error:.2g}"))
    return ", ".join(told)


def written(case: Case, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the arguments and cotangents that forward or backward changes in place."""
    args = [copied(arg) for arg in case.inputs()]
    before = [copied(arg) for arg in args]
    passed = [a.view_as(a) if isinstance(a, Tensor) else a for a in args]
    outputs = tuple_of(case.function.apply(*passed))
    wanted = tuple_of(case.reference(*[copied(a, torch.float64) for a in before]))
    cotangents = cotangents_of(outputs, wanted)
    kept = [copied(c) for c in cotangents]
    gradients(outputs, args, cotangents)
    changes = [
        *zip(names, args, before, strict=False),
        *(("grad_output", now, then) for now, then in zip(cotangents, kept, strict=True)),
    ]
    found = [
        name
        for name, now, then in changes
        if isinstance(now, Tensor) and not torch.equal(now.detach(), then.detach())
    ]
    return tuple(dict.fromkeys(found))
