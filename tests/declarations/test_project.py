"""What ``pyproject.toml`` declares: for the suite, for files, for Functions by name; and what of it cannot be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from pytest_autograd import CheckError, Report, check, declare
from pytest_autograd.checking import checked, make_options
from pytest_autograd.cli.main import main
from pytest_autograd.declarations.declarations import UNDECLARED, Declarations
from pytest_autograd.declarations.project import nearest_project

LAYERS = """
import torch
from torch.autograd import Function

class Truncated(Function):
    '''Saves in vain; the gradient is that of another function.'''
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.trunc()
    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output

class Thrice(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 3 * x
    @staticmethod
    def backward(ctx, grad_output):
        return 3 * grad_output

class Outer:
    class Held(Thrice): pass

def twice(x): return 2 * x
def scaled(gradient): return gradient
"""
PACKAGE, NAME = "project_of_layers", "project_of_layers.inner.layers"
Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write the table of a project whose folder is the current one."""
    inner = tmp_path / PACKAGE / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    (inner / "layers.py").write_text(LAYERS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(inner)

    def written(text: str) -> None:
        (tmp_path / "pyproject.toml").write_text(text)

    yield written
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def layers() -> ModuleType:
    return import_module(NAME)


def inputs() -> torch.Tensor:
    return torch.linspace(-2, 2.3, 5, dtype=torch.float64, requires_grad=True)


def quick(target: Any, **options: Any) -> Report:
    return check(target, inputs(), **{"level": "quick", **options})


def table(name: str, *lines: str) -> str:
    return "\n".join([f'[tool.pytest_autograd.functions."{NAME}.{name}"]', *lines])


def test_a_function_is_declared_by_its_name(write: Write) -> None:
    write(table("Truncated", f'surrogate = "{NAME}:twice"', 'ignore = {AG207 = "read by a hook"}'))
    report = quick(layers().Truncated)
    assert (report.verdict, report.codes) == ("verified", set()), str(report)
    (told,) = report.ignored
    assert (told.reason, told.needed) == ("read by a hook", True)
    assert told.where == f'pyproject.toml [tool.pytest_autograd.functions."{NAME}.Truncated"]'
    assert quick(layers().Thrice).codes == {"AG207"}
    inside = quick(lambda x: layers().Truncated.apply(x).sin())
    assert (inside.verdict, inside.codes) == ("verified", set()), str(inside)


def test_one_that_was_loaded_by_its_file_is_the_same(write: Write, tmp_path: Path) -> None:
    from pytest_autograd.source.load import load_file

    write(table("Truncated", f'surrogate = "{NAME}:twice"', 'ignore = ["AG207"]'))
    file = tmp_path / PACKAGE / "inner" / "layers.py"
    loaded = load_file(file).module
    assert loaded.__name__ != NAME
    assert quick(loaded.Truncated).codes == set()
    assert NAME not in sys.modules
    declare(layers().Thrice, ignore={"AG207": "declared of the imported one"})
    assert quick(loaded.Thrice).codes == set()


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (['level = "full"', "gradgrad = false"], {"level": "full", "gradgrad": False}),
        (['domain = {x = "interval(-9, 9)"}'], {}),
        (['keep = ["x.shape[0]"]', 'overwrites = "grad_output"'], {"keep": ("x.shape[0]",)}),
        (['accumulates = {x = "main_grad"}'], {"accumulates": {"x": "main_grad"}}),
    ],
)
def test_plain_options_are_merged(write: Write, lines: list[str], names: dict[str, Any]) -> None:
    from pytest_autograd.call.target import make_call

    write(table("Thrice", *lines))
    call = make_call(layers().Thrice, (inputs(),), {})
    meant = Declarations.near().meant(call, make_options(rtol=1e-3)).options
    assert {name: getattr(meant, name) for name in names} == names
    assert meant.rtol == 1e-3
    assert Declarations.near().meant(call, make_options(level="quick")).options.level == "quick"


def test_suite_file_function_and_call_in_that_order(write: Write) -> None:
    write(
        f"""
[tool.pytest_autograd]
ignore = {{AG207 = "nobody minds"}}
select = ["AG1", "AG2", "AG3"]

[tool.pytest_autograd.per-file-ignores]
"{PACKAGE}/inner/*.py" = ["AG301"]
"elsewhere/*.py" = ["AG1"]

{table("Truncated", 'select = ["AG2", "AG3"]', 'ignore = ["AG302"]')}
"""
    )
    report = quick(layers().Truncated)
    assert {each.code for each in report.checks if each.code} >= {"AG201", "AG301", "AG207"}
    assert not {each.code for each in report.checks} & {"AG101", "AG501"}
    assert {each.code: each.needed for each in report.ignored} == {"AG301": False, "AG302": False}
    (suite,) = [each for each in report.checks if each.code == "AG207"]
    assert suite.status == "skipped"
    assert suite.reason == "ignored: nobody minds (pyproject.toml [tool.pytest_autograd])"
    assert "AG101" in quick(layers().Truncated, select="AG101").codes


