"""ctx, arguments and outputs: what is kept where, what autograd never sees, what nobody asked for."""

import torch
from catalogue._mode import Mode, normal, two_vectors, vector
from torch.autograd import Function

WARNED_CTX = frozenset({"AG201"})


class OutputOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x.exp()
        return ctx.y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.y


class OutputInAListOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.kept = [y]
        return y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.kept[0]


class OutputInAClosureOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.pull_back = lambda grad_output: grad_output * y
        return y

    @staticmethod
    def backward(ctx, grad_output):
        return ctx.pull_back(grad_output)


class ViewOfTheOutputOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.flat = y.view(-1)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.flat.view(grad_output.shape)


class ViewOfTheOutputSaved(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y.view(-1))
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (flat,) = ctx.saved_tensors
        return grad_output * flat.view(grad_output.shape)


class CtxRefersToItself(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.owner = ctx
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.owner.saved_tensors
        return grad_output * x.cos()


class InputOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.x = x
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.x.cos()


class InputOnCtxBySetupContext(InputOnCtx):
    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        (ctx.x,) = inputs


class IntermediateOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.mask = x > 0
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.mask


class SavesTwice(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x)
        ctx.save_for_backward(y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y, grad_output * y


class SavesAnInteger(Function):
    @staticmethod
    def forward(ctx, x, exponent):
        ctx.save_for_backward(x, exponent)
        return x**exponent

    @staticmethod
    def backward(ctx, grad_output):
        x, exponent = ctx.saved_tensors
        return grad_output * exponent * x ** (exponent - 1), None


class ReadsSavedTensorsInForward(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        kept = ctx.saved_tensors
        return x.sin() * (2 if kept else 1)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class ClearedTensorsReadTwice(Function):
    clear_saved_tensors_on_access = True

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * (ctx.saved_tensors[0].sin() + ctx.saved_tensors[0].cos())


class SavesMoreThanItNeeds(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        _, y = ctx.saved_tensors
        return grad_output * y


class PinsALargeStorage(Function):
    @staticmethod
    def forward(ctx, x):
        windows = torch.outer(torch.arange(1.0, 9.0), torch.linspace(0, 1, len(x)))
        ctx.save_for_backward(windows[3])
        return x * windows[3]

    @staticmethod
    def backward(ctx, grad_output):
        (window,) = ctx.saved_tensors
        return grad_output * window


MODES = {
    "output_on_ctx": Mode(OutputOnCtx, vector, "AG202"),
    "output_in_a_list_on_ctx": Mode(OutputInAListOnCtx, vector, "AG202"),
    "output_in_a_closure_on_ctx": Mode(OutputInAClosureOnCtx, vector, "AG202"),
    "view_of_the_output_on_ctx": Mode(ViewOfTheOutputOnCtx, vector, "AG202"),
    "view_of_the_output_saved": Mode(ViewOfTheOutputSaved, vector, "AG202"),
    "ctx_refers_to_itself": Mode(CtxRefersToItself, vector, "AG202"),
    "input_on_ctx": Mode(InputOnCtx, vector, warnings=WARNED_CTX),
    "input_on_ctx_by_setup_context": Mode(InputOnCtxBySetupContext, vector, warnings=WARNED_CTX),
    "intermediate_on_ctx": Mode(IntermediateOnCtx, vector, warnings=WARNED_CTX | {"AG207"}),
    "saves_twice": Mode(SavesTwice, two_vectors, "AG205"),
    "saves_an_integer": Mode(SavesAnInteger, lambda: (normal(5), 2), "AG203"),
    "reads_saved_tensors_in_forward": Mode(
        ReadsSavedTensorsInForward, vector, warnings=frozenset({"AG204"})
    ),
    "cleared_tensors_read_twice": Mode(ClearedTensorsReadTwice, vector, "AG002"),
    "saves_more_than_it_needs": Mode(SavesMoreThanItNeeds, vector, warnings=frozenset({"AG207"})),
    "pins_a_large_storage": Mode(PinsALargeStorage, vector, warnings=frozenset({"AG208"})),
}
