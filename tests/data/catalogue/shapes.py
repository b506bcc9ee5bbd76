"""Faults of the other modules in other spellings: helpers, branches, setup_context, nested Functions, objects."""

import functools

import numpy
import torch
from catalogue._mode import Mode, matrix, normal, two_vectors, vector
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Sine(Function):
    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class StateBySetupContext(Sine):
    @staticmethod
    def setup_context(ctx, inputs, output):
        StateBySetupContext.kept = inputs[0].detach().clone()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * StateBySetupContext.kept.cos()


class StateOnAModule(Function):
    @staticmethod
    def forward(ctx, x, module):
        ctx.module = module
        module.cosine = x.cos()
        return x.sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return grad_output * ctx.module.cosine, None


@functools.lru_cache(maxsize=1)
def scratch(length):
    return numpy.empty(length)


class StateInACachedBuffer(Function):
    @staticmethod
    def forward(ctx, x):
        numpy.cos(x.detach().numpy(), out=scratch(len(x)))
        return x.sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return grad_output * torch.from_numpy(scratch(len(grad_output)).copy())


class DoublesInPlace(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output


class NestedFunctionWritesToGradOutput(Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return DoublesInPlace.apply(grad_output)


class WritesToGradOutputInABranch(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if x.min() < 0:
            grad_output[x < 0] *= -1
        return grad_output


class WritesToItsInputBySetupContext(Sine):
    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x.clone())
        x.zero_()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class OneOfThreeIsMisindexed(Function):
    @staticmethod
    def forward(ctx, x, y, z):
        ctx.save_for_backward(x, y, z)
        return x * y * z

    @staticmethod
    def backward(ctx, grad_output):
        x, y, z = ctx.saved_tensors
        needs_x, _, needs_z = ctx.needs_input_grad
        return (
            grad_output * y * z if needs_x else None,
            grad_output * x * z if needs_z else None,
            grad_output * x * y if needs_z else None,
        )


class SecondOutputInMemoryOrder(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), 3 * x

    @staticmethod
    def backward(ctx, grad_sin, grad_triple):
        (x,) = ctx.saved_tensors
        flat = grad_triple.as_strided((grad_triple.numel(),), (1,))
        return grad_sin * x.cos() + 3 * flat.view(x.shape)


class ClampsInAHelper(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return clipped(2 * x * grad_output)


def clipped(tensor):
    return tensor if tensor.norm() < 0.1 else 0.1 * tensor / tensor.norm()


class AffectsOnlyTheSecondInput(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y, (grad_output * x).clamp(max=0.1)


class VjpInsteadOfBackward(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def vjp(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.mul_(2).mul_(x)


MODES = {
    "state_by_setup_context": Mode(StateBySetupContext, vector, "AG206"),
    "state_on_a_module": Mode(StateOnAModule, lambda: (normal(5), nn.Identity()), "AG206"),
    "state_in_a_cached_buffer": Mode(StateInACachedBuffer, vector, "AG206"),
    "nested_function_writes_to_grad_output": Mode(
        NestedFunctionWritesToGradOutput, vector, "AG301"
    ),
    "writes_to_grad_output_in_a_branch": Mode(WritesToGradOutputInABranch, vector, "AG301"),
    "writes_to_its_input_by_setup_context": Mode(WritesToItsInputBySetupContext, vector, "AG303"),
    "one_of_three_is_misindexed": Mode(
        OneOfThreeIsMisindexed, lambda: (normal(5), normal(5, seed=1), normal(5, seed=2)), "AG410"
    ),
    "second_output_in_memory_order": Mode(SecondOutputInMemoryOrder, matrix, "AG407"),
    "clamps_in_a_helper": Mode(ClampsInAHelper, vector, "AG102"),
    "affects_only_the_second_input": Mode(AffectsOnlyTheSecondInput, two_vectors, "AG102"),
    "vjp_instead_of_backward": Mode(VjpInsteadOfBackward, vector, "AG301"),
}
