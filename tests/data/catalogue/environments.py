"""Other threads, checkpointing and offloading."""

import contextvars
import random
import threading

import numpy
import torch
from catalogue._mode import FULL, Mode, matrix, vector
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.utils.weak import WeakTensorKeyDictionary

WARNED_CTX = frozenset({"AG201"})
settings = threading.local()
settings.slope = 0.1
slope = contextvars.ContextVar("slope", default=0.0)
slope.set(0.1)


class LeakyRelu(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, 0.1 * x)


class ReadsAThreadLocalSetting(LeakyRelu):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grad_output, settings.slope * grad_output)


class ReadsAContextVariable(LeakyRelu):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grad_output, slope.get() * grad_output)


class ScratchOnTheClass(Function):
    """Nobody but a second thread comes between the two lines of backward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        ScratchOnTheClass.cosine = x.cos()
        return grad_output * ScratchOnTheClass.cosine


SCRATCH = {}


def cosine_into_scratch(x):
    scratch = SCRATCH.setdefault(x.shape, numpy.empty(x.shape))
    numpy.cos(x.numpy(), out=scratch)
    return scratch


class ScratchInAHelper(ScratchOnTheClass):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        cosine = cosine_into_scratch(x)
        return torch.from_numpy(grad_output.numpy() * cosine)


class ScratchBehindALock(ScratchOnTheClass):
    lock = threading.Lock()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        with ScratchBehindALock.lock:
            ScratchBehindALock.cosine = x.cos()
            grad = grad_output * ScratchBehindALock.cosine
        return grad


masks = WeakTensorKeyDictionary()


class LooksUpItsInput(Function):
    @staticmethod
    def forward(ctx, x):
        masks[x] = x > 0
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * masks[x]


class ComparesIdentities(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.known = id(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos() * (1 if id(x) == ctx.known else 2)


class ComparesAddresses(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.address = x.data_ptr()
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        if x.data_ptr() != ctx.address:
            raise RuntimeError("x has moved")
        return grad_output * x.cos()


class DrawsFromPythonsStream(Function):
    @staticmethod
    def forward(ctx, x):
        scale = torch.full_like(x, 0.5 + random.random())
        ctx.save_for_backward(scale)
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        (scale,) = ctx.saved_tensors
        return grad_output * scale


class DrawsFromNumpysStream(DrawsFromPythonsStream):
    @staticmethod
    def forward(ctx, x):
        scale = torch.from_numpy(numpy.random.rand(*x.shape))
        ctx.save_for_backward(scale)
        return x * scale


class DrawsFromTorchsStream(DrawsFromPythonsStream):
    @staticmethod
    def forward(ctx, x):
        scale = torch.rand_like(x)
        ctx.save_for_backward(scale)
        return x * scale


class ActivationOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.activation = x.exp()
        return x.exp()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return grad_output * ctx.activation


class CountsOnTheSide(Function):
    """A side effect in forward that no number depends on."""

    calls = 0

    @staticmethod
    def forward(ctx, x):
        CountsOnTheSide.calls += 1
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


MODES = {
    "reads_a_thread_local_setting": Mode(ReadsAThreadLocalSetting, vector, "AG210", options=FULL),
    "reads_a_context_variable": Mode(ReadsAContextVariable, vector, "AG210", options=FULL),
    "scratch_on_the_class": Mode(ScratchOnTheClass, vector, "AG210", options=FULL),
    "scratch_in_a_helper": Mode(ScratchInAHelper, matrix, "AG210", options=FULL),
    "scratch_behind_a_lock": Mode(ScratchBehindALock, vector, options=FULL),
    "looks_up_its_input": Mode(LooksUpItsInput, vector, "AG607", options=FULL),
    "compares_identities": Mode(ComparesIdentities, vector, "AG607", options=FULL),
    "compares_addresses": Mode(ComparesAddresses, vector, "AG607", options=FULL),
    "draws_from_pythons_stream": Mode(DrawsFromPythonsStream, vector, "AG607", options=FULL),
    "draws_from_numpys_stream": Mode(DrawsFromNumpysStream, vector, "AG607", options=FULL),
    "draws_from_torchs_stream": Mode(DrawsFromTorchsStream, vector, options=FULL),
    "activation_on_ctx": Mode(ActivationOnCtx, vector, warnings=WARNED_CTX, options=FULL),
    "counts_on_the_side": Mode(CountsOnTheSide, vector, options=FULL),
}