def test_a_scaled_gradient_is_declared_by_argument(write: Write) -> None:
    write(table("Thrice", f'grad_transform = {{x = "{NAME}:scaled"}}', 'ignore = ["AG207"]'))
    report = quick(layers().Thrice)
    assert report.verdict == "verified"
    assert "the declared transform" in report.summary


def test_the_nearest_file_with_a_table_counts(write: Write, tmp_path: Path) -> None:
    write('[tool.pytest_autograd]\nignore = ["AG207"]\n')
    (Path.cwd() / "pyproject.toml").write_text("[tool.other]\n")
    assert quick(layers().Thrice).codes == set()
    write("[tool.other]\n")
    assert quick(layers().Thrice).codes == {"AG207"}
    assert nearest_project(tmp_path).root is None


def test_where_nothing_is_asked_nothing_is_declared(write: Write) -> None:
    write('[tool.pytest_autograd]\nignore = ["AG1", "AG2"]\n')
    declare(layers().Truncated, surrogate=layers().twice)
    report = checked(layers().Truncated, (inputs(),), make_options(level="quick"), UNDECLARED)
    assert report.codes >= {"AG101"}
    assert report.ignored == ()


def test_the_command_line_looks_beside_the_file(
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(table("Truncated", f'surrogate = "{NAME}:twice"', 'ignore = ["AG207"]'))
    target = f"{tmp_path / PACKAGE / 'inner' / 'layers.py'}::Truncated"
    monkeypatch.chdir("/")
    arguments = ("--inputs", "torch.linspace(-2, 2, 5).double()", "--level", "quick", "--json")
    assert main(["check", target, *arguments]) == 0
    report = Report.model_validate_json(capsys.readouterr().out)
    assert (report.verdict, report.codes) == ("verified", set())
    write("[tool.pytest_autograd]")
    assert main(["check", target, *arguments]) == 1
    assert "AG101" in Report.model_validate_json(capsys.readouterr().out).codes


WRONG = {
    "key": (
        "[tool.pytest_autograd]\nignor = []",
        r"\]: unknown key 'ignor'; .*did you mean 'ignore'",
    ),
    "code": (
        '[tool.pytest_autograd]\nignore = ["AG20X"]',
        r"\]: option ignore: no rule matches 'AG20X'",
    ),
    "file code": (
        '[tool.pytest_autograd.per-file-ignores]\n"a.py" = ["AG2077"]',
        r"\.per-file-ignores\] 'a\.py': option ignore: no rule matches 'AG2077': .* \(did you mean 'AG207'\?\)",
    ),
    "option": (
        table("Thrice", "gradgard = 1"),
        r"Thrice\"\]: unknown option 'gradgard'.*'gradgrad'",
    ),
    "value": (table("Thrice", "level = 3"), r"Thrice\"\]: option level: "),
    "domain": (
        table("Thrice", 'domain = {x = "simplx"}'),
        r"Thrice\"\]: option domain: 'simplx' is",
    ),
    "argument": (table("Thrice", 'keep = ["y"]'), r"Thrice\"\]: keep: Thrice has no argument 'y'"),
    "name": (
        table("Thrise"),
        rf"Thrise\"\]: {NAME} has no Function 'Thrise' \(did you mean 'Thrice'",
    ),
    "no Function": (table("twice"), rf"{NAME} has no Function 'twice'"),
    "nested name": (table("Outer.Hold"), rf"{NAME} has no Function 'Outer.Hold'"),
    "module": (
        f'[tool.pytest_autograd.functions."{PACKAGE}.iner.layers.Thrice"]',
        rf"\]: {PACKAGE} has no Function 'iner.layers.Thrice'",
    ),
    "no module": ("[tool.pytest_autograd.functions.Thrice]", r"name a Function with its module"),
    "not a table": ("[tool]\npytest_autograd = 3", r"\[tool.pytest_autograd\]: write a table"),
    "function": (
        table("Thrice", 'surrogate = "twice"'),
        r"surrogate: 'twice' names no function: write \"pkg.mod:name\"",
    ),
    "function of the module": (
        table("Thrice", f'surrogate = "{NAME}:twise"'),
        rf"surrogate: {NAME} has no 'twise' \(did you mean 'twice'\?\)",
    ),
    "import": (
        table("Thrice", 'surrogate = "no_such_package_of_ours:f"'),
        r"surrogate: no_such_package_of_ours cannot be imported",
    ),
    "no toml": ("[tool.pytest_autograd", r"^pyproject\.toml cannot be read: "),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_names_its_place(write: Write, text: str, said: str) -> None:
    write(text)
    with pytest.raises(CheckError, match=said) as raised:
        quick(layers().Thrice)
    assert str(raised.value).startswith("pyproject.toml")


def test_what_nobody_loads_or_calls_is_no_error(write: Write) -> None:
    names = [f"{PACKAGE}.not_loaded.Name", "some_other_package.mod.Name"]
    (Path.cwd().parent / "not_loaded.py").write_text("raise RuntimeError('loaded')")
    tables = (f'[tool.pytest_autograd.functions."{name}"]\nlevel = "quick"\n' for name in names)
    write(
        "\n".join(
            [*tables, table("Truncated", f'surrogate = "{NAME}:no_such"'), table("Outer.Held")]
        )
    )
    assert quick(layers().Thrice).codes == {"AG207"}
