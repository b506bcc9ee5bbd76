"""Right elementwise Functions: what is saved, and how the derivative is written, differs."""

import math

import torch
from corpus._case import Case, normal
from torch.autograd import Function


class Relu(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grad_output, torch.zeros_like(grad_output))


class LeakyReluWithDefault(Function):
    @staticmethod
    def forward(ctx, x, slope=0.1):
        ctx.slope = slope
        ctx.save_for_backward(x)
        return torch.where(x > 0, x, slope * x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grad_output, ctx.slope * grad_output), None


class Elu(Function):
    """Saves only its output, from which the derivative follows."""

    @staticmethod
    def forward(ctx, x):
        y = torch.where(x > 0, x, torch.expm1(x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * torch.where(y > 0, torch.ones_like(y), y + 1)


class Gelu(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        density = torch.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
        return grad_output * (cdf + x * density)


class SigmoidFromOutput(Function):
    @staticmethod
    def forward(ctx, x):
        y = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return grad_output * y * (1 - y)


class TanhFromOutput(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.tanh()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return torch.addcmul(grad_output, grad_output * y, y, value=-1)


class SwishWithBeta(Function):
    """The learnable ``beta`` has no dimension, so its gradient is a sum over everything."""

    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        grad_x = grad_output * (s + beta * x * s * (1 - s))
        grad_beta = (grad_output * x * x * s * (1 - s)).sum()
        return grad_x, grad_beta


class PRelu(Function):
    """One slope for each channel of a batch of images."""

    @staticmethod
    def forward(ctx, x, slope):
        ctx.save_for_backward(x, slope)
        return torch.where(x > 0, x, slope.view(1, -1, 1) * x)

    @staticmethod
    def backward(ctx, grad_output):
        x, slope = ctx.saved_tensors
        negative = (x <= 0).to(x.dtype)
        grad_x = grad_output * (1 - negative + negative * slope.view(1, -1, 1))
        grad_slope = (grad_output * negative * x).sum(dim=(0, 2))
        return grad_x, grad_slope


class ClampByMask(Function):
    """Saves a mask: an intermediate, but one without a derivative to lose."""

    @staticmethod
    def forward(ctx, x, low, high):
        ctx.save_for_backward((x >= low) & (x <= high))
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, grad_output):
        (inside,) = ctx.saved_tensors
        return grad_output * inside, None, None


class Mish(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.tanh(torch.nn.functional.softplus(x))

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        t = torch.tanh(torch.nn.functional.softplus(x))
        return grad_output * (t + x * (1 - t * t) * torch.sigmoid(x))


class SwiGlu(Function):
    @staticmethod
    def forward(ctx, gate, up):
        ctx.save_for_backward(gate, up)
        return gate * torch.sigmoid(gate) * up

    @staticmethod
    def backward(ctx, grad_output):
        gate, up = ctx.saved_tensors
        s = torch.sigmoid(gate)
        grad_gate = grad_up = None
        if ctx.needs_input_grad[0]:
            grad_gate = grad_output * up * s * (1 + gate * (1 - s))
        if ctx.needs_input_grad[1]:
            grad_up = grad_output * gate * s
        return grad_gate, grad_up


class SoftThreshold(Function):
    @staticmethod
    def forward(ctx, x, threshold):
        ctx.save_for_backward(x, threshold)
        return x.sign() * (x.abs() - threshold).clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        x, threshold = ctx.saved_tensors
        kept = grad_output * (x.abs() > threshold)
        return kept, -(kept * x.sign()).sum()


class SafeLogCosh(Function):
    """A stable formula in both directions, right also for large arguments."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        size = x.abs()
        return size + torch.log1p(torch.exp(-2 * size)) - math.log(2)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x.tanh()


CASES = {
    "relu": Case(Relu, lambda: (normal(3, 4),)),
    "leaky_relu_default_argument": Case(LeakyReluWithDefault, lambda: (normal(3, 4),)),
    "leaky_relu_given_argument": Case(LeakyReluWithDefault, lambda: (normal(3, 4), 0.3)),
    "elu_from_output": Case(Elu, lambda: (normal(3, 4),)),
    "gelu": Case(Gelu, lambda: (normal(3, 4),)),
    "sigmoid_from_output": Case(SigmoidFromOutput, lambda: (normal(3, 4),)),
    "tanh_from_output": Case(TanhFromOutput, lambda: (normal(3, 4),)),
    "tanh_of_a_number": Case(TanhFromOutput, lambda: (normal(),)),
    "swish_with_beta": Case(SwishWithBeta, lambda: (normal(3, 4), normal(seed=1))),
    "prelu_by_channel": Case(PRelu, lambda: (normal(2, 3, 4), normal(3, seed=1))),
    "clamp_by_mask": Case(ClampByMask, lambda: (normal(3, 4), -0.5, 0.7)),
    "mish": Case(Mish, lambda: (normal(3, 4),)),
    "swiglu": Case(SwiGlu, lambda: (normal(3, 4), normal(3, 4, seed=1))),
    "soft_threshold": Case(
        SoftThreshold,
        lambda: (normal(3, 4), torch.tensor(0.4, dtype=torch.float64, requires_grad=True)),
    ),
    "log_cosh": Case(SafeLogCosh, lambda: ((10 * normal(3, 4)).detach().requires_grad_(),)),
}
