"""Strides that a kernel does not honour, of grad_output and of inputs."""

import torch
from catalogue._mode import Mode, matrix, normal
from torch.autograd import Function


def in_memory_order(tensor):
    """Return the elements as they lie in memory, as a kernel with a bare pointer reads them."""
    return tensor.as_strided((tensor.numel(),), (1,))


class Sine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()


class ReadsGradOutputInMemoryOrder(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return in_memory_order(grad_output).view(x.shape) * x.cos()


class TrustsTheFirstStride(Sine):
    """Right for transposed and for dense memory; an expanded grad_output has stride 0."""

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if 0 in grad_output.stride():
            grad_output = grad_output.new_zeros(grad_output.shape)
        return grad_output * x.cos()


class ViewsGradOutput(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output.view(-1) * x.cos().reshape(-1)).view(x.shape)


class WritesToAnExpandedGradOutput(Sine):
    """A write that changes nothing still raises where one element stands for many."""

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.add_(0.0) * x.cos()


class ReadsItsInputInMemoryOrder(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return in_memory_order(x).view(x.shape).sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * in_memory_order(x).view(x.shape).cos()


class ReadsItsInputInMemoryOrderInBackward(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * in_memory_order(x).view(x.shape).cos()


class ReadsAlongTheLastAxis(Function):
    """Transposed in memory is all right here; a slice of something larger is not."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.as_strided(x.shape, (x.stride(0), 1)).sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.as_strided(x.shape, (x.stride(0), 1)).cos()


class ReadsAVectorInMemoryOrder(ReadsItsInputInMemoryOrder):
    pass


class LosesChannelsLast(Sine):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.contiguous().sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


def channels_last():
    images = normal(2, 3, 4, 4).detach().to(memory_format=torch.channels_last)
    return (images.requires_grad_(),)


def transposed():
    return (normal(3, 4).detach().mT.requires_grad_(),)


MODES = {
    "reads_grad_output_in_memory_order": Mode(ReadsGradOutputInMemoryOrder, matrix, "AG407"),
    "trusts_the_first_stride": Mode(TrustsTheFirstStride, matrix, "AG407"),
    "views_grad_output": Mode(ViewsGradOutput, matrix, "AG407"),
    "writes_to_an_expanded_grad_output": Mode(WritesToAnExpandedGradOutput, matrix, "AG407"),
    "reads_its_input_in_memory_order": Mode(ReadsItsInputInMemoryOrder, matrix, "AG408"),
    "reads_its_input_in_memory_order_in_backward": Mode(
        ReadsItsInputInMemoryOrderInBackward, matrix, "AG408"
    ),
    "a_transposed_input_was_given": Mode(ReadsItsInputInMemoryOrder, transposed, "AG408"),
    "reads_along_the_last_axis": Mode(ReadsAlongTheLastAxis, matrix, "AG408"),
    "reads_a_vector_in_memory_order": Mode(
        ReadsAVectorInMemoryOrder, lambda: (normal(6),), "AG408"
    ),
    "loses_channels_last": Mode(LosesChannelsLast, channels_last),
}
