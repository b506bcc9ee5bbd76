"""From what a caller gives to a target and its arguments: sources, specifications, proposals."""

from __future__ import annotations

import inspect

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from pytest_autograd.errors import CheckError
from pytest_autograd.source.input_specs import Inputs, InputSpec, build
from pytest_autograd.source.load import Source, load_file, load_text
from pytest_autograd.source.propose import propose
from pytest_autograd.source.resolve import resolve_inputs

SQUARE = """\
import torch

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output

class Layer(torch.nn.Module):
    def forward(self, x):
        return Square.apply(x)

class Sized(torch.nn.Module):
    def __init__(self, size):
        super().__init__()

class Plain:
    pass

square = Square.apply
layer = Layer()
number = 3

def one(): return torch.ones(2)
def two(): return [torch.ones(2), 5]
def table(): return {"x": 1}
def broken(): return 1 / 0
"""
Specs = TypeAdapter(list[InputSpec])


@pytest.fixture(scope="module")
def source() -> Source:
    return load_text(SQUARE)


def resolve(given: object, source: Source) -> Inputs:
    return resolve_inputs(given, source, source.module.Square, seed=1)


class TestSource:
    def test_every_kind_of_entry_is_found(self, source: Source) -> None:
        function = source.module.Square
        assert source.target("Square") is function
        assert source.target("Square.apply").__self__ is function
        assert source.target("square").__self__ is function
        assert source.target("layer") is source.module.layer
        assert isinstance(source.target("Layer"), source.module.Layer)

    def test_lines_and_text_of_a_submitted_class_can_be_had(self, source: Source) -> None:
        lines, first = inspect.getsourcelines(source.module.Square)
        assert (first, lines[0]) == (3, "class Square(torch.autograd.Function):\n")
        assert inspect.getsourcefile(source.module.Square.forward) == "submitted.py"

    @pytest.mark.parametrize(
        ("entry", "sentence"),
        [
            (
                "Sqare",
                "entry 'Sqare' is not in the source (did you mean 'Square'?); it defines: Square",
            ),
            ("Square.aply", "entry 'Square.aply' is not in the source"),
            (
                "Plain",
                "entry 'Plain' is a class, but neither a torch.autograd.Function nor an nn.Module",
            ),
            ("number", "entry 'number' is a int, not a Function, callable or Module"),
            ("Sized", "the Module class Sized cannot be built without arguments (TypeError: "),
        ],
    )
    def test_an_entry_that_cannot_be_checked_is_named(
        self, source: Source, entry: str, sentence: str
    ) -> None:
        with pytest.raises(CheckError) as caught:
            source.target(entry)
        assert str(caught.value).startswith(sentence)

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("x = (", "the source does not parse: line 1, column 5: '(' was never closed"),
            ("x = 1\n\0", "the source does not parse: "),
            ("\nx = y", "the source raised NameError at line 2: name 'y' is not defined"),
            (
                "import nosuchmodule",
                "the source raised ModuleNotFoundError at line 1: No module named",
            ),
            ("raise SystemExit(3)", "the source raised SystemExit at line 1: 3"),
        ],
    )
    def test_a_source_that_cannot_be_loaded_says_where(self, text: str, sentence: str) -> None:
        with pytest.raises(CheckError) as caught:
            load_text(text)
        assert str(caught.value).startswith(sentence)

    def test_a_file_may_import_its_neighbours(self, tmp_path, monkeypatch) -> None:
        monkeypatch.syspath_prepend(str(tmp_path))
        (tmp_path / "neighbour_of_checked.py").write_text("value = 7")
        (tmp_path / "checked_file.py").write_text("from neighbour_of_checked import value")
        assert load_file(tmp_path / "checked_file.py").module.value == 7

    def test_a_missing_file_is_named(self, tmp_path) -> None:
        with pytest.raises(CheckError, match=r"nosuch\.py cannot be read"):
            load_file(tmp_path / "nosuch.py")


