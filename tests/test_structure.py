"""The shape of the project: every module in its place, imports that point down, no circle, small files, one door."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from imports import FILES, NAMES, PACKAGES, circles, imported, name_of, tree_of
from loading import ROOT

from pytest_autograd.registry import all_rules

#: Folders and modules in the order of imports, bottom first: a module imports from its own folder or from before it.
ORDER = {
    "pytest_autograd": [
        *(
            "errors",
            "version",
            "places",
            "domains",
            "options",
            "report",
            "call",
            "running",
            "derivatives",
        ),
        *("facts", "rule", "diagnosis", "rules", "registry", "declarations", "audit", "checking"),
        *("writers", "source", "skill", "plugin", "cli"),
    ],
    "mcp_server": [
        *("command_line", "request", "isolation", "worker", "judge", "executors", "service"),
        *("tools", "resources", "server", "transport", "__main__"),
    ],
}
#: Folders whose ``__init__`` holds more than its docstring.
WITH_CODE = {"pytest_autograd", "pytest_autograd.domains", "pytest_autograd.plugin"}
DOOR = "pytest_autograd.running.author_code"
MODULE_LINES, MEDIAN_LINES, FUNCTION_LINES = 300, 130, 50
FOLDERS = [path.parent for path in FILES if path.name == "__init__.py"]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def place(module: str) -> tuple[int, int]:
    """Return where a module stands: the package, and the part of it; a package itself stands below its parts."""
    package, _, rest = module.partition(".")
    parts = ORDER[package]
    return PACKAGES.index(package), parts.index(rest.partition(".")[0]) if rest else -1


def test_every_module_has_its_place_and_every_place_a_module() -> None:
    parts = {tuple(name.split(".")[:2]) for name in NAMES - set(PACKAGES)}
    assert parts == {(package, part) for package, order in ORDER.items() for part in order}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    own = place(name_of(path))
    above = sorted(name for name in imported(path) if place(name) > own)
    assert above == [], f"{name_of(path)} imports from above"


def test_no_module_is_in_a_circle() -> None:
    graph = {name_of(path): imported(path) for path in FILES}
    assert circles(graph) == []


def test_circles_are_found() -> None:
    arrows = {"a": "b", "b": "ce", "c": "ad", "d": "", "e": "e", "f": "g", "g": "f"}
    graph = {node: frozenset(others) for node, others in arrows.items()}
    assert circles(graph) == [{"a", "b", "c"}, {"f", "g"}]


def test_the_package_never_imports_the_server() -> None:
    code = (
        "import importlib, sys\n"
        f"for name in {sorted(name for name in NAMES if name.startswith('pytest_autograd'))}:\n"
        "    importlib.import_module(name)\n"
        "assert not [name for name in sys.modules if name.startswith('mcp_server')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_authors_code_is_run_through_one_door() -> None:
    doors = {
        name_of(path)
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "invoke"
    }
    assert doors == {DOOR}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_modules_have_plain_names_and_import_names_one_by_one(path: Path) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*|__init__|__main__", path.stem)
    stars = [
        node
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    ]
    assert stars == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_folder_says_in_one_sentence_what_it_holds(folder: Path) -> None:
    tree = tree_of(folder / "__init__.py")
    sentence = (ast.get_docstring(tree) or "").partition("\n")[0]
    assert re.fullmatch(r"[A-Z].*[.?]", sentence)
    if name_of(folder) not in WITH_CODE:
        assert len(tree.body) == 1
        assert not re.search(r"[.?!] ", sentence)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_map_for_agents_says_the_same_of_it(folder: Path) -> None:
    name = folder.relative_to(ROOT)
    if len(name.parts) == 2:
        sentence = (ast.get_docstring(tree_of(folder / "__init__.py")) or "").partition("\n")[0]
        rows = (ROOT / "AGENTS.md").read_text().splitlines()
        (row,) = [row for row in rows if re.match(rf"\| [^|]*`{name.name}/`", row)]
        assert sentence.split(";")[0].split(",")[0].rstrip(".") in row


def length(function: ast.AST) -> int:
    """Count the lines of a function, without those of texts in it that go on for lines."""
    nodes = [function, *(n for n in ast.walk(function) if isinstance(n, ast.Constant))]
    own, *texts = [(node.end_lineno or 0) - node.lineno for node in nodes]  # type: ignore[attr-defined]
    return own + 1 - sum(texts)


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MODULE_LINES
    lengths = {
        node.name: length(node)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_median_module_is_short(package: str) -> None:
    files = [path for path in FILES if path.is_relative_to(ROOT / package)]
    assert statistics.median(len(path.read_text().splitlines()) for path in files) <= MEDIAN_LINES


def test_names_of_test_files_are_unique() -> None:
    """They are no packages, so two of one name would be one module."""
    names = [path.name for path in TESTS if path.name.startswith("test_")]
    assert sorted(set(names)) == sorted(names)
    packages = [path.parent for path in TESTS if path.name == "__init__.py"]
    assert [folder for folder in packages if list(folder.glob("test_*.py"))] == []


def test_folders_of_tests_do_not_hide_the_packages() -> None:
    import mcp_server
    import pytest_autograd

    for package in (mcp_server, pytest_autograd):
        assert package.__file__ == str(ROOT / package.__name__ / "__init__.py")


def test_light_imports_load_no_torch() -> None:
    code = (
        "import sys, pytest_autograd, pytest_autograd.plugin, pytest_autograd.skill.sections, mcp_server\n"
        "from pytest_autograd import Report, Finding, Rule, CheckError, autograd_checked\n"
        "from pytest_autograd.registry import all_rules\n"
        "assert len(all_rules()) > 20\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_public_names_resolve_and_are_not_modules() -> None:
    import pytest_autograd

    for name in pytest_autograd.__all__:
        assert not isinstance(getattr(pytest_autograd, name), type(sys))
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        _ = pytest_autograd.chek


@pytest.mark.parametrize("code", all_rules())
def test_a_rule_has_its_texts_and_is_explained_by_other_rules(code: str) -> None:
    rule = all_rules()[code]
    assert re.fullmatch(r"\S.*\.", rule.title)
    assert rule.why
    assert rule.fix.endswith(".")
    assert set(rule.explained_by) <= set(all_rules()) - {code}
