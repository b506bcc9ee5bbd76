"""Which custom Functions were called, and with what: one call kept for each distinct signature."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.autograd.function import Function
from torch.utils import _python_dispatch as dispatch
from torch.utils import _pytree as pytree

from pytest_autograd.call.call import Call, ambient_autocast, differentiable
from pytest_autograd.call.intercept import METHODS, Apply, intercepted
from pytest_autograd.call.shared_parameters import shared_arguments
from pytest_autograd.call.slot import carry
from pytest_autograd.call.target import function_call
from pytest_autograd.errors import CheckError, first_line

functorch: Any = torch._C._functorch  # type: ignore[attr-defined]
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
MIB = 2**20
LONG = 120


@dataclass
class Recorded:
    """One distinct signature: how often it was called, and its first call while that is kept.

    ``problem`` says why no call is kept; ``settled`` that none will be kept any more.
    """

    key: str
    function: type[Function]
    count: int = 0
    call: Call | None = None
    bytes: int = 0
    problem: str | None = None
    settled: bool = False
    default_dtype: torch.dtype = torch.float32

    def release(self) -> Call | None:
        """Hand the kept call over and keep no other."""
        call, self.call, self.settled = self.call, None, True
        return call


class Recorder:
    """Records calls of authors' Functions; values are cloned when a signature is first seen.

    Args:
        wants: which Functions to record; the others are counted in ``left_out``.
        per_call: bytes of tensors above which one call is not kept.
        in_all: bytes of tensors that may be kept at a time.
    """

    def __init__(
        self,
        wants: Callable[[type[Function]], bool] = lambda function: True,
        per_call: float = float("inf"),
        in_all: float = float("inf"),
    ) -> None:
        self.wants, self.per_call, self.in_all = wants, per_call, in_all
        self.sightings: dict[str, Recorded] = {}
        self.left_out: Counter[str] = Counter()
        self.touched: set[str] = set()
        self._unwrapping: set[type[Function]] = set()
        self._identities: dict[type[Function], str] = {}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record all calls made in the enclosed block; ``touched`` then holds their keys."""
        self.touched = set()
        with intercepted(self._note):
            yield

    def calls(self) -> list[Call]:
        """Return one call per distinct (Function, shapes, dtypes, requires_grad flags, other arguments)."""
        return [seen.call for seen in self.sightings.values() if seen.call is not None]

    @property
    def seen(self) -> int:
        """How many calls there were."""
        return sum(seen.count for seen in self.sightings.values())

    @property
    def unusable(self) -> list[str]:
        """Why calls were not kept, one line a Function and reason."""
        lines = [
            f"{seen.function.__qualname__}: {seen.problem}"
            for seen in self.sightings.values()
            if seen.problem
        ]
        return list(dict.fromkeys(lines))

    def _note(
        self,
        function: type[Function],
        apply: Apply,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        under_transform: bool,
    ) -> Any:
        if function in self._unwrapping:  # the same call again, one transform further in
            return apply(*args, **kwargs)
        if not self.wants(function):
            self.left_out[f"{function.__module__}.{function.__qualname__}"] += 1
            return apply(*args, **kwargs)
        with temporarily_clear_interpreter_stack(), _unwatched():
            plain = [_plain(value) for value in args]
            keywords = {name: _plain(value) for name, value in kwargs.items()}
            originals = plain if under_transform else args
            self._see(function, plain, keywords, originals)
        if not under_transform:
            return apply(*args, **kwargs)
        self._unwrapping.add(function)
        try:
            return apply(*args, **kwargs)
        finally:
            self._unwrapping.discard(function)

    def _see(
        self,
        function: type[Function],
        args: list[Any],
        kwargs: dict[str, Any],
        originals: Sequence[Any],
    ) -> None:
        if function not in self._identities:
            self._identities[function] = identity(function)
        values = ", ".join(_signature(value) for value in (*args, *kwargs.values()))
        key = f"{self._identities[function]}({values})"
        seen = self.sightings.setdefault(key, Recorded(key, function))
        seen.count += 1
        self.touched.add(key)
        if seen.call is None and not seen.settled:
            try:
                self._keep(seen, args, kwargs, originals)
            except (
                Exception
            ) as error:  # the test must go on; the reason is reported with the Function
                seen.problem = str(error) if isinstance(error, CheckError) else _told(error)
                seen.settled = True

    def _keep(
        self, seen: Recorded, args: list[Any], kwargs: dict[str, Any], originals: Sequence[Any]
    ) -> None:
        leaves = pytree.tree_leaves((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        if any(type(tensor).__name__ == "FakeTensor" for tensor in tensors):
            raise CheckError("it was called on fake tensors, which hold no values")
        seen.bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        seen.problem = self._too_big(seen)
        if seen.problem is None:
            copies = [_copy(value) for value in args]
            keywords = {name: _copy(value) for name, value in kwargs.items()}
            links = shared_arguments(seen.function, [*args, *kwargs.values()])
            call = function_call(seen.function, copies, keywords, shared=links)
            if not kwargs:
                call = call.laid_like([originals[slot.position] for slot in call.slots])
            seen.call = replace(call, autocast=ambient_autocast())
            seen.default_dtype = torch.get_default_dtype()

    def _too_big(self, seen: Recorded) -> str | None:
        size = f"{seen.bytes / MIB:,.0f} MiB of tensors"
        if seen.bytes > self.per_call:
            seen.settled = True
            return f"too big to keep: {size}, more than the {self.per_call / MIB:,.0f} MiB a call may take"
        kept = sum(other.bytes for other in self.sightings.values() if other.call is not None)
        if seen.bytes + kept > self.in_all:
            return f"too big to keep: {size} beside {kept / MIB:,.0f} MiB kept already"
        return None


def identity(function: type[Function]) -> str:
    """Return a text that is the same in every process for the same Function, and differs between generated ones."""
    parts: list[str] = []
    for name in METHODS:
        code = getattr(function, name, None)
        if isinstance(code, FunctionType):
            cells = [_cell(cell) for cell in code.__closure__ or ()]
            parts.append(f"{name} {_code(code.__code__)} {cells}")
    settings = {
        name: _signature(value)
        for name, value in sorted(vars(function).items())
        if isinstance(value, int | float | str | tuple) and not name.startswith("__")
    }
    digest = zlib.crc32(f"{parts} {settings}".encode())
    return f"{function.__module__}.{function.__qualname__}#{digest:08x}"


def _code(code: CodeType) -> str:
    constants = [_code(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _cell(cell: Any) -> str:
    try:
        return _signature(cell.cell_contents)
    except ValueError:  # not filled yet
        return "empty"


def _unwatched() -> AbstractContextManager[Any]:
    """Hide what the recorder does from the dispatch modes of the test, and from inference mode."""
    if torch._C._len_torch_dispatch_stack():  # type: ignore[attr-defined]
        return _both(dispatch._disable_current_modes(), torch.inference_mode(False))
    return torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext()


@contextmanager
def _both(one: Any, other: Any) -> Iterator[None]:
    with one, other:
        yield


def _plain(value: Any) -> Any:
    """Return a value that outlives the call: a tensor without functorch wrappers, of a batch the first entry."""
    if not isinstance(value, Tensor):
        return value
    original, wanted = value, value.requires_grad
    with torch.no_grad():
        while functorch.is_functorch_wrapped_tensor(value):
            wanted = wanted or functorch.is_gradtrackingtensor(value)
            batch = functorch.maybe_get_bdim(value) if functorch.is_batchedtensor(value) else None
            value = functorch.get_unwrapped(value)
            if batch is not None:
                value = value.select(batch, 0)
        plain = value.detach().clone() if value.is_inference() else value.detach()
    return _like(original, plain.requires_grad_(wanted and differentiable(plain)))


def _like(original: Tensor, copy: Tensor) -> Tensor:
    """Return the copy as the Parameter that the original is, with what hung on it."""
    if isinstance(original, nn.Parameter):
        copy = Tensor._make_subclass(type(original), copy.detach(), copy.requires_grad)
    if vars(original):
        carry(vars(original), copy)
    return copy


def _signature(value: Any) -> str:
    """Return what of an argument makes a call distinct, as a text that holds in every process."""
    if isinstance(value, Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        device = "" if value.device.type == "cpu" else f" {value.device.type}"
        return f"{kind}{list(value.shape)}{device}{' grad' if value.requires_grad else ''}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_signature, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}: {_signature(v)}' for k, v in value.items())}}}"
    if type(value).__module__ == "numpy" and hasattr(value, "shape"):
        return f"numpy {value.dtype}{list(value.shape)}"
    if callable(value):
        named = getattr(value, "__qualname__", None) or type(value).__qualname__
        code = value.__code__ if isinstance(value, FunctionType) else None
        suffix = f"#{zlib.crc32(_code(code).encode()):08x}" if code else ""
        return f"{getattr(value, '__module__', '')}.{named}{suffix}"
    text = ADDRESS.sub("", repr(value))
    return text if len(text) <= LONG else f"{text[:LONG]}...{zlib.crc32(text.encode()):08x}"


def _copy(value: Any) -> Any:
    """Return a copy that later writes cannot reach: of a tensor, of the tensors in a container, of a module."""
    if isinstance(value, Tensor):
        return _like(value, value.detach().clone().requires_grad_(value.requires_grad))
    if isinstance(value, tuple | list | dict):
        return pytree.tree_map(
            lambda leaf: _copy(leaf) if isinstance(leaf, Tensor) else leaf, value
        )
    return value


def _told(error: Exception) -> str:
    return f"it could not be recorded: {type(error).__name__}: {first_line(error)}"
