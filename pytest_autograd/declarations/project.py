"""What a project declares in its ``pyproject.toml``, under ``[tool.pytest_autograd]``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pytest_autograd.declarations.layer import Layer, layer_of
from pytest_autograd.declarations.names import means, module_for, require_known
from pytest_autograd.declarations.validation import nearest
from pytest_autograd.errors import CheckError
from pytest_autograd.options import DECLARED, Ignore

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE, TABLE = "pyproject.toml", "tool.pytest_autograd"
SUITE = ("ignore", "select")
PER_FILE, FUNCTIONS = "per-file-ignores", "functions"
NOTHING = Layer(TABLE, {})


@dataclass(frozen=True)
class Project:
    """What holds for all Functions, for those of some files by pattern, and for single ones by name."""

    root: Path | None = None
    suite: Layer = NOTHING
    files: tuple[tuple[str, Layer], ...] = ()
    functions: tuple[tuple[str, Layer], ...] = ()

    def under(self, defaults: Mapping[str, Any], ignores: Sequence[Ignore]) -> Project:
        """Return the project with further options, and what is ignored, for a whole run."""
        options, ignored = {**self.suite.options, **defaults}, (*self.suite.ignores, *ignores)
        return replace(self, suite=Layer(self.suite.where, options, ignored))

    def layers(self, function: type | None, file: str | None) -> Iterator[Layer]:
        """Yield what is declared of a Function, or of a callable in ``file``; the closest comes last.

        Raises:
            CheckError: a name among the Functions is known to be none, or what is named cannot be had.
        """
        yield self.suite
        yield from (layer for pattern, layer in self.files if self._lies_in(file, pattern))
        if function is None:
            return
        for name, layer in self.functions:
            require_known(name, layer.where, function)
            if means(name, function):
                yield replace(layer, options=_with_functions(layer, function))

    def _lies_in(self, file: str | None, pattern: str) -> bool:
        if file is None or self.root is None:
            return False
        path = Path(file).resolve()
        below = path.is_relative_to(self.root)
        shown = path.relative_to(self.root) if below else path
        return fnmatch(shown.as_posix(), pattern) or fnmatch(path.name, pattern)


def nearest_project(folder: Path) -> Project:
    """Return what the nearest ``pyproject.toml`` with our table declares, at ``folder`` or above.

    Raises:
        CheckError: the file cannot be read, or declares what there is not.
    """
    for above in (folder, *folder.parents):
        file = above / FILE
        if file.is_file():
            project = _project_of(file, file.stat().st_mtime_ns)
            if project is not None:
                return project
    return Project()


@lru_cache(maxsize=64)
def _project_of(file: Path, _changed: int) -> Project | None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CheckError(f"{file.name} cannot be read: {error}") from None
    table = content.get("tool", {}).get("pytest_autograd")
    return None if table is None else _read(table, file)


def _read(table: Mapping[str, Any], file: Path) -> Project:
    where = f"{file.name} [{TABLE}]"
    known = (*SUITE, PER_FILE, FUNCTIONS)
    _require_table(table, where)
    for key in table:
        if key not in known:
            raise CheckError(
                f"{where}: unknown key {key!r}; there are {', '.join(known)}{nearest(key, known)}"
            )
    suite = layer_of(where, {key: table[key] for key in SUITE if key in table}, watched=False)
    suite.require_sound()
    place = f"{file.name} [{TABLE}.{PER_FILE}]"
    files = _require_table(table.get(PER_FILE, {}), place)
    functions = _require_table(table.get(FUNCTIONS, {}), f"{file.name} [{TABLE}.{FUNCTIONS}]")
    return Project(
        file.parent.resolve(),
        suite,
        tuple(
            (pattern, layer_of(f"{place} {pattern!r}", {"ignore": codes}))
            for pattern, codes in files.items()
        ),
        tuple(
            (name, _of_function(f'{file.name} [{TABLE}.{FUNCTIONS}."{name}"]', name, given))
            for name, given in functions.items()
        ),
    )


def _of_function(where: str, name: str, given: Any) -> Layer:
    if "." not in name:
        raise CheckError(f'{where}: name a Function with its module, in quotes: "pkg.mod.Name"')
    return layer_of(where, _require_table(given, where))


def _require_table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CheckError(f"{where}: write a table")
    return value


def _with_functions(layer: Layer, function: type) -> dict[str, Any]:
    """Return the options with contracts as the functions that they name, ``"pkg.mod:name"``."""
    options = dict(layer.options)
    for option in DECLARED:
        if option in options:
            options[option] = _named(options[option], f"{layer.where}: {option}", function)
    if "grad_transform" in options:
        maps = _require_table(options["grad_transform"], f"{layer.where}: grad_transform")
        options["grad_transform"] = {
            argument: _named(name, f"{layer.where}: grad_transform.{argument}", function)
            for argument, name in maps.items()
        }
    return options


def _named(name: Any, where: str, function: type) -> Any:
    module, _, attribute = str(name).partition(":")
    if not (module and attribute):
        raise CheckError(f'{where}: {name!r} names no function: write "pkg.mod:name"')
    try:
        found: Any = module_for(module, function) or import_module(module)
    except ImportError as error:
        raise CheckError(f"{where}: {module} cannot be imported: {error}") from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise CheckError(f"{where}: {module} has no {attribute!r}{nearest(part, vars(found))}")
        found = getattr(found, part)
    return found
