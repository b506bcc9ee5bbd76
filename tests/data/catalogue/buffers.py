"""Gradients added to a buffer: returned as well, beside a dummy, or in another shape."""

import torch
from catalogue._mode import FULL, Mode, normal
from catalogue.elsewhere_gradients import (
    NOTED,
    EmbedsByBuffer,
    GainLayer,
    ProjectsIntoTwoBuffersRightly,
    ScalesChannels,
    embedded,
    gained,
    projected,
    rows,
)
from torch import nn
from torch.autograd.function import once_differentiable


class ScalesChannelsTwice(ScalesChannels):
    """Adds the gradient, and returns it as well."""

    @staticmethod
    def backward(ctx, grad_output):
        x, gain = ctx.saved_tensors
        grad = (grad_output * x).sum(1) if ctx.needs_input_grad[1] else None
        if grad is not None:
            ctx.buffer.add_(grad)
        return grad_output * gain[:, None], grad


class ProjectsTwiceIntoTheBias(ProjectsIntoTwoBuffersRightly):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        grad_x, _, _ = ProjectsIntoTwoBuffersRightly.backward(ctx, grad_output)
        return grad_x, None, grad_output.sum(0) if ctx.needs_input_grad[2] else None


class EmbedsTwice(EmbedsByBuffer):
    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        grad = torch.zeros_like(ctx.buffer).index_add(0, index, grad_output)
        ctx.buffer += grad
        return grad, None


class ReturnsADummy(ScalesChannels):
    """A hook of the framework waits for some gradient: memory that nobody reads."""

    @staticmethod
    def backward(ctx, grad_output):
        x, gain = ctx.saved_tensors
        if not ctx.needs_input_grad[1]:
            return grad_output * gain[:, None], None
        ctx.buffer += (grad_output * x).sum(1)
        return grad_output * gain[:, None], torch.empty_like(gain)


class ReturnsZeros(ReturnsADummy):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, dummy = ReturnsADummy.backward(ctx, grad_output)
        return grad_x, None if dummy is None else torch.zeros_like(dummy)


class ScalesIntoAFlatBuffer(ScalesChannels):
    """The gain is a column, its buffer a part of a flat one; half of the gradient is lost."""

    @staticmethod
    def forward(ctx, x, gain):
        return ScalesIntoAFlatBuffer.scaled(ctx, x, gain, 0.5)

    @staticmethod
    def scaled(ctx, x, gain, share):
        ctx.save_for_backward(x, gain)
        ctx.buffer, ctx.share = gain.grad_buffer, share
        return x * gain

    @staticmethod
    def backward(ctx, grad_output):
        x, gain = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            ctx.buffer.view(-1, 1).add_(ctx.share * (grad_output * x).sum(1, keepdim=True))
        return grad_output * gain, None


class ScalesIntoAFlatBufferRightly(ScalesIntoAFlatBuffer):
    @staticmethod
    def forward(ctx, x, gain):
        return ScalesIntoAFlatBuffer.scaled(ctx, x, gain, 1.0)


def gained_by_a_column():
    gain = nn.Parameter(normal(3, 1, seed=5).detach())
    gain.grad_buffer = torch.zeros(3, dtype=torch.float64)
    return normal(3, 4), gain


DECLARED = {"accumulates": {"gain": "grad_buffer"}}

MODES = {
    "buffer_is_added_to_and_returned": Mode(ScalesChannelsTwice, gained, "AG506"),
    "declared_buffer_is_added_to_and_returned": Mode(
        ScalesChannelsTwice, gained, "AG506", options=DECLARED
    ),
    "second_buffer_is_added_to_and_returned": Mode(
        ProjectsTwiceIntoTheBias, projected, "AG506", notes=NOTED
    ),
    "buffer_of_a_table_is_added_to_and_returned": Mode(EmbedsTwice, embedded, "AG506"),
    "buffer_and_a_dummy_gradient": Mode(ReturnsADummy, gained, notes=NOTED, options=FULL),
    "buffer_and_zeros": Mode(ReturnsZeros, gained, notes=NOTED),
    "module_with_a_dummy_gradient": Mode(GainLayer(ReturnsADummy), rows, notes=NOTED),
    "flat_buffer_gets_a_half": Mode(
        ScalesIntoAFlatBuffer, gained_by_a_column, "AG101", notes=NOTED
    ),
    "flat_buffer_is_added_to": Mode(
        ScalesIntoAFlatBufferRightly, gained_by_a_column, options={**DECLARED, **FULL}
    ),
}
