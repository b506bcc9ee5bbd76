"""More of the same in other spellings: what is captured, hidden in objects, or done by a helper."""

from types import SimpleNamespace

from catalogue._mode import Mode, normal, vector
from torch import nn
from torch.autograd import Function


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


WEIGHT = normal(5, seed=9)


class CapturedByDefault(Function):
    @staticmethod
    def forward(ctx, x, weight=WEIGHT):
        ctx.save_for_backward(weight)
        return x * weight

    @staticmethod
    def backward(ctx, grad_output):
        (weight,) = ctx.saved_tensors
        return grad_output * weight


class CapturedOnTheClass(Function):
    weight = nn.Parameter(WEIGHT.detach().clone())

    @staticmethod
    def forward(ctx, x):
        return x * CapturedOnTheClass.weight

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * CapturedOnTheClass.weight.detach()


class HiddenInAnObject(Function):
    @staticmethod
    def forward(ctx, x, layer):
        ctx.save_for_backward(layer.weight)
        return x * layer.weight

    @staticmethod
    def backward(ctx, grad_output):
        (weight,) = ctx.saved_tensors
        return grad_output * weight, None


class OutputsInAnObject(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), SimpleNamespace(cosine=x.cos())

    @staticmethod
    def backward(ctx, grad_sin, _):
        (x,) = ctx.saved_tensors
        return grad_sin * x.cos()


class TensorInAnObjectOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.cache = SimpleNamespace(x=x)
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.cache.x.cos()


class WithDefaults(Function):
    @staticmethod
    def forward(ctx, x, scale=2.0):
        ctx.scale = scale
        return x * scale

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.scale


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(WEIGHT.detach().clone())

    def forward(self, x):
        return CapturedWeight.apply(x, self)


class CapturedWeight(HiddenInAnObject):
    pass


wrong_sine = type(
    "WrongSine", (Sine,), {"backward": staticmethod(lambda ctx, g: -g * ctx.saved_tensors[0].cos())}
).apply


MODES = {
    "captured_by_default": Mode(CapturedByDefault, vector, "AG007"),
    "captured_on_the_class": Mode(CapturedOnTheClass, vector, "AG007"),
    "hidden_in_an_object": Mode(
        HiddenInAnObject, lambda: (normal(5), SimpleNamespace(weight=normal(5, seed=1))), "AG006"
    ),
    "hidden_in_a_module": Mode(Layer(), vector, "AG007"),
    "outputs_in_an_object": Mode(OutputsInAnObject, vector, "AG005"),
    "tensor_in_an_object_on_ctx": Mode(
        TensorInAnObjectOnCtx, vector, warnings=frozenset({"AG605"})
    ),
    "with_defaults": Mode(WithDefaults, vector),
    "alias_of_apply": Mode(wrong_sine, vector, "AG101"),
}
