"""Inputs that are views, or that share memory: the branch for them runs, and its backward is judged."""

from catalogue._mode import FULL, Mode, normal
from torch import nn
from torch.autograd import Function


class TellsHalvesByMemory(Function):
    """Query and key of one buffer take a packed branch, whose backward mixes the two up."""

    @staticmethod
    def forward(ctx, q, k):
        ctx.save_for_backward(q, k)
        ctx.packed = q.untyped_storage().data_ptr() == k.untyped_storage().data_ptr()
        return q.exp() * k

    @staticmethod
    def backward(ctx, grad_output):
        q, k = ctx.saved_tensors
        grad_q, grad_k = grad_output * k * q.exp(), grad_output * q.exp()
        return (grad_k, grad_q) if ctx.packed else (grad_q, grad_k)


class TellsHalvesByMemoryRightly(TellsHalvesByMemory):
    @staticmethod
    def backward(ctx, grad_output):
        q, k = ctx.saved_tensors
        return grad_output * k * q.exp(), grad_output * q.exp()


class TellsByBase(Function):
    """Looks at ``_base``, and then takes the gate for its slope."""

    @staticmethod
    def forward(gate):
        return gate.sigmoid()

    @staticmethod
    def setup_context(ctx, inputs, output):
        (gate,) = inputs
        ctx.of_another = gate._base is not None
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, grad_output):
        (gate,) = ctx.saved_tensors
        return grad_output * (gate if ctx.of_another else gate * (1 - gate))


class TellsByOffset(Function):
    """A weight that lies somewhere in a flat buffer of parameters loses a factor."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        ctx.factor = 0.5 if weight.storage_offset() else 1.0
        return x @ weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output @ weight.t() if ctx.needs_input_grad[0] else None
        return grad_x, ctx.factor * x.t() @ grad_output if ctx.needs_input_grad[1] else None


class TellsByOffsetRightly(TellsByOffset):
    @staticmethod
    def backward(ctx, grad_output):
        ctx.factor = 1.0
        return TellsByOffset.backward(ctx, grad_output)


class TellsByStride(Function):
    """Of an expanded bias one row is summed once more."""

    @staticmethod
    def forward(ctx, x, bias):
        ctx.save_for_backward(x, bias)
        ctx.expanded = bias.stride(0) == 0 and len(bias) > 1
        return (x * bias).tanh()

    @staticmethod
    def backward(ctx, grad_output):
        x, bias = ctx.saved_tensors
        inner = grad_output * (1 - (x * bias).tanh() ** 2)
        return inner * bias, inner * x * (2 if ctx.expanded else 1)


class TellsOneTensorFromTwo(Function):
    """The square of a tensor that is passed twice: both places are given the whole gradient."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.same = x is y
        ctx.save_for_backward(x, y)
        return x.sin() * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        if ctx.same:
            whole = grad_output * (x.cos() * x + x.sin())
            return whole, whole.clone()
        return grad_output * x.cos() * y, grad_output * x.sin()


class TellsOneTensorFromTwoRightly(TellsOneTensorFromTwo):
    @staticmethod
    def backward(ctx, grad_output):
        grad_x, grad_y = TellsOneTensorFromTwo.backward(ctx, grad_output)
        return grad_x, None if ctx.same else grad_y


class Attention(nn.Module):
    """Cuts one projection in two."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function.apply(*(2 * x).chunk(2, -1))


def halves():
    buffer = normal(3, 8)
    return buffer[:, :4], buffer[:, 4:]


def column():
    return (normal(3, 8)[:, 2:3],)


def leaf_halves():
    first, second = normal(3, 8).detach().split(4, -1)
    return first.requires_grad_(), second.requires_grad_()


def flat_weight():
    flat = normal(20, seed=1).detach()
    return normal(3, 4), nn.Parameter(flat[7:15].view(4, 2))


def expanded():
    return normal(3, 4), normal(1, 4, seed=1).detach().expand(3, 4).requires_grad_()


def twice():
    x = normal(5)
    return x, x


def once():
    return (normal(3, 8),)


def windows():
    return normal(12).unfold(0, 4, 2), normal(5, 4, seed=1)


MODES = {
    "halves_told_by_memory": Mode(TellsHalvesByMemory, halves, "AG408"),
    "leaf_halves_told_by_memory": Mode(TellsHalvesByMemory, leaf_halves, "AG408"),
    "halves_told_by_memory_rightly": Mode(TellsHalvesByMemoryRightly, halves),
    "leaf_halves_told_by_memory_rightly": Mode(TellsHalvesByMemoryRightly, leaf_halves),
    "column_told_by_base": Mode(TellsByBase, column, "AG408"),
    "halves_of_a_module_told_by_memory": Mode(Attention(TellsHalvesByMemory), once, "AG408"),
    "halves_of_a_module_told_rightly": Mode(Attention(TellsHalvesByMemoryRightly), once),
    "weight_in_a_flat_buffer": Mode(TellsByOffset, flat_weight, "AG408"),
    "weight_in_a_flat_buffer_rightly": Mode(TellsByOffsetRightly, flat_weight),
    "expanded_bias": Mode(TellsByStride, expanded, "AG408"),
    "one_tensor_for_two": Mode(TellsOneTensorFromTwo, twice, "AG104", options=FULL),
    "one_tensor_for_two_rightly": Mode(TellsOneTensorFromTwoRightly, twice, options=FULL),
    "windows_that_overlap": Mode(TellsHalvesByMemoryRightly, windows),
}
