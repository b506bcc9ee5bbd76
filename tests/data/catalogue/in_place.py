"""Forward writes to its inputs, and backward into .grad."""

import torch
from catalogue._mode import FULL, Mode, normal, two_vectors, vector
from torch.autograd import Function
from torch.autograd.function import once_differentiable

WARNED_DATA = frozenset({"AG801"})


class WritesToItsInput(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        return x.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output


class ReturnsTheInputItWroteTo(WritesToItsInput):
    @staticmethod
    def forward(ctx, x):
        return x.mul_(2)


class WritesToItsInputByData(WritesToItsInput):
    @staticmethod
    def forward(ctx, x):
        x.data.mul_(2)
        return x.clone()


class WritesToItsInputByNumpy(WritesToItsInput):
    @staticmethod
    def forward(ctx, x):
        values = x.detach().numpy()
        values *= 2
        return torch.from_numpy(values.copy())


class WritesToAFrozenInput(Function):
    @staticmethod
    def forward(ctx, x, scale):
        scale.abs_()
        ctx.save_for_backward(scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        (scale,) = ctx.saved_tensors
        return grad_output * scale, None


class SavesThenWritesToItsInput(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        y = x * x
        x.data.zero_()
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class DirtyAndNotReturned(WritesToItsInput):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x.clone()


class DirtyAndNotWritten(WritesToItsInput):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class DirtyAndReturned(WritesToItsInput):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x


class RunsBackwardInBackward(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return (x * weight).sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = (tensor.detach().requires_grad_() for tensor in ctx.saved_tensors)
        with torch.enable_grad():
            (x * weight).sin().backward(grad_output)
        return x.grad, weight.grad


class RunsBackwardThroughItsInputs(RunsBackwardInBackward):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        with torch.enable_grad():
            (x * weight).sin().backward(grad_output)
        return grad_output * weight * (x * weight).cos(), grad_output * x * (x * weight).cos()


def frozen_scale():
    return normal(5), normal(5, seed=1).detach()


MODES = {
    "writes_to_its_input": Mode(WritesToItsInput, vector, "AG303"),
    "returns_the_input_it_wrote_to": Mode(ReturnsTheInputItWroteTo, vector, "AG303"),
    "writes_to_its_input_by_data": Mode(WritesToItsInputByData, vector, "AG303", WARNED_DATA),
    "writes_to_its_input_by_numpy": Mode(WritesToItsInputByNumpy, vector, "AG303"),
    "writes_to_a_frozen_input": Mode(WritesToAFrozenInput, frozen_scale, "AG303"),
    "saves_then_writes_to_its_input": Mode(SavesThenWritesToItsInput, vector, "AG303", WARNED_DATA),
    "dirty_and_not_returned": Mode(DirtyAndNotReturned, vector, "AG304"),
    "dirty_and_not_written": Mode(DirtyAndNotWritten, vector, warnings=frozenset({"AG304"})),
    "dirty_and_returned": Mode(DirtyAndReturned, vector, options=FULL),
    "runs_backward_in_backward_on_copies": Mode(RunsBackwardInBackward, two_vectors),
    "runs_backward_through_its_inputs": Mode(RunsBackwardThroughItsInputs, two_vectors, "AG505"),
}
