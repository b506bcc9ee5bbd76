"""State of another call, random numbers, and faults that are there without them too."""

import os
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from catalogue._mode import matrix, vector
from catalogue.state import CountsItsCalls
from explained._pair import Pair, Shown
from explained.in_place import Sine, in_memory_order
from torch.autograd import Function

OUTPUT, GRADIENT = {}, {}


def workspace(held, values):
    """Return ``values`` in one buffer that all calls share."""
    buffer = held.setdefault(values.shape, torch.zeros_like(values))
    return buffer.copy_(values)


def refuse_other_threads():
    """Raise outside of the main thread, as what sets a signal handler does."""
    signal.signal(signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))


class Counted(Function):
    """Counts its calls, and forward depends on the number."""

    calls = 0

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        Counted.calls += 1
        return x.sin() * Counted.calls


class CountedTimesTwo(Counted):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * Counted.calls * grad_output * x.cos()


class CountedAndClamped(Counted):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return Counted.calls * grad_output.clamp(-0.5, 0.5) * x.cos()


class CountedAndDropped(Counted):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return Counted.calls * grad_output * x.cos() * (torch.rand_like(x) > 0.5)


class CountedInMemoryOrder(Counted):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return Counted.calls * in_memory_order(grad_output) * x.cos()


class CountedByAddress(Counted):
    """Knows a saved tensor by its address."""

    @staticmethod
    def forward(ctx, x):
        ctx.address = x.data_ptr()
        return Counted.forward(ctx, x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        factor = 1 if x.data_ptr() == ctx.address else 2
        return factor * Counted.calls * grad_output * x.cos()


class BackwardsCounted(Sine):
    backwards = 0

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        BackwardsCounted.backwards += 1
        return BackwardsCounted.backwards * grad_output * x.cos()


class BackwardsCountedInMemoryOrder(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        BackwardsCounted.backwards += 1
        return BackwardsCounted.backwards * grad_output * in_memory_order(x).cos()


class KeptOnTheClass(Function):
    factor = None
    x = None

    @staticmethod
    def forward(ctx, x):
        KeptOnTheClass.x = x.detach().clone()
        return x.sin()


class KeptAndRefusesOtherThreads(KeptOnTheClass):
    @staticmethod
    def backward(ctx, grad_output):
        refuse_other_threads()
        return grad_output * KeptOnTheClass.x.cos()


class KeptAndDetached(KeptOnTheClass):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * KeptOnTheClass.x.detach().cos()


class SetUpCounted(Function):
    calls = 0

    @staticmethod
    def forward(x):
        SetUpCounted.calls += 1
        return x.sin() * SetUpCounted.calls

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.calls = SetUpCounted.calls

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return ctx.calls * grad_output * x.cos()


class OnAStack(Function):
    """A second backward finds nothing to pop."""

    stack: ClassVar = deque()

    @staticmethod
    def forward(ctx, x):
        OnAStack.stack.append(x.detach().clone())
        return x.sin()


class OnAStackAlone(OnAStack):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * OnAStack.stack.pop().cos()


def after_an_empty_stack():
    OnAStack.stack.clear()
    return vector()


class OnAStackRefusesOtherThreads(OnAStack):
    @staticmethod
    def backward(ctx, grad_output):
        refuse_other_threads()
        return grad_output * OnAStack.stack.pop().cos()


class OnAStackDetached(OnAStack):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * OnAStack.stack.pop().detach().cos()


class WorkspaceTimesTwo(Sine):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return workspace(OUTPUT, x.sin())

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * x.cos()


class WorkspaceOnCtx(Function):
    """What is kept for backward is the buffer that the next call writes to."""

    @staticmethod
    def forward(ctx, x):
        ctx.y = workspace(OUTPUT, x.exp())
        return ctx.y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.y


class WorkspaceAndEnvironment(Sine):
    """Returns a buffer that is used again, and keeps a number in the environment."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        os.environ["LATEST_SCALE"] = repr(float(x.detach().abs().max()))
        return workspace(OUTPUT, x.sin() * float(os.environ["LATEST_SCALE"]))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * float(os.environ["LATEST_SCALE"]) * x.cos()


class SetUpCountedByAddress(SetUpCounted):
    @staticmethod
    def setup_context(ctx, inputs, output):
        SetUpCounted.setup_context(ctx, inputs, output)
        ctx.address = inputs[0].data_ptr()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        factor = 1 if x.data_ptr() == ctx.address else 2
        return factor * ctx.calls * grad_output * x.cos()


@contextmanager
def from_the_first_call() -> Iterator[None]:
    CountsItsCalls.calls = 0
    yield


PAIRS = {
    ("AG206", "AG101"): Pair(
        Shown(CountsItsCalls, vector, inside=from_the_first_call), Shown(CountedTimesTwo, vector)
    ),
    ("AG206", "AG102"): Pair("state:counts_its_calls", Shown(CountedAndClamped, vector)),
    ("AG206", "AG107"): Pair("state:counts_its_calls", Shown(CountedAndDropped, vector)),
    ("AG206", "AG210"): Pair("AG206", Shown(KeptAndRefusesOtherThreads, vector)),
    ("AG206", "AG407"): Pair("state:counts_its_calls", Shown(CountedInMemoryOrder, matrix)),
    ("AG206", "AG408"): Pair(
        Shown(BackwardsCounted, matrix), Shown(BackwardsCountedInMemoryOrder, matrix)
    ),
    ("AG206", "AG501"): Pair("state:keeps_on_the_class", Shown(KeptAndDetached, vector)),
    ("AG206", "AG601"): Pair(Shown(SetUpCounted, vector), Shown(SetUpCountedByAddress, vector)),
    ("AG206", "AG607"): Pair("state:counts_its_calls", Shown(CountedByAddress, vector)),
    ("AG209", "AG101"): Pair("state:output_workspace", Shown(WorkspaceTimesTwo, vector)),
    ("AG209", "AG206"): Pair(Shown(WorkspaceOnCtx, vector), Shown(WorkspaceAndEnvironment, vector)),
    ("AG307", "AG210"): Pair(
        Shown(OnAStackAlone, after_an_empty_stack),
        Shown(OnAStackRefusesOtherThreads, after_an_empty_stack),
    ),
    ("AG307", "AG501"): Pair(
        Shown(OnAStackAlone, after_an_empty_stack), Shown(OnAStackDetached, after_an_empty_stack)
    ),
}
