"""Copies of a call lie in memory as the originals do, and keep their class; their gradients are those of the leaves."""

from __future__ import annotations

import pytest
import torch
from corpus._case import normal
from torch import Tensor, nn
from torch.autograd import Function

from pytest_autograd.call.recorder import Recorder
from pytest_autograd.call.target import make_call


class Products(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return (x * y).sum()

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y, grad_output * x


class Token(Tensor):
    pass


class Weight(nn.Parameter):
    pass


def halves() -> tuple[Tensor, Tensor]:
    buffer = normal(4, 6)
    return buffer[:, :3], buffer[:, 3:]


def leaf_halves() -> tuple[Tensor, Tensor]:
    first, second = normal(4, 6).detach().chunk(2, -1)
    return first.requires_grad_(), second.requires_grad_()


def one_of_them_frozen() -> tuple[Tensor, Tensor]:
    first, second = halves()
    return first, second.detach()


def parameters_of_a_bucket() -> tuple[Tensor, Tensor]:
    bucket = normal(30).detach()
    return nn.Parameter(bucket[3:15].view(4, 3)), nn.Parameter(bucket[15:27].view(4, 3))


def transposed_and_shifted() -> tuple[Tensor, Tensor]:
    return normal(3, 4).detach().t(), normal(13).detach()[1:].view(4, 3)


def far_into_a_buffer() -> tuple[Tensor, Tensor]:
    return normal(100_000)[70_007:70_019].view(4, 3), normal(4, 3)


PLACED = [halves, leaf_halves, one_of_them_frozen, parameters_of_a_bucket, transposed_and_shifted]


def described(tensors: tuple[Tensor, ...] | list[Tensor]) -> list[tuple]:
    """Return what a branch may look at."""
    first = tensors[0].untyped_storage().data_ptr()
    return [
        (
            t.stride(),
            t.storage_offset(),
            t.is_contiguous(),
            t.requires_grad,
            t.untyped_storage().data_ptr() == first,
            type(t),
        )
        for t in tensors
    ]


@pytest.mark.parametrize("inputs", PLACED)
def test_copies_lie_as_the_originals(inputs) -> None:
    given = inputs()
    if not any(tensor.requires_grad for tensor in given):
        given = tuple(tensor.requires_grad_() for tensor in given)
    _, arguments = make_call(Products, given, {}).fresh()
    assert described(arguments) == described(given)
    assert all(torch.equal(a, b) for a, b in zip(arguments, given, strict=True))
    assert arguments[0].untyped_storage().data_ptr() != given[0].untyped_storage().data_ptr()


@pytest.mark.parametrize("inputs", PLACED)
def test_recorded_copies_lie_as_the_originals(inputs) -> None:
    given = tuple(t if t.requires_grad else t.requires_grad_() for t in inputs())
    recorder = Recorder()
    with recorder.recording():
        Products.apply(*given)
    (call,) = recorder.calls()
    _, arguments = call.fresh()
    assert described(arguments) == described(given)


def test_views_of_a_graph_have_a_base_in_one_memory() -> None:
    _, (first, second) = make_call(Products, halves(), {}).fresh()
    assert first._base is not None
    assert second._base is not None
    assert first._base.data_ptr() == second._base.data_ptr()


def test_a_view_that_has_no_gradient_is_given_none() -> None:
    (first, second), arguments = make_call(Products, halves(), {}).fresh()
    loss = arguments[0].sin().sum()
    assert torch.autograd.grad(loss, [first, second], allow_unused=True)[1] is None


@pytest.mark.parametrize("inputs", [*PLACED, far_into_a_buffer])
def test_gradients_reach_the_leaves(inputs) -> None:
    given = tuple(t if t.requires_grad else t.requires_grad_() for t in inputs())
    leaves, arguments = make_call(Products, given, {}).fresh()
    (arguments[0] * arguments[1]).sum().backward()
    for leaf, other in zip(leaves, reversed(given), strict=True):
        assert leaf.grad is not None
        assert torch.equal(leaf.grad, other.detach())


def test_no_large_buffer_is_copied_for_a_small_view() -> None:
    _, arguments = make_call(Products, far_into_a_buffer(), {}).fresh()
    assert arguments[0].storage_offset() == 70_007 % 64
    assert arguments[0].untyped_storage().nbytes() < 2000


@pytest.mark.parametrize(
    "inputs",
    [
        lambda: (normal(4, 1).expand(4, 3), normal(4, 3)),
        lambda: (normal(12).unfold(0, 3, 3), normal(4, 3)),
        lambda: (normal(12).as_strided((4, 3), (2, 1)), normal(4, 3)),
    ],
    ids=["expanded", "unfolded", "overlapping windows"],
)
def test_each_element_of_a_copy_has_a_place_of_its_own(inputs) -> None:
    given = inputs()
    leaves, arguments = make_call(Products, given, {}).fresh()
    (arguments[0] * arguments[1]).sum().backward()
    assert torch.equal(leaves[0].grad, given[1].detach())


def test_one_tensor_in_two_places_is_told() -> None:
    x = normal(4)
    call = make_call(Products, (x, x), {})
    assert [slot.twin for slot in call.slots] == [None, "x"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (normal(4).detach().as_subclass(Token).requires_grad_(), Token),
        (Weight(normal(4).detach()), Weight),
        (nn.Parameter(normal(4).detach()), nn.Parameter),
    ],
    ids=["subclass", "subclass of Parameter", "Parameter"],
)
def test_copies_keep_their_class(value, kind) -> None:
    value.tag = "query"
    recorder = Recorder()
    with recorder.recording(), torch.no_grad():
        Products.apply(value, normal(4))
    for call in (make_call(Products, (value, normal(4)), {}), *recorder.calls()):
        _, arguments = call.fresh()
        assert type(arguments[0]) is kind
        assert arguments[0].tag == "query"
