"""Forward under autocast computes in bfloat16; backward, run outside, mixes that with what was saved in float32."""

import torch
from catalogue._mode import Mode, normal
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

CPU = {"device_type": "cpu"}


class Product(Function):
    """``a @ b``; what was saved keeps its dtype."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return torch.matmul(a, b)

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        need_a, need_b = ctx.needs_input_grad
        return (
            torch.matmul(grad_output, b.mT) if need_a else None,
            torch.matmul(a.mT, grad_output) if need_b else None,
        )


class ProductRightly(Function):
    """Both passes run in what autocast makes of the arguments."""

    @staticmethod
    @torch.amp.custom_fwd(**CPU)
    def forward(ctx, a, b):
        return Product.forward(ctx, a, b)

    @staticmethod
    @torch.amp.custom_bwd(**CPU)
    def backward(ctx, grad_output):
        return Product.backward(ctx, grad_output)


class ProductInItsOwnDtype(ProductRightly):
    """Returns the gradients in the dtype that the caller holds, which forward notes."""

    @staticmethod
    @torch.amp.custom_fwd(**CPU)
    def forward(ctx, a, b):
        ctx.dtype = a.dtype
        return Product.forward(ctx, a, b)

    @staticmethod
    @torch.amp.custom_bwd(**CPU)
    def backward(ctx, grad_output):
        found = Product.backward(ctx, grad_output)
        return tuple(grad if grad is None else grad.to(ctx.dtype) for grad in found)


class ProductWithoutAutocast(Function):
    """Forward is kept in float32."""

    @staticmethod
    @torch.amp.custom_fwd(cast_inputs=torch.float32, **CPU)
    def forward(ctx, a, b):
        return Product.forward(ctx, a, b)

    @staticmethod
    @torch.amp.custom_bwd(**CPU)
    def backward(ctx, grad_output):
        return Product.backward(ctx, grad_output)


class Projection(Function):
    """With a bias, and by ``setup_context``."""

    @staticmethod
    def forward(x, weight, bias):
        return functional.linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], inputs[1])

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias = ctx.needs_input_grad
        return (
            grad_output.mm(weight) if need_x else None,
            grad_output.t().mm(x) if need_weight else None,
            grad_output.sum(0) if need_bias else None,
        )


class ProjectionCastingBack(Projection):
    """Casts the cotangent to what was saved."""

    @staticmethod
    def backward(ctx, grad_output):
        return Projection.backward(ctx, grad_output.to(ctx.saved_tensors[0].dtype))


class Scores(Function):
    """Two outputs: the scores in bfloat16, their row sums in float32."""

    @staticmethod
    def forward(ctx, q, k):
        ctx.save_for_backward(q, k)
        scores = torch.bmm(q, k.mT)
        return scores, scores.float().sum(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_scores, grad_sums):
        q, k = ctx.saved_tensors
        grad = grad_scores + grad_sums[..., None].to(grad_scores.dtype)
        need_q, need_k = ctx.needs_input_grad
        return torch.bmm(grad, k) if need_q else None, torch.bmm(grad.mT, q) if need_k else None


class ScoresCastingBack(Scores):
    @staticmethod
    @once_differentiable
    def backward(ctx, grad_scores, grad_sums):
        dtype = ctx.saved_tensors[0].dtype
        return Scores.backward.__wrapped__(ctx, grad_scores.to(dtype), grad_sums.to(dtype))


def under_autocast(function):
    """Return a callable that opens the region itself."""

    def step(*args):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return function.apply(*args)

    return step


class AutocastLayer(nn.Module):
    """Opens the region in its forward, and has parameters."""

    def __init__(self, function, *parameters):
        super().__init__()
        self.function = function
        self.held = nn.ParameterList(parameters)

    @torch.autocast("cpu", dtype=torch.bfloat16)
    def forward(self, x):
        return self.function.apply(x, *self.held)


def floats(*shapes):
    return lambda: tuple(
        normal(*shape, seed=seed, dtype=torch.float32) for seed, shape in enumerate(shapes)
    )


def parameters(*shapes):
    return [nn.Parameter(t.detach()) for t in floats(*shapes)()]


matrices = floats((3, 4), (4, 2))
projected = floats((3, 4), (2, 4), (2,))
batches = floats((2, 3, 4), (2, 5, 4))
ASKED = {"autocast": True}

MODES = {
    "product_in_a_region": Mode(under_autocast(Product), matrices, "AG002"),
    "projection_in_a_region": Mode(under_autocast(Projection), projected, "AG002"),
    "scores_in_a_region": Mode(under_autocast(Scores), batches, "AG002"),
    "product_in_a_module": Mode(
        AutocastLayer(Product, *parameters((4, 2))), floats((3, 4)), "AG002"
    ),
    "projection_in_a_module": Mode(
        AutocastLayer(Projection, *parameters((2, 4), (2,))), floats((3, 4)), "AG002"
    ),
    "scores_in_a_module": Mode(
        AutocastLayer(Scores, *parameters((2, 5, 4))), floats((2, 3, 4)), "AG002"
    ),
    "product_asked_for": Mode(Product, matrices, "AG604", options=ASKED),
    "projection_asked_for": Mode(Projection, projected, "AG604", options=ASKED),
    "scores_asked_for": Mode(Scores, batches, "AG604", options=ASKED),
    "custom_passes_in_a_region": Mode(under_autocast(ProductInItsOwnDtype), matrices),
    "custom_passes_asked_for": Mode(ProductRightly, matrices, options=ASKED),
    "kept_in_float32_in_a_module": Mode(
        AutocastLayer(ProductWithoutAutocast, *parameters((4, 2))), floats((3, 4))
    ),
    "cast_back_in_a_region": Mode(under_autocast(ProjectionCastingBack), projected),
    "cast_back_asked_for": Mode(ScoresCastingBack, batches, options=ASKED),
}
