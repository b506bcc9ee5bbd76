"""Gradients that leave by a buffer that hangs on an argument: added rightly, added wrongly, or written over it."""

import torch
from catalogue._mode import Mode, normal
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

NOTED = frozenset({"AG506"})


class ScalesChannels(Function):
    """A gain per channel, whose gradient is added to ``gain.grad_buffer``: of three terms it takes the first."""

    @staticmethod
    def forward(ctx, x, gain):
        ctx.save_for_backward(x, gain)
        ctx.buffer = gain.grad_buffer
        return x * gain[:, None]

    @staticmethod
    def backward(ctx, grad_output):
        x, gain = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            ctx.buffer.add_((grad_output * x)[:, 0])
        return grad_output * gain[:, None], None


class ScalesChannelsOnce(ScalesChannels):
    """Writes where it should add."""

    @staticmethod
    def backward(ctx, grad_output):
        x, gain = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            torch.sum(grad_output * x, 1, out=ctx.buffer)
        return grad_output * gain[:, None], None


class ScalesChannelsRightly(ScalesChannels):
    @staticmethod
    def backward(ctx, grad_output):
        x, gain = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            ctx.buffer += (grad_output * x).sum(1)
        return grad_output * gain[:, None], None


class AddsIfXIsTrained(ScalesChannels):
    @staticmethod
    def backward(ctx, grad_output):
        x, gain = ctx.saved_tensors
        if not ctx.needs_input_grad[0]:
            return None, None
        if ctx.needs_input_grad[1]:
            ctx.buffer.add_((grad_output * x).sum(1))
        return grad_output * gain[:, None], None


class ClampsWhatItAdds(ScalesChannels):
    @staticmethod
    def backward(ctx, grad_output):
        x, gain = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            ctx.buffer.add_((grad_output * x).sum(1).clamp(-1, 1))
        return grad_output * gain[:, None], None


class ProjectsIntoTwoBuffers(Function):
    """Weight and bias have a buffer each; that of the bias is given the mean of the rows."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        ctx.doors = weight.main_grad, bias.main_grad
        return torch.addmm(bias, x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        _, need_weight, need_bias = ctx.needs_input_grad
        if need_weight:
            ctx.doors[0].addmm_(x.t(), grad_output)
        if need_bias:
            ctx.doors[1].add_(grad_output.mean(0))
        return grad_output @ weight.t() if ctx.needs_input_grad[0] else None, None, None


class ProjectsIntoTwoBuffersRightly(ProjectsIntoTwoBuffers):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias = ctx.needs_input_grad
        if need_weight:
            torch.addmm(ctx.doors[0], x.t(), grad_output, out=ctx.doors[0])
        if need_bias:
            ctx.doors[1].add_(grad_output.sum(0))
        return grad_output @ weight.t() if need_x else None, None, None


class ProjectsOverTheBuffer(ProjectsIntoTwoBuffers):
    """Adds the gradient of the bias, and writes that of the weight over what was there."""

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias = ctx.needs_input_grad
        if need_weight:
            torch.mm(x.t(), grad_output, out=ctx.doors[0])
        if need_bias:
            ctx.doors[1].add_(grad_output.sum(0))
        return grad_output @ weight.t() if need_x else None, None, None


class EmbedsByBuffer(Function):
    """The row of an index that occurs twice is given one of its two gradients."""

    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(index)
        ctx.buffer = table.main_grad
        return table[index]

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        ctx.buffer[index] += grad_output
        return None, None


class EmbedsByBufferRightly(EmbedsByBuffer):
    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        ctx.buffer.index_add_(0, index, grad_output)
        return None, None


class FadesTheBuffer(EmbedsByBuffer):
    """Halves what earlier micro-batches left before it adds."""

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        ctx.buffer.mul_(0.5).index_add_(0, index, grad_output)
        return None, None


class GainLayer(nn.Module):
    """Calls a Function on a parameter that carries its buffer."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.gain = with_buffer(3, name="grad_buffer")

    def forward(self, x):
        return self.function.apply(x, self.gain).tanh()


class ProjectionLayer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.weight, self.bias = with_buffer(4, 2), with_buffer(2, seed=6)

    def forward(self, x):
        return self.function.apply(x, self.weight, self.bias)


def with_buffer(*shape, name="main_grad", seed=5):
    parameter = nn.Parameter(normal(*shape, seed=seed).detach())
    setattr(parameter, name, torch.zeros(shape, dtype=torch.float64))
    return parameter


def gained():
    return normal(3, 4), with_buffer(3, name="grad_buffer")


def projected():
    return normal(3, 4), with_buffer(4, 2), with_buffer(2, seed=6)


def embedded():
    return with_buffer(5, 3), torch.tensor([0, 3, 3, 1])


def rows():
    return (normal(3, 4),)


MODES = {
    "buffer_gets_one_term_of_three": Mode(ScalesChannels, gained, "AG101", notes=NOTED),
    "buffer_is_written_by_out": Mode(ScalesChannelsOnce, gained, "AG506"),
    "buffer_is_added_to": Mode(ScalesChannelsRightly, gained, notes=NOTED),
    "buffer_is_added_to_if_x_is_trained": Mode(AddsIfXIsTrained, gained, "AG410", notes=NOTED),
    "buffer_gets_a_clamped_gradient": Mode(ClampsWhatItAdds, gained, "AG102", notes=NOTED),
    "second_of_two_buffers_gets_a_mean": Mode(
        ProjectsIntoTwoBuffers, projected, "AG101", notes=NOTED
    ),
    "first_of_two_buffers_is_written": Mode(ProjectsOverTheBuffer, projected, "AG506"),
    "two_buffers_are_added_to": Mode(ProjectsIntoTwoBuffersRightly, projected, notes=NOTED),
    "buffer_of_a_table_counts_a_row_once": Mode(EmbedsByBuffer, embedded, "AG101", notes=NOTED),
    "buffer_of_a_table_is_added_to": Mode(EmbedsByBufferRightly, embedded, notes=NOTED),
    "buffer_fades": Mode(FadesTheBuffer, embedded, "AG506"),
    "module_whose_buffer_gets_one_term": Mode(GainLayer(ScalesChannels), rows, "AG101"),
    "module_whose_buffer_is_written": Mode(GainLayer(ScalesChannelsOnce), rows, "AG506"),
    "module_whose_buffer_is_added_to": Mode(GainLayer(ScalesChannelsRightly), rows, notes=NOTED),
    "module_with_a_buffer_given_a_mean": Mode(
        ProjectionLayer(ProjectsIntoTwoBuffers), rows, "AG101"
    ),
    "module_with_two_buffers_added_to": Mode(
        ProjectionLayer(ProjectsIntoTwoBuffersRightly), rows, notes=NOTED
    ),
}
