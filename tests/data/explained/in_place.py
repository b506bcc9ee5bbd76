"""Writes in place, and faults that are there without them too."""

import torch
from catalogue._mode import matrix, two_vectors, vector
from explained._pair import Pair, Shown
from torch.autograd import Function


def in_memory_order(tensor):
    """Return what a kernel reads that takes the tensor for contiguous."""
    return torch.as_strided(tensor, (tensor.numel(),), (1,), 0).view(tensor.shape)


class Sine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class WritesAndIsTwiceTooLarge(Sine):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        y = x.sin()
        x.add_(1)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * x.cos()


class WritesAndViews(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        return x.view(-1)

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output.view(3, 4)


class WritesAndDetaches(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        y = x.sin()
        x.mul_(2)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x.detach() / 2).cos()


class WritesUnderAWrongVmap(Function):
    @staticmethod
    def forward(x):
        y = x.sin()
        x.mul_(2)
        return y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x / 2).cos()

    @staticmethod
    def vmap(info, in_dims, x):
        return 3 * WritesUnderAWrongVmap.apply(x), in_dims[0]


class ScalesGradOutput(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.mul_(x.cos())


class ScalesGradOutputInMemoryOrder(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        gradient = in_memory_order(grad_output) * x.cos()
        if 0 not in grad_output.stride():
            grad_output.mul_(2)
        return gradient


class ScalesGradOutputAndDetaches(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output.mul_(x.detach().cos())


class ReturnsAnotherSavedTensor(Function):
    """Writes to one saved tensor and returns the other as it is, for a loss that is the last in the graph."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.clone(), torch.full_like(x, 2.0))
        return (2 * x).sum()

    @staticmethod
    def backward(ctx, grad_output):
        values, factor = ctx.saved_tensors
        values.zero_()
        return factor


class WritesToSavedAndPops(Sine):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.left = [1.0]
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return x.cos_() * grad_output * ctx.left.pop()


class SquareBySavedData(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.data.mul_(2)


class WritesToSavedAndDetaches(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, torch.zeros_like(x))
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        x, scratch = ctx.saved_tensors
        scratch.add_(1)
        return grad_output * x.detach().cos()


class WritesToSavedAndRefusesGraphs(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, torch.zeros_like(x))
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        x, scratch = ctx.saved_tensors
        scratch.add_(1)
        return torch.from_numpy(grad_output.numpy() * x.detach().cos().numpy())


class LeavesTwoMistakes(Function):
    """Runs backward through leaves, and knows a saved tensor by its address."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        ctx.address = x.data_ptr()
        return (x * weight).tanh()

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        factor = 1 if x.data_ptr() == ctx.address else 2
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            y = (x * weight).tanh()
        y.backward(grad_output)
        return factor * x.grad, grad_output * (1 - y.detach().square()) * x.detach()


PAIRS = {
    ("AG303", "AG101"): Pair(
        "in_place:saves_then_writes_to_its_input", Shown(WritesAndIsTwiceTooLarge, vector)
    ),
    ("AG303", "AG306"): Pair(
        "in_place:returns_the_input_it_wrote_to", Shown(WritesAndViews, matrix)
    ),
    ("AG303", "AG501"): Pair(
        "in_place:saves_then_writes_to_its_input", Shown(WritesAndDetaches, vector)
    ),
    ("AG303", "AG601"): Pair(
        "shapes:writes_to_its_input_by_setup_context", Shown(WritesUnderAWrongVmap, vector)
    ),
    ("AG301", "AG407"): Pair(
        Shown(ScalesGradOutput, matrix), Shown(ScalesGradOutputInMemoryOrder, matrix)
    ),
    ("AG301", "AG501"): Pair(
        "mutation:multiplies_grad_output_by_data", Shown(ScalesGradOutputAndDetaches, vector)
    ),
    ("AG302", "AG305"): Pair("AG302", Shown(ReturnsAnotherSavedTensor, vector)),
    ("AG302", "AG307"): Pair("AG302", Shown(WritesToSavedAndPops, vector)),
    ("AG302", "AG501"): Pair(
        Shown(SquareBySavedData, vector), Shown(WritesToSavedAndDetaches, vector)
    ),
    ("AG302", "AG502"): Pair("AG302", Shown(WritesToSavedAndRefusesGraphs, vector)),
    ("AG505", "AG607"): Pair("AG505", Shown(LeavesTwoMistakes, two_vectors)),
}
