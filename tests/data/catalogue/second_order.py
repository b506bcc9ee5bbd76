"""The second derivative is wrong, missing or raises, while the first is right."""

import torch
from catalogue._mode import Mode, vector
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Sine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()


class SavesAnIntermediate(Function):
    @staticmethod
    def forward(ctx, x):
        squared = x * x
        ctx.save_for_backward(squared)
        return x * squared

    @staticmethod
    def backward(ctx, grad_output):
        (squared,) = ctx.saved_tensors
        return 3 * squared * grad_output


class SavesAnIntermediateAndTheInput(Function):
    """One factor of the gradient has a graph, the other has none."""

    @staticmethod
    def forward(ctx, x):
        sigmoid = x.sigmoid()
        ctx.save_for_backward(x, sigmoid)
        return x * sigmoid

    @staticmethod
    def backward(ctx, grad_output):
        x, sigmoid = ctx.saved_tensors
        return grad_output * (sigmoid + x * sigmoid * (1 - sigmoid))


class BackwardWithoutGrad(Sine):
    @staticmethod
    @torch.no_grad()
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class OnceDifferentiable(Sine):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.cos()


class DetachesInBackward(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.detach().cos()


class ReadsDataInBackward(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.data.cos()


class NumpyInBackward(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(grad_output.numpy() * x.detach().cos().numpy())


class ItemInBackward(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sum()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.sum().item() + (grad_output * x).sum()


class InnerGradWithoutCreateGraph(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = x.sin()
        return torch.autograd.grad(y, x, grad_output)[0]


class PrecomputesTheGradient(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.cos())
        return x.sin()

    @staticmethod
    def backward(ctx, grad_output):
        (cosine,) = ctx.saved_tensors
        return grad_output * cosine


class WrongInnerCosine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.cos()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.sin()


class UsesAWrongFunctionInBackward(Sine):
    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * WrongInnerCosine.apply(x)


class DetachedOutputOnCtx(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.y = y.detach()
        return y

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.y


class KeepsAnInnerGraph(Function):
    """A hand-made checkpoint: the graph of forward on ctx, the gradient asked of it in backward."""

    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            inner = x.detach().requires_grad_()
            outcome = inner.sin()
        ctx.graph = inner, outcome
        return outcome.detach()

    @staticmethod
    def backward(ctx, grad_output):
        inner, outcome = ctx.graph
        return torch.autograd.grad(outcome, inner, grad_output, retain_graph=True)[0]


class KeepsAnInnerGraphOfItsInput(KeepsAnInnerGraph):
    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            outcome = x.sin()
        ctx.graph = x, outcome
        return outcome.detach()


class ReturnsAnOutputWithItsOwnGraph(Function):
    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            y = x.sin()
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * grad_output * x.cos()


class InputOnCtxTwiceDifferentiable(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.x = x
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * ctx.x * grad_output


MODES = {
    "saves_an_intermediate": Mode(SavesAnIntermediate, vector, "AG501"),
    "saves_an_intermediate_and_the_input": Mode(SavesAnIntermediateAndTheInput, vector, "AG501"),
    "backward_without_grad": Mode(BackwardWithoutGrad, vector, "AG502"),
    "once_differentiable": Mode(OnceDifferentiable, vector, notes=frozenset({"AG503"})),
    "detaches_in_backward": Mode(DetachesInBackward, vector, "AG501"),
    "reads_data_in_backward": Mode(ReadsDataInBackward, vector, "AG501", frozenset({"AG801"})),
    "numpy_in_backward": Mode(NumpyInBackward, vector, "AG502", options={"gradgrad": True}),
    "item_in_backward": Mode(ItemInBackward, vector, "AG501"),
    "inner_grad_without_create_graph": Mode(InnerGradWithoutCreateGraph, vector, "AG502"),
    "precomputes_the_gradient": Mode(PrecomputesTheGradient, vector, "AG501"),
    "uses_a_wrong_function_in_backward": Mode(UsesAWrongFunctionInBackward, vector, "AG501"),
    "detached_output_on_ctx": Mode(DetachedOutputOnCtx, vector, "AG501", frozenset({"AG201"})),
    "keeps_an_inner_graph": Mode(KeepsAnInnerGraph, vector, "AG502", frozenset({"AG201"})),
    "keeps_an_inner_graph_of_its_input": Mode(
        KeepsAnInnerGraphOfItsInput, vector, "AG502", frozenset({"AG201"})
    ),
    "returns_an_output_with_its_own_graph": Mode(ReturnsAnOutputWithItsOwnGraph, vector, "AG101"),
    "input_on_ctx_twice_differentiable": Mode(
        InputOnCtxTwiceDifferentiable, vector, warnings=frozenset({"AG201"})
    ),
}