class TestSpecifications:
    def test_tensors_and_values_are_built_as_described(self) -> None:
        specs = Specs.validate_python(
            [
                {"kind": "tensor", "shape": [4, 3]},
                {"kind": "tensor", "shape": [50], "low": 2, "high": 3, "requires_grad": False},
                {"kind": "tensor", "shape": [50], "low": 0, "dtype": "float32"},
                {"kind": "tensor", "shape": [50], "dtype": "int64"},
                {"kind": "tensor", "shape": [50], "dtype": "int32", "low": 4, "high": 5},
                {"kind": "tensor", "shape": [50], "dtype": "bool"},
                {"kind": "tensor", "shape": [], "dtype": "complex128"},
                {"kind": "value", "value": 2},
                {"kind": "value", "value": None},
            ]
        )
        normal, between, positive, digits, labels, mask, number, *values = build(specs, seed=3)
        assert (normal.shape, normal.dtype, normal.requires_grad) == ((4, 3), torch.float64, True)
        assert between.min() >= 2
        assert between.max() <= 3
        assert not between.requires_grad
        assert positive.dtype == torch.float32
        assert positive.min() >= 0
        assert positive.max() > 1
        assert digits.dtype == torch.int64
        assert {0, 9} <= set(digits.tolist()) <= set(range(10))
        assert labels.dtype == torch.int32
        assert set(labels.tolist()) == {4, 5}
        assert set(mask.tolist()) == {True, False}
        assert number.dtype == torch.complex128
        assert number.shape == ()
        assert number.requires_grad
        assert values == [2, None]

    def test_the_seed_determines_the_values(self) -> None:
        specs = Specs.validate_python([{"kind": "tensor", "shape": [5]}])
        first, again, other = (build(specs, seed)[0] for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    @pytest.mark.parametrize(
        ("spec", "complaint"),
        [
            (
                {"kind": "tensor", "shape": [2], "dtype": "int64", "requires_grad": True},
                "requires_grad",
            ),
            ({"kind": "tensor", "shape": [2], "low": 3, "high": 1}, "low 3 is above high 1"),
            ({"kind": "tensor", "shape": [-2]}, "greater than or equal to 0"),
            ({"kind": "tensor", "shape": [2], "dype": "float32"}, "Extra inputs"),
            ({"kind": "value"}, "Field required"),
        ],
    )
    def test_a_contradictory_specification_is_refused(self, spec: dict, complaint: str) -> None:
        with pytest.raises(ValidationError, match=complaint):
            Specs.validate_python([spec])


class TestFunctionsOfTheSource:
    def test_a_tensor_or_a_list_becomes_the_arguments(self, source: Source) -> None:
        assert len(resolve("one", source).args) == 1
        assert resolve("two", source).args[1] == 5

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("table", "table() gave a dict; the inputs must be a tuple, a list or a single tensor"),
            ("broken", "broken() raised ZeroDivisionError at line 32: division by zero"),
            ("tow", "inputs 'tow' is not in the source (did you mean 'two'?)"),
            ("number", "inputs 'number' is a int; name a function"),
        ],
    )
    def test_what_gives_no_arguments_is_named(
        self, source: Source, name: str, sentence: str
    ) -> None:
        with pytest.raises(CheckError) as caught:
            resolve(name, source)
        assert str(caught.value).startswith(sentence)

    def test_example_inputs_come_before_a_proposal_and_follow_the_seed(self) -> None:
        text = SQUARE + "def example_inputs(): return torch.randn(7)\n"
        first, again = (resolve(None, load_text(text)) for _ in range(2))
        assert first.origin == "example_inputs() of the source"
        assert first.args[0].shape == (7,)
        assert torch.equal(first.args[0], again.args[0])


def function_of(parameters: str, forward: str, backward: str = "None") -> type:
    text = (
        "import torch\nfrom torch.nn import functional as F\nclass Fn(torch.autograd.Function):\n"
        f"    @staticmethod\n    def forward(ctx, {parameters}): return {forward}\n"
        f"    @staticmethod\n    def backward(ctx, grad_output): return {backward}\n"
    )
    return load_text(text).target("Fn")


class TestProposals:
    @pytest.mark.parametrize(
        ("parameters", "forward", "expected"),
        [
            ("x", "x * x", [(4, 3)]),
            ("a, b", "a @ b", [(4, 3), (3, 5)]),
            ("a, b", "torch.bmm(a, b)", [(2, 4, 3), (2, 3, 5)]),
            ("A", "torch.linalg.inv(A)", [(3, 3)]),
            ("q, k, v", "F.scaled_dot_product_attention(q, k, v)", [(4, 3), (4, 3), (4, 3)]),
            (
                "x, weight, bias, eps",
                "F.layer_norm(x, (3,), weight, bias, eps)",
                [(4, 3), (3,), (3,), 1e-5],
            ),
            (
                "input, weight, bias, stride, padding",
                "F.conv2d(input, weight, bias, stride, padding)",
                [(2, 3, 8, 8), (4, 3, 3, 3), (4,), 1, 0],
            ),
            ("x, dim=0", "x.cumsum(dim)", [(4, 3), 0]),
            ("x: torch.Tensor, n: int", "x ** n", [(4, 3), 2]),
            ("weight, indices", "F.embedding(indices, weight)", [(4, 3), (4,)]),
            ("x, mask", "x.masked_fill(mask, 0)", [(4, 3), (4, 3)]),
            ("*tensors", "torch.cat(tensors)", [(4, 3), (4, 3)]),
        ],
    )
    def test_the_first_situation_that_runs_is_taken(
        self, parameters: str, forward: str, expected: list
    ) -> None:
        proposed = propose(function_of(parameters, forward), seed=0)
        found = [
            tuple(arg.shape) if isinstance(arg, torch.Tensor) else arg for arg in proposed.args
        ]
        assert (found, proposed.trouble) == (expected, None)

    def test_values_lie_where_forward_is_finite(self) -> None:
        (x,) = propose(function_of("x", "x.log()"), seed=0).args
        assert x.min() > 0
        (x,) = propose(function_of("x", "x.acos() + x.log()"), seed=0).args
        assert x.min() > 0
        assert x.max() < 1

    def test_backward_tells_whether_a_scale_is_a_number_or_a_tensor(self) -> None:
        number = propose(function_of("x, scale", "x * scale", "grad_output, None"), seed=0)
        tensor = propose(function_of("x, scale", "x * scale", "grad_output, grad_output"), seed=0)
        assert number.args[1] == 0.5
        assert tensor.args[1].shape == (4, 3)

    def test_modules_and_callables_are_proposed_for_too(self) -> None:
        assert propose(torch.nn.Linear(3, 2).double(), seed=0).args[0].shape == (4, 3)
        assert propose(lambda x: x.sin(), seed=0).args[0].shape == (4, 3)

    def test_a_forward_that_never_runs_leaves_its_trouble(self) -> None:
        proposed = propose(function_of("x", "x.nosuch"), seed=0)
        assert proposed.trouble == "AttributeError: 'Tensor' object has no attribute 'nosuch'"
