"""Which Function a dotted name means: by the module it was imported as, or by the file it was loaded from."""

from __future__ import annotations

import inspect
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pytest_autograd.declarations.validation import nearest
from pytest_autograd.errors import CheckError

LOCAL = "<locals>"


def file_of(function: type) -> str | None:
    """Return the file that a Function is written in, None without one."""
    try:
        return inspect.getsourcefile(function) or inspect.getfile(function)
    except (OSError, TypeError):
        return None


def means(name: str, function: type) -> bool:
    """Whether ``pkg.mod.Name`` is this Function, imported as that or loaded from a file ``pkg/mod.py``."""
    module = name.removesuffix(f".{function.__qualname__}")
    return module != name and (module == function.__module__ or _is_of_file(module, function))


def module_for(name: str, function: type) -> ModuleType | None:
    """Return the module of that name, if it is loaded; that of ``function`` where its file goes by the name."""
    found = sys.modules.get(name)
    return sys.modules.get(function.__module__) if _is_of_file(name, function) else found


def _is_of_file(module: str, function: type) -> bool:
    file = file_of(function)
    if file is None:
        return False
    path = Path(file)
    parts = path.parent.parts if path.stem == "__init__" else path.with_suffix("").parts
    wanted = tuple(module.split("."))
    return parts[-len(wanted) :] == wanted


def require_known(name: str, where: str, function: type) -> None:
    """Raise :class:`CheckError` where a loaded module has nothing of that name.

    What is not loaded cannot be asked, and nothing is loaded for it.
    """
    parts = name.split(".")
    if LOCAL in parts:
        return
    for count in range(len(parts) - 1, 0, -1):
        module = module_for(".".join(parts[:count]), function)
        if module is not None:
            _require_in(module, parts[count:], name, where)
            return


def _require_in(module: ModuleType, parts: list[str], name: str, where: str) -> None:
    found: Any = module
    for part in parts:
        found = getattr(found, part, None)
    if isinstance(found, type) or _may_be_loaded_yet(f"{module.__name__}.{parts[0]}", module):
        return
    base = name.removesuffix("." + ".".join(parts))
    known = [key for key, value in vars(module).items() if isinstance(value, type)]
    near = nearest(".".join(parts), known)
    raise CheckError(f"{where}: {base} has no Function {'.'.join(parts)!r}{near}")


def _may_be_loaded_yet(name: str, package: ModuleType) -> bool:
    try:
        return hasattr(package, "__path__") and find_spec(name) is not None
    except (ImportError, ValueError):
        return False
