"""The fenced blocks of the skill and of the documentation, and how each kind of Python block is put to the test.

The info string of a fence says what must hold:

* ``python``: runs without an error or a warning.
* ``python verified``: its target gets the verdict ``verified``, without errors or warnings.
* ``python wrong=AG301,AG302``: its target's errors and warnings are exactly these codes.
* ``python test``: is a test module, and pytest passes on it.
* ``text report``: lines that the report on the target of the block before holds.

The target is the last custom Function that the block defines, or ``entry=name``; contracts are
``reference=name``, ``surrogate=name`` and ``grad_transform=argument:name``; a switch (``autocast``,
``compile``, ``vmap``, ``forward_ad``) is passed on as True. Its arguments are
``example_inputs()`` of the block or of an earlier block in the section.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_autograd.skill import sections

if TYPE_CHECKING:
    from pytest_autograd import Report

SHOWN_ONLY = {"text", "sh", "ini", "toml", "yaml"}
CONTRACTS = {"reference", "surrogate", "grad_transform"}
WORDS = {"verified", "test", "report"}
REPORT = ["text", "report"]
SWITCHES = {"autocast", "compile", "vmap", "forward_ad"}


@dataclass(frozen=True)
class Block:
    """One fenced block: ``id`` is the section's id and the number of the block in it."""

    id: str
    language: str
    words: frozenset[str]
    options: dict[str, str]
    source: str
    section: str


def blocks_of(section: str, text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a text in order; a fence that is not understood is an error."""
    info, lines, count = None, list[str](), 0
    for line in text.splitlines():
        if info is None:
            if line.startswith("```"):
                info, lines = line[3:].split(), []
        elif line == "```":
            count += 1
            yield _block(f"{section}-{count}", section, info, "\n".join(lines) + "\n")
            info = None
        else:
            lines.append(line)
    assert info is None, f"{section}: a fence is not closed"


def _block(id: str, section: str, info: list[str], source: str) -> Block:
    assert info, f"{id}: the fence names no language"
    language, *rest = info
    words = frozenset(word for word in rest if "=" not in word)
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    assert language in SHOWN_ONLY | {"python"}, f"{id}: {language} is not a language of the skill"
    assert language == "python" or not rest or info == REPORT, f"{id}: {info} is not understood"
    assert words <= WORDS | SWITCHES, f"{id}: {words - WORDS - SWITCHES} is not understood"
    assert set(options) <= CONTRACTS | {"entry", "wrong"}, f"{id}: {options} is not understood"
    claims = len(words & WORDS) + ("wrong" in options)
    assert claims <= 1, f"{id}: one claim a block"
    assert claims or not options, f"{id}: {options} without a claim does nothing"
    return Block(id, language, words, options, source, section)


def all_blocks() -> list[Block]:
    """Return every block of SKILL.md and of all sections."""
    skill = (sections.skill_folder() / "SKILL.md").read_text(encoding="utf-8")
    texts = {"SKILL": skill} | {each.id: each.text for each in sections.sections().values()}
    return [block for section, text in texts.items() for block in blocks_of(section, text)]


def python_blocks() -> list[Block]:
    return [block for block in all_blocks() if block.language == "python"]


def run_block(
    block: Block, folder: Path, blocks: Callable[[], list[Block]] = python_blocks
) -> ModuleType:
    """Run a block after the earlier ones of its section, each as a module with a source file."""
    module = ModuleType("nothing_yet")
    for each in blocks():
        if each.section == block.section and "test" not in each.words:
            module = _import(each, folder, vars(module))
        if each.id == block.id:
            return module
    raise AssertionError(f"{block.id} is not a known block")


def put_to_the_test(
    block: Block, folder: Path, blocks: Callable[[], list[Block]] = python_blocks
) -> Report | None:
    """Assert what the fence of a block says; return the report on its target, if it has one."""
    if "test" in block.words:
        _passes_under_pytest(block, folder)
        return None
    import torch

    torch.manual_seed(0)
    module = run_block(block, folder, blocks)
    if not ("verified" in block.words or "wrong" in block.options):
        return None
    from pytest_autograd import check

    arguments = example_arguments(module)
    report = check(target_of(block, module), *arguments, **contract_of(block, module))
    assert report.codes == set(filter(None, block.options.get("wrong", "").split(","))), report
    if "verified" in block.words:
        assert report.verdict == "verified", report
    return report


def _passes_under_pytest(block: Block, folder: Path) -> None:
    tests = len(re.findall(r"^def test_", block.source, re.MULTILINE))
    assert tests, f"{block.id}: a test block defines tests"
    (folder / "test_block.py").write_text(block.source, encoding="utf-8")
    plugins = ["-p", "no:asyncio", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, "-W", "error", "-q"]
    done = subprocess.run(
        [*command, "--rootdir", str(folder), str(folder / "test_block.py")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )
    assert f"{tests} passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout


def _import(block: Block, folder: Path, earlier: dict[str, Any]) -> ModuleType:
    name = "skill_" + "".join(c if c.isalnum() else "_" for c in block.id)
    path = folder / f"{name}.py"
    path.write_text(block.source, encoding="utf-8")
    module = ModuleType(name)
    vars(module).update({key: value for key, value in earlier.items() if not key.startswith("__")})
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(block.source, str(path), "exec"), vars(module))
    return module


def target_of(block: Block, module: ModuleType) -> Any:
    """Return what ``entry=`` names, else the last custom Function defined in the block itself."""
    from torch.autograd import Function

    if "entry" in block.options:
        return getattr(module, block.options["entry"])
    classes = [node.name for node in ast.parse(block.source).body if isinstance(node, ast.ClassDef)]
    found = [getattr(module, name) for name in classes]
    functions = [each for each in found if isinstance(each, type) and issubclass(each, Function)]
    assert functions, f"{block.id}: defines no custom Function and names no entry"
    return functions[-1]


def contract_of(block: Block, module: ModuleType) -> dict[str, Any]:
    """Return the contract options of the block as ``check`` takes them."""
    contract: dict[str, Any] = dict.fromkeys(block.words & SWITCHES, True)
    for option in CONTRACTS & set(block.options):
        argument, _, name = block.options[option].rpartition(":")
        function = getattr(module, name)
        contract[option] = {argument: function} if option == "grad_transform" else function
    return contract


def example_arguments(module: ModuleType) -> tuple[Any, ...]:
    """Return ``example_inputs()`` as an argument tuple; a lone tensor is one argument."""
    inputs = module.example_inputs()
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
