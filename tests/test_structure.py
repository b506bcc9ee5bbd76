"""The shape of the project: layers, sizes, light imports, and what travels in the wheel."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from loading import ROOT

MODULES = sorted(
    path for package in ("pytest_autograd", "mcp_server") for path in (ROOT / package).rglob("*.py")
)
MODULE_LINES, FUNCTION_LINES = 300, 50
#: From the bottom up; a module imports only from its own layer or below.
LAYERS = (
    "_errors _model _phase _patience _rng _locate",
    "_rule _options _inspect_ctx _causes _explain rules _skill _skill_install _query _skill_search _lookup",
    "_tensors _call _linked _symmetric _target _intercept _evaluator _line _judge _witness _numeric _precision"
    " _values _hearing _verifier _contract _second _decision _variants _missing_term _trace _experiments _referee"
    " _dtypes _nonfinite _transforms _recompute _threads _layouts _aliasing _saves _hidden",
    "_fact _observed _numbers _elsewhere _roads _uses _probe",
    "_audit _report _recorder _check",
)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported(path: Path) -> set[str]:
    """Return the modules of the project that a file imports when it runs, type-checking imports left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.partition(".")[0] in ("pytest_autograd", "mcp_server")}


def layer(module: str) -> int | None:
    parts = module.split(".")
    if parts[0] != "pytest_autograd" or len(parts) < 2:
        return None
    return next((i for i, names in enumerate(LAYERS) if parts[1] in names.split()), None)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    own = layer(name_of(path))
    names = imported(path)
    if path.is_relative_to(ROOT / "pytest_autograd"):
        assert not {name for name in names if name.startswith("mcp_server")}
    if own is not None:
        lazy_text_rendering = {"pytest_autograd.report.text"} if path.name == "_model.py" else set()
        above = {
            name
            for name in names - lazy_text_rendering
            if name != "pytest_autograd" and (layer(name) is None or layer(name) > own)
        }
        assert not above, f"{name_of(path)} imports from a layer above: {sorted(above)}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES, f"{node.name} has {length} lines"


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


def test_no_finding_is_lost_when_rules_are_named_twice() -> None:
    from pytest_autograd.registry import all_rules

    rules = all_rules()
    for rule in rules.values():
        assert rule.title.endswith("."), rule.code
        assert rule.why, rule.code
        assert rule.fix.endswith("."), rule.code
        assert set(rule.explained_by) <= set(rules) - {rule.code}, rule.code


def test_the_wheel_works_away_from_the_checkout(tmp_path: Path) -> None:
    """The wheel holds both packages and the skill, and none of the tests."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    done = subprocess.run([*build, str(ROOT)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "examples/"))]
    test = tmp_path / "test_marked.py"
    test.write_text(MARKED)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    for command in (
        ["-c", LOOK, str(site)],
        ["-m", "mcp_server", "--help"],
        ["-m", "pytest_autograd.cli.main", "skill", "install", "--path", str(tmp_path / "skills")],
        [
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:asyncio",
            "-p",
            "no:cacheprovider",
            "-W",
            "error",
            str(test),
        ],
    ):
        subprocess.run(
            [sys.executable, *command], check=True, timeout=90, cwd=tmp_path, env=environment
        )


LOOK = """
import sys, pytest_autograd, mcp_server
from pytest_autograd.skill import sections
from pytest_autograd.skill.search import search
for place in (pytest_autograd.__file__, mcp_server.__file__, str(sections.skill_folder())):
    assert place.startswith(sys.argv[1]), place
assert search("save_for_backward")
assert "class Bad" in sections.rule_example("AG301")[0]
"""
MARKED = """
import torch
from pytest_autograd import autograd_checked

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output

@autograd_checked(level="quick")
def test_square():
    Square.apply(torch.ones(3, dtype=torch.float64))
"""
