"""State that outlives a call, memory that is shared, and writes to what belongs to others."""

import threading
from typing import ClassVar

import torch
from catalogue._mode import Mode, two_vectors, vector
from torch.autograd import Function
from torch.autograd.function import once_differentiable

WARNED_DATA = frozenset({"AG801"})
WARNED_ALIAS = frozenset({"AG305"})


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x


class KeepsOnTheClass(Function):
    @staticmethod
    def forward(ctx, x):
        KeepsOnTheClass.x = x.detach().clone()
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * KeepsOnTheClass.x.cos()


TAPE = []


class KeepsOnAStack(Function):
    """Pops what the latest forward pushed: right as long as backward goes in the opposite order."""

    @staticmethod
    def forward(ctx, x):
        TAPE.append(x.detach().clone())
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * TAPE.pop().cos()


class KeepsPerThread(Function):
    """The state of another thread is not there when the engine runs backward elsewhere."""

    local = threading.local()

    @staticmethod
    def forward(ctx, x):
        KeepsPerThread.local.x = x.detach().clone()
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * KeepsPerThread.local.x.cos()


def keeps_in_a_closure():
    cell = {}

    class KeepsInAClosure(Function):
        @staticmethod
        def forward(ctx, x):
            cell["x"] = x.detach().clone()
            return x.sin()

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * cell["x"].cos()

    return KeepsInAClosure


class NumberOnTheClass(Function):
    @staticmethod
    def forward(ctx, x):
        NumberOnTheClass.scale = float(x.detach().abs().max())
        ctx.save_for_backward(x)
        return x * x / x.abs().max().detach() * NumberOnTheClass.scale

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output / x.abs().max() * NumberOnTheClass.scale


class CountsItsCalls(Function):
    """The n-th call is scaled by n: a recomputed forward is another function."""

    calls = 0

    @staticmethod
    def forward(ctx, x):
        CountsItsCalls.calls += 1
        ctx.scale = 1 + CountsItsCalls.calls % 3
        return x * ctx.scale

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.scale


class OutputWorkspace(Function):
    workspace: ClassVar = {}

    @staticmethod
    def forward(ctx, x):
        buffer = OutputWorkspace.workspace.setdefault(x.dtype, torch.empty_like(x))
        ctx.save_for_backward(x)
        return torch.sin(x, out=buffer).detach()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class GradientWorkspace(Function):
    workspace: ClassVar = {}

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        buffer = GradientWorkspace.workspace.setdefault(x.dtype, torch.empty_like(x))
        return torch.mul(grad_output, x.cos(), out=buffer)


class SavedWorkspace(Function):
    """A mask buffer that every call fills anew, behind the back of the version counter."""

    workspace: ClassVar = {}

    @staticmethod
    def forward(ctx, x):
        mask = SavedWorkspace.workspace.setdefault(x.dtype, torch.empty_like(x))
        mask.data.copy_(x > 0)
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return grad_output * mask


class TwoViewsOfOneGradient(Function):
    @staticmethod
    def forward(ctx, x, y):
        return x + y

    @staticmethod
    def backward(ctx, grad_output):
        both = grad_output * 1
        return both.view(-1), both.view(-1)


class TwoHalvesOfOneGradient(Function):
    @staticmethod
    def forward(ctx, x, y):
        return torch.cat([x, y])

    @staticmethod
    def backward(ctx, grad_output):
        both = grad_output * 1
        return both[:5], both[5:]


class TheSameGradientTwice(Function):
    @staticmethod
    def forward(ctx, x, y):
        return x + y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output


class ReturnsABufferOfCtx(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.buffer = torch.zeros_like(x)
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.mul(grad_output, x.cos(), out=ctx.buffer)


class TwoOutputsOfOneStorage(Function):
    @staticmethod
    def forward(ctx, x):
        both = torch.cat([x, x])
        return both[: len(x)], both[len(x) :]

    @staticmethod
    def backward(ctx, grad_first, grad_second):
        return grad_first + grad_second


class ReturnsAViewOfItsInput(Function):
    @staticmethod
    def forward(ctx, x):
        return x.view(-1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


class ReturnsTwoViewsOfItsInput(Function):
    @staticmethod
    def forward(ctx, x):
        return x[:2], x[2:]

    @staticmethod
    def backward(ctx, grad_first, grad_second):
        return torch.cat([grad_first, grad_second])


MODES = {
    "keeps_on_the_class": Mode(KeepsOnTheClass, vector, "AG206"),
    "keeps_on_a_stack": Mode(KeepsOnAStack, vector, "AG307"),
    "keeps_in_a_closure": Mode(keeps_in_a_closure(), vector, "AG206"),
    "keeps_per_thread": Mode(KeepsPerThread, vector, "AG206"),
    "number_on_the_class": Mode(NumberOnTheClass, vector, "AG206"),
    "counts_its_calls": Mode(CountsItsCalls, vector, "AG206"),
    "output_workspace": Mode(OutputWorkspace, vector, "AG209"),
    "gradient_workspace": Mode(GradientWorkspace, vector, "AG209"),
    "saved_workspace": Mode(SavedWorkspace, vector, "AG206", WARNED_DATA),
    "two_views_of_one_gradient": Mode(TwoViewsOfOneGradient, two_vectors, "AG305"),
    "two_halves_of_one_gradient": Mode(TwoHalvesOfOneGradient, two_vectors),
    "the_same_gradient_twice": Mode(TheSameGradientTwice, two_vectors),
    "returns_a_buffer_of_ctx": Mode(ReturnsABufferOfCtx, vector, warnings=WARNED_ALIAS | {"AG201"}),
    "two_outputs_of_one_storage": Mode(
        TwoOutputsOfOneStorage, vector, warnings=frozenset({"AG308"})
    ),
    "returns_a_view_of_its_input": Mode(ReturnsAViewOfItsInput, vector, notes=frozenset({"AG306"})),
    "returns_two_views_of_its_input": Mode(
        ReturnsTwoViewsOfItsInput, vector, notes=frozenset({"AG306"})
    ),
}
