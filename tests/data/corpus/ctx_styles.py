"""Right Functions that use each documented way to talk to ctx."""

import numpy as np
import torch
from corpus._case import Case, normal, positive
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class WithSetupContext(Function):
    @staticmethod
    def forward(x, power):
        return x**power

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.power = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * ctx.power * x ** (ctx.power - 1), None


class WithEveryTransform(Function):
    """Backward, forward mode and batching, each by hand."""

    @staticmethod
    def forward(x, y):
        return x * y.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return grad_output * y.sin(), grad_output * x * y.cos()

    @staticmethod
    def jvp(ctx, x_tangent, y_tangent):
        x, y = ctx.saved_tensors
        return x_tangent * y.sin() + y_tangent * x * y.cos()

    @staticmethod
    def vmap(info, in_dims, x, y):
        def batch_first(tensor, dim):
            return tensor.unsqueeze(0) if dim is None else tensor.movedim(dim, 0)

        x, y = (batch_first(t, d) for t, d in zip((x, y), in_dims, strict=True))
        return WithEveryTransform.apply(x, y), 0


class GeneratedVmap(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y

    @staticmethod
    def jvp(ctx, x_tangent):
        (y,) = ctx.saved_tensors
        return x_tangent * y


class NumpyForward(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sinh(x.detach().cpu().numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * torch.from_numpy(np.cosh(x.cpu().numpy()))


class NumpyForwardTorchBackward(Function):
    """Only forward leaves torch, so the second derivative is right as well."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.arcsinh(x.detach().numpy()))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x * x + 1).rsqrt()


class IntermediateAsOutput(Function):
    """Hands its intermediate out, so that the second derivative can flow through it."""

    @staticmethod
    def forward(ctx, x):
        inverse = (x.square() + 1).reciprocal()
        y = x * inverse
        ctx.save_for_backward(x, inverse)
        return y, inverse

    @staticmethod
    def backward(ctx, grad_y, grad_inverse):
        x, inverse = ctx.saved_tensors
        through = grad_inverse + grad_y * x
        return grad_y * inverse - through * 2 * x * inverse * inverse


class UndefinedGradients(Function):
    """Two outputs; a gradient that is ``None`` costs nothing."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x.sin(), x.square()

    @staticmethod
    def backward(ctx, grad_sin, grad_square):
        (x,) = ctx.saved_tensors
        grad = None
        if grad_sin is not None:
            grad = grad_sin * x.cos()
        if grad_square is not None:
            term = 2 * grad_square * x
            grad = term if grad is None else grad + term
        return grad


class MaskOutput(Function):
    """The second output is a float mask that takes no gradient."""

    @staticmethod
    def forward(ctx, x):
        mask = (x > 0).to(x.dtype)
        ctx.mark_non_differentiable(mask)
        ctx.save_for_backward(mask)
        return x * mask, mask

    @staticmethod
    def backward(ctx, grad_output, _grad_mask):
        (mask,) = ctx.saved_tensors
        return grad_output * mask


class StringMode(Function):
    """Arguments of every kind, and one ``None`` more than needed."""

    @staticmethod
    def forward(ctx, x, mode, settings):
        ctx.mode, ctx.gain = mode, settings["gain"]
        ctx.save_for_backward(x)
        return ctx.gain * (x.sin() if mode == "sin" else x.cos())

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        inner = x.cos() if ctx.mode == "sin" else -x.sin()
        return grad_output * ctx.gain * inner, None, None, None


class NamedVjp(Function):
    """``vjp`` is another name for ``backward``."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.atan()

    @staticmethod
    def vjp(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / (1 + x * x)


class SavesOnlyWhatIsNeeded(Function):
    """Saves each factor only if the other one wants a gradient."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(
            y if ctx.needs_input_grad[0] else None, x if ctx.needs_input_grad[1] else None
        )
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        y, x = ctx.saved_tensors
        grad_x = grad_output * y if ctx.needs_input_grad[0] else None
        grad_y = grad_output * x if ctx.needs_input_grad[1] else None
        return grad_x, grad_y


class PowerBase(Function):
    """A family of Functions that share forward and backward and differ in a constant."""

    power: float

    @classmethod
    def forward(cls, ctx, x):
        ctx.save_for_backward(x)
        return x**cls.power

    @classmethod
    def backward(cls, ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * cls.power * x ** (cls.power - 1)


class CubeRoot(PowerBase):
    power = 1 / 3


class UnusedInput(Function):
    """An input that does not matter may have no gradient."""

    @staticmethod
    def forward(ctx, x, anchor):
        ctx.save_for_backward(x)
        return x.square() + 0 * anchor.shape[0]

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * x, None


class ConstantCounter(Function):
    """Counts its calls on the class: state, but none that the gradient reads."""

    calls = 0

    @staticmethod
    def forward(ctx, x):
        ConstantCounter.calls += 1
        ctx.save_for_backward(x)
        return x.log()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output / x


CASES = {
    "setup_context": Case(WithSetupContext, lambda: (normal(3, 4), 3)),
    "setup_context_jvp_vmap": Case(
        WithEveryTransform, lambda: (normal(3, 4), normal(3, 4, seed=1))
    ),
    "generated_vmap": Case(GeneratedVmap, lambda: (normal(3, 4),)),
    "numpy_once_differentiable": Case(NumpyForward, lambda: (normal(3, 4),)),
    "numpy_forward_only": Case(NumpyForwardTorchBackward, lambda: (normal(3, 4),)),
    "intermediate_as_output": Case(IntermediateAsOutput, lambda: (normal(3, 4),)),
    "undefined_gradients": Case(UndefinedGradients, lambda: (normal(3, 4),)),
    "mask_output": Case(MaskOutput, lambda: (normal(3, 4),)),
    "arguments_of_every_kind": Case(StringMode, lambda: (normal(3, 4), "cos", {"gain": 1.5})),
    "named_vjp": Case(NamedVjp, lambda: (normal(3, 4),)),
    "saves_only_what_is_needed": Case(
        SavesOnlyWhatIsNeeded, lambda: (normal(3, 4), normal(3, 4, seed=1))
    ),
    "one_frozen_input": Case(
        SavesOnlyWhatIsNeeded, lambda: (normal(3, 4), normal(3, 4, seed=1).detach())
    ),
    "inherited_methods": Case(CubeRoot, lambda: (positive(3, 4),)),
    "unused_input": Case(UnusedInput, lambda: (normal(3, 4), normal(2, seed=1))),
    "counts_its_calls": Case(ConstantCounter, lambda: (positive(3, 4),)),
}
