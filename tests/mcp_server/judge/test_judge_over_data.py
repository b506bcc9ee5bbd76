"""The judge on every Function of the corpus and of the catalogue, in this process: no rule crashes, no code is lost."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from catalogue._mode import Mode
from corpus._case import Case
from judging import judged_here, request
from loading import ROOT, crashes, load

from pytest_autograd.domains.named import as_domain
from pytest_autograd.registry import all_rules
from pytest_autograd.report.model import Report

#: A copy of the file of one's own, so that no state is left for other tests; custom ops are registered once only.
SOURCE = """
from loading import ROOT, load
load = load if {path!r}.endswith("custom_ops.py") else load.__wrapped__
case = load(ROOT / {path!r}).{table}[{name!r}]
target, inputs = case.target, case.inputs
"""
EXPLAINED = "the judge finds it too, and drops nothing for a finding that is the worker's word only"
CAST = "what backward returned before the engine cast it is not seen by the judge"
INSIDE = "the judge has the call as a whole, and knows of no Function inside it that is at fault"
EQUAL = "the point beside the given one, where the inputs are not equal, is the judge's own"
POPPED = "what the judge asked before has filled the stack, so that the worker no longer sees AG307"
#: What lies in fresh memory decides what the judge finds: its codes about values do not count beside this one.
UNSTEADY = "AG309"
#: By mode: the codes that come in addition, those that are missing, and why.
DIFFERENT: dict[str, tuple[set[str], set[str], str]] = {
    **dict.fromkeys(
        ("ctx:view_of_the_output_on_ctx", "ctx:view_of_the_output_saved"),
        ({"AG501"}, set(), EXPLAINED),
    ),
    "ctx:saves_twice": ({"AG101"}, set(), EXPLAINED),
    **dict.fromkeys(
        (
            "custom_ops:op_that_clips_its_weight",
            "layouts:a_transposed_input_was_given",
            "custom_ops:callable_of_an_op_that_clips",
            "shared_memory:halves_told_by_memory",
            "shared_memory:leaf_halves_told_by_memory",
            "shared_memory:column_told_by_base",
            "shared_memory:halves_of_a_module_told_by_memory",
            "shared_memory:weight_in_a_flat_buffer",
        ),
        ({"AG101"}, set(), EXPLAINED),
    ),
    "in_place:saves_then_writes_to_its_input": ({"AG101"}, set(), EXPLAINED),
    "mutation:multiplies_grad_output_by_data": ({"AG501"}, set(), EXPLAINED),
    "precisions:casts_to_float32": ({"AG113"}, set(), CAST),
    "returns:outer_product_is_returned": ({"AG101"}, set(), EXPLAINED),
    "spellings:hidden_in_a_module": ({"AG103"}, set(), INSIDE),
    **dict.fromkeys(
        (
            "shapes:state_by_setup_context",
            "state:keeps_on_the_class",
            "state:keeps_in_a_closure",
            "state:keeps_per_thread",
        ),
        ({"AG501"}, set(), EXPLAINED),
    ),
    "state:keeps_on_a_stack": ({"AG501"}, {"AG307"}, POPPED),
    "state:counts_its_calls": ({"AG102"}, set(), EXPLAINED),
    "values:gradients_are_swapped_and_the_inputs_are_equal": ({"AG101"}, set(), EQUAL),
    "values:drops_another_mask_in_backward": ({"AG101"}, set(), EXPLAINED),
}


def entries(folder: str, table: str) -> dict[str, tuple[Path, Any]]:
    """Return by name the file and the entry of everything that a folder of data holds."""
    paths = sorted((ROOT / "tests/data" / folder).glob("[!_]*.py"))
    found = ((path, getattr(load(path), table).items()) for path in paths)
    return {f"{path.stem}:{name}": (path, each) for path, held in found for name, each in held}


CORPUS, MODES = entries("corpus", "CASES"), entries("catalogue", "MODES")
#: Modes that declare in their own source what is right of them.
DECLARED = {name: each for name, each in MODES.items() if name.startswith("declared_inside:")}
CATALOGUE = {name: each for name, each in MODES.items() if name not in DECLARED}
IGNORING = """
import torch
from pytest_autograd import declare

class Kept(torch.autograd.Function):  # autograd: ignore[AG207] nobody minds
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 3 * x

    @staticmethod
    def backward(ctx, grad_output):  # autograd: ignore[AG] all of it
        return {factor} * grad_output

