"""All declarations put together: what is meant by one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_autograd.call.call import Call
from pytest_autograd.call.declared import is_no_argument, names_of, unknown_names
from pytest_autograd.declarations.inline import inline
from pytest_autograd.declarations.layer import Layer, over
from pytest_autograd.declarations.names import file_of
from pytest_autograd.declarations.project import Project, nearest_project
from pytest_autograd.declarations.registered import registered
from pytest_autograd.declarations.validation import make_options, nearest
from pytest_autograd.errors import CheckError
from pytest_autograd.options import CONTRACTS, Ignore, Options
from pytest_autograd.places import class_place

#: Options that name arguments.
ABOUT_ARGUMENTS = ("domain", "keep", "overwrites", "accumulates", "grad_transform")


@dataclass(frozen=True)
class Meant:
    """The options for one call, and what is ignored with a reason."""

    options: Options
    ignores: tuple[Ignore, ...] = ()


@dataclass(frozen=True)
class Declarations:
    """Where declarations come from: a project, ``declare`` and comments; from nowhere without a project."""

    project: Project | None

    @classmethod
    def near(cls, folder: Path | None = None) -> Declarations:
        """Return those that hold in a folder, the current one if none is given."""
        return cls(nearest_project(folder or Path.cwd()))

    def meant(self, call: Call, given: Options) -> Meant:
        """Return what is meant by a call: what was given for it, then what is declared, the closest first.

        Raises:
            CheckError: a declaration is wrong; the message names its place.
        """
        if self.project is None:
            return Meant(given)
        layers = list(_layers(call, self.project))
        merged: dict[str, Any] = {}
        for layer in layers:
            layer.require_sound()
            _require_arguments(layer, call)
            merged = over(merged, layer.options)
        own = {name: getattr(given, name) for name in given.model_fields_set}
        options = make_options(**over(merged, own))
        return Meant(
            options, tuple(ignore for layer in reversed(layers) for ignore in layer.ignores)
        )


#: For code whose own word is not taken.
UNDECLARED = Declarations(None)


def _layers(call: Call, project: Project) -> Iterator[Layer]:
    """Yield what is declared of a call, the closest last."""
    function = call.function
    place = class_place(call.target) if function is None else None
    file = file_of(function) if function is not None else place and place.file
    yield from project.layers(function, file)
    if function is not None:
        yield from (layer for layer in (registered(function), inline(function)) if layer)


def _require_arguments(layer: Layer, call: Call) -> None:
    for option in ABOUT_ARGUMENTS:
        names = layer.options.get(option) or ()
        for name in (names,) if isinstance(names, str) else names:
            if unknown_names(call, [name]) and not is_no_argument(name):
                near = nearest(name, names_of(call))
                raise CheckError(
                    f"{layer.where}: {option}: {call.name} has no argument {name!r}{near}"
                )


def for_inner(call: Call, given: Options, outer: Call) -> Options:
    """Return of the options given for a callable those that speak of a Function inside it too.

    Not its contract, nor the domains of its own arguments.
    """
    own = {name: getattr(given, name) for name in given.model_fields_set if name not in CONTRACTS}
    if "domain" in own:
        domains = own["domain"] or {}
        own["domain"] = {n: d for n, d in domains.items() if unknown_names(outer, [n])}
    for option in ABOUT_ARGUMENTS:
        if option in own:
            own[option] = _of_call(own[option] or (), call)
            if not own[option]:
                del own[option]
    return Options(**own)


def _of_call(value: Any, call: Call) -> Any:
    names = [name for name in value if is_no_argument(name) or not unknown_names(call, [name])]
    return {name: value[name] for name in names} if isinstance(value, Mapping) else tuple(names)
