"""State of a Function's own for each call: what its methods keep on classes, in globals and closures, and on ctx."""

from __future__ import annotations

import inspect
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from torch import Tensor
from torch.autograd.function import Function
from torch.utils import _pytree as pytree

from pytest_autograd.call.tensors import same
from pytest_autograd.diagnosis.mended import Mend, Run

DATA = (Tensor, int, float, complex, str, bool, type(None), list, dict, set, tuple, deque)
OWN = "_state_left"
Values = dict[str, Any]


@dataclass(frozen=True)
class Home:
    """A namespace that outlives a call."""

    names: Callable[[], Mapping[str, Any]]
    put: Callable[[str, Any], None]
    drop: Callable[[str], None]

    def read(self) -> Values:
        """Return the data in it."""
        return {
            name: value
            for name, value in self.names().items()
            if isinstance(value, DATA) and not name.startswith("__") and name != OWN
        }

    def write(self, values: Values) -> None:
        """Let it hold these data and no others."""
        held = self.read()
        for name in held.keys() - values.keys():
            self.drop(name)
        for name, value in values.items():
            if name not in held or held[name] is not value:
                self.put(name, value)


class OwnState(Mend):
    """Each forward begins with the state of the beginning, each backward with that which its forward left."""

    def __init__(self, function: type[Function]) -> None:
        self.homes = list(_homes(function))
        state = [home.read() for home in self.homes]
        self.first = copied(state, _without_graphs(state))
        self.left: list[Values] = []

    def forward(self, run: Run, arguments: Sequence[Any]) -> Any:
        with _installed(self.homes, copied(self.first)):
            output = run(*arguments)
            self.left = [home.read() for home in self.homes]
        return output

    def setup(self, run: Callable[[], Any]) -> None:
        with _installed(self.homes, self.left):
            run()
            self.left = [home.read() for home in self.homes]

    def after_forward(self, ctx: Any, arguments: Sequence[Any], output: Any) -> None:
        homes, state = [*self.homes, _attributes(ctx)], [*self.left, _attributes(ctx).read()]
        setattr(ctx, OWN, (homes, copied(state, _inputs_kept(state, arguments))))

    def backward(self, ctx: Any, run: Run, grads: Sequence[Any]) -> Any:
        homes, state = getattr(ctx, OWN)
        with _installed(homes, copied(state)):
            return run(*grads)


@contextmanager
def _installed(homes: Sequence[Home], state: Sequence[Values]) -> Iterator[None]:
    """Let ``homes`` hold ``state`` in the block."""
    before = [home.read() for home in homes]
    try:
        for home, values in zip(homes, state, strict=True):
            home.write(values)
        yield
    finally:
        for home, values in zip(homes, before, strict=True):
            home.write(values)


def _without_graphs(state: Sequence[Values]) -> dict[int, Any]:
    """Return by id of a tensor in ``state`` that is a result, such as an output of the last call, its values alone."""
    return {id(t): t.detach().clone() for t in _tensors(state) if not t.is_leaf}


def _inputs_kept(state: Sequence[Values], arguments: Sequence[Any]) -> dict[int, Any]:
    """Return by id of a tensor in ``state`` the argument that it is a copy of: saved, that would have a graph."""
    inputs = [a for a in arguments if isinstance(a, Tensor) and a.requires_grad]
    pairs = itertools.product(_tensors(state), inputs)
    return {id(t): a for t, a in pairs if t.dtype == a.dtype and same(t, a)}


def _tensors(state: Sequence[Values]) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(state) if isinstance(leaf, Tensor)]


def copied(value: Any, known: dict[int, Any] | None = None) -> Any:
    """Return data with new containers and new memory; what two of them share is shared by the copies."""
    known = {} if known is None else known
    if id(value) not in known:
        known[id(value)] = _copy(value, known)
    return known[id(value)]


def _copy(value: Any, known: dict[int, Any]) -> Any:
    if isinstance(value, Tensor):
        return value if value.requires_grad else value.clone()
    if isinstance(value, dict):
        return {key: copied(item, known) for key, item in value.items()}
    if type(value) in (list, tuple, set, deque):
        return type(value)(copied(item, known) for item in value)
    return value


def _homes(function: type[Function]) -> Iterator[Home]:
    """Yield the namespaces that the methods of ``function`` reach."""
    owners: dict[int, Any] = {id(c): c for c in function.__mro__ if not issubclass(Function, c)}
    ahead = [method for owner in owners.values() for method in vars(owner).values()]
    seen: set[Any] = set()
    while ahead:
        each = ahead.pop()
        code = inspect.unwrap(getattr(each, "__func__", each))
        if not isinstance(code, FunctionType) or code in seen:
            continue
        seen.add(code)
        reached = _names(code.__code__)
        spoken = {n: code.__globals__[n] for n in reached if n in code.__globals__}
        yield Home(
            partial(_chosen, code.__globals__, reached),
            code.__globals__.__setitem__,
            code.__globals__.__delitem__,
        )
        values = list(spoken.values())
        for cell in code.__closure__ or ():
            yield Home(partial(_content, cell), partial(setattr, cell), partial(delattr, cell))
            values += _content(cell).values()
        own = [value for value in values if _is_authors(value, code.__module__)]
        ahead += own
        for value in own:
            if not isinstance(value, FunctionType):
                owners[id(value)] = value
                ahead += vars(value if isinstance(value, type) else type(value)).values()
    yield from map(_attributes, owners.values())


def _names(code: CodeType) -> set[str]:
    inner = (_names(each) for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*inner)


def _chosen(namespace: Mapping[str, Any], names: set[str]) -> Values:
    return {name: namespace[name] for name in names if name in namespace}


def _content(cell: Any) -> Values:
    try:
        return {"cell_contents": cell.cell_contents}
    except ValueError:  # nothing is in it yet
        return {}


def _attributes(owner: Any) -> Home:
    return Home(partial(vars, owner), partial(setattr, owner), partial(delattr, owner))


def _is_authors(value: Any, module: str) -> bool:
    """Whether a value that code speaks of may keep state: a function, class or object of its own module."""
    if isinstance(value, threading.local):
        return True
    home = value if isinstance(value, type | FunctionType) else type(value)
    return home.__module__ == module and hasattr(value, "__dict__")