declare(Kept, {declared})
x = lambda: torch.linspace(1, 2, 4, dtype=torch.float64)
f = lambda x: 2.0 * x
"""


def judged(table: str, name: str, path: Path, options: Mapping[str, Any]) -> Report:
    """Judge one entry, its contracts given by name as a client gives them."""
    where = str(path.relative_to(ROOT))
    source = SOURCE.format(path=where, table=table, name=name.partition(":")[2])
    given: dict[str, Any] = {}
    for option, value in options.items():
        given[option] = option if callable(value) else value
        source += f"{option} = case.options[{option!r}]\n" if callable(value) else ""
    if domains := options.get("domain"):
        given["domain"] = {argument: str(as_domain(d, argument)) for argument, d in domains.items()}
    if transforms := options.get("grad_transform"):
        given["grad_transform"] = {name: f"to_{name}" for name in transforms}
        for argument in transforms:
            source += f"to_{argument} = case.options['grad_transform'][{argument!r}]\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in the worker, which nobody hears
        return judged_here(request(source, "target", "inputs", given))


def _unsteady(code: str, mode: Mode) -> bool:
    return UNSTEADY in mode.codes and all_rules()[code].about == "values"


@pytest.mark.parametrize("name", CORPUS)
def test_a_right_function_is_verified_by_the_judge(name: str) -> None:
    path, case = CORPUS[name]
    assert isinstance(case, Case)
    report = judged("CASES", name, path, {**case.options, "level": "quick"})
    assert crashes(report) == []
    assert (report.verdict, report.codes) == ("verified", set()), str(report)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_mode_has_the_codes_that_the_engine_gives(name: str) -> None:
    path, mode = CATALOGUE[name]
    assert isinstance(mode, Mode)
    report = judged("MODES", name, path, mode.options)
    more, fewer, _ = DIFFERENT.get(name, (set(), set(), ""))
    assert crashes(report) == []
    steady = {code for code in report.codes if code in mode.codes or not _unsteady(code, mode)}
    assert steady == (mode.codes | more) - fewer, str(report)
    values = {code for code, rule in all_rules().items() if rule.about == "values"}
    by_judge = {finding.code for finding in report.findings if finding.origin == "judge"}
    assert by_judge & steady == values & steady, str(report)
    assert report.verdict == mode.verdict, str(report)


@pytest.mark.parametrize("name", DECLARED)
def test_what_the_source_declares_of_itself_is_not_asked(name: str) -> None:
    path, mode = DECLARED[name]
    report = judged("MODES", name, path, mode.options)
    assert crashes(report) == []
    assert (report.verdict, report.ignored) == ("failed", ()), str(report)


@pytest.mark.parametrize(
    ("factor", "declared", "codes"),
    [
        (3, 'ignore="AG207"', {"AG207"}),
        (3, 'ignore={"AG": "it is right, believe me"}', {"AG207"}),
        (2, "surrogate=lambda x: 2.0 * x", {"AG101"}),
        (2, 'ignore=["AG1", "AG2"], level="quick"', {"AG101"}),
        (2, 'grad_transform={"x": lambda g: g * 2 / 3}, select="AG4"', {"AG101"}),
        (2, 'domain={"x": lambda x: x.detach() + 0 * x}, keep="x"', {"AG101"}),
    ],
)
def test_nor_what_it_ignores(factor: int, declared: str, codes: set[str]) -> None:
    source = IGNORING.format(factor=factor, declared=declared)
    report = judged_here(request(source, "Kept", "x", {}))
    assert (report.codes, report.ignored) == (codes, ()), str(report)
    assert report.verdict == ("verified" if factor == 3 else "failed")


def test_what_the_caller_says_of_it_counts() -> None:
    source = IGNORING.format(factor=2, declared='ignore="AG207"')
    report = judged_here(request(source, "Kept", "x", {"surrogate": "f"}))
    assert (report.verdict, report.codes) == ("verified", {"AG207"}), str(report)


@pytest.mark.parametrize(
    "name", [name for name, (_, _, reason) in DIFFERENT.items() if reason == EXPLAINED]
)
def test_what_comes_in_addition_is_explained_by_what_was_due(name: str) -> None:
    mode, (more, _, _) = CATALOGUE[name][1], DIFFERENT[name]
    assert all(set(all_rules()[code].explained_by) & mode.codes for code in more)
