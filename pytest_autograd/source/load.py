"""From a text or a file of Python to the target named in it."""

from __future__ import annotations

import builtins
import difflib
import linecache
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from pytest_autograd.errors import CheckError

SUBMITTED = "submitted.py"


@dataclass(frozen=True)
class Source:
    """A loaded source: its text, the file name its lines are known by, and the module it became."""

    text: str
    filename: str
    module: ModuleType

    def target(self, entry: str) -> Any:
        """Return what ``entry`` names: a Function, its ``apply``, a callable or a Module."""
        import torch

        found = self._lookup(entry, "entry")
        if isinstance(found, type) and issubclass(found, torch.nn.Module):
            return _build(found, entry)
        if isinstance(found, type) and not issubclass(found, torch.autograd.Function):
            raise CheckError(
                f"entry {entry!r} is a class, but neither a torch.autograd.Function nor an "
                f"nn.Module; {self._offer()}"
            )
        if not callable(found):
            raise CheckError(
                f"entry {entry!r} is a {type(found).__name__}, not a Function, callable or Module; "
                f"{self._offer()}"
            )
        return found

    def function(self, name: str, option: str) -> Any:
        """Return the callable that an option (``reference``, ``inputs``, ...) names."""
        found = self._lookup(name, option)
        if not callable(found):
            raise CheckError(f"{option} {name!r} is a {type(found).__name__}; name a function")
        return found

    def functions(self) -> list[str]:
        """Names of what the source defines and can be checked, Functions first."""
        return [name for _, name in sorted(self._candidates())]

    def _candidates(self) -> Iterator[tuple[int, str]]:
        import torch

        for name, value in vars(self.module).items():
            if name.startswith("__") or getattr(value, "__module__", None) != self.module.__name__:
                continue
            if isinstance(value, type) and issubclass(value, torch.autograd.Function):
                yield 0, name
            elif isinstance(value, torch.nn.Module) or callable(value):
                yield 1, name

    def _lookup(self, dotted: str, option: str) -> Any:
        found: Any = self.module
        for part in dotted.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                near = difflib.get_close_matches(dotted, self.functions(), n=1)
                guess = f" (did you mean {near[0]!r}?)" if near else ""
                raise CheckError(
                    f"{option} {dotted!r} is not in the source{guess}; {self._offer()}"
                ) from None
        return found

    def _offer(self) -> str:
        names = self.functions()
        return f"it defines: {', '.join(names)}" if names else "it defines no Function or callable"


def load_text(text: str) -> Source:
    """Load a text under the file name ``submitted.py``, so that findings have lines."""
    return _load(text, SUBMITTED)


def load_file(path: Path) -> Source:
    """Load a file the way ``python FILE`` would: its folder comes first on the import path."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckError(f"{path} cannot be read: {error}") from None
    sys.path.insert(0, str(path.resolve().parent))
    return _load(text, str(path.resolve()))


def described(error: BaseException, filename: str | None = None) -> str:
    """Return type, line in ``filename`` and message of an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == filename]
    place = f" at line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}{place}{f': {error}' if str(error) else ''}"


def _load(text: str, filename: str) -> Source:
    code = _compiled(text, filename)
    # An entry without a time stamp survives linecache.checkcache, which inspect.getsource calls.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    name = Path(filename).stem
    if name in sys.modules or name in sys.stdlib_module_names:
        name = f"checked_{name}"
    module = ModuleType(name)
    module.__file__ = filename
    module.__dict__["__builtins__"] = builtins
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        hint = " (only what is installed beside torch can be imported)"
        raise CheckError(
            f"the source raised {described(error, filename)}"
            f"{hint if isinstance(error, ImportError) else ''}"
        ) from error
    return Source(text, filename, module)


def _compiled(text: str, filename: str) -> CodeType:
    try:
        return compile(text, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise CheckError(
            f"the source does not parse: line {error.lineno}, column {error.offset}: {error.msg}"
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise CheckError(f"the source does not parse: {error or type(error).__name__}") from None


def _build(module_class: type, entry: str) -> Any:
    try:
        return module_class()
    except Exception as error:
        raise CheckError(
            f"the Module class {entry} cannot be built without arguments ({described(error)}); "
            f"make an instance in the source, layer = {entry}(...), and give its name as entry"
        ) from error
