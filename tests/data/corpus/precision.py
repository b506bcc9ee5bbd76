"""Right Functions in other dtypes: float32, float32 inside, autocast, complex."""

import torch
from corpus._case import Case, normal
from torch.amp import custom_bwd, custom_fwd
from torch.autograd import Function


class Float32Inside(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x.float()).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output.float() * torch.cos(x.float())).to(x.dtype)


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * grad_output * x * x


class AutocastLinear(Function):
    @staticmethod
    @custom_fwd(device_type="cpu")
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight.t()

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output @ weight if ctx.needs_input_grad[0] else None
        grad_weight = grad_output.t() @ x if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight


class ComplexMul(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        return grad_output * b.conj(), grad_output * a.conj()


class Modulus(Function):
    """Complex in, real out."""

    @staticmethod
    def forward(ctx, z):
        y = z.abs()
        ctx.save_for_backward(z, y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        z, y = ctx.saved_tensors
        return grad_output * z / torch.where(y > 0, y, 1)


class FromPolar(Function):
    """Real in, complex out: the gradients are real."""

    @staticmethod
    def forward(ctx, radius, angle):
        ctx.save_for_backward(radius, angle)
        return torch.polar(radius, angle)

    @staticmethod
    def backward(ctx, grad_output):
        radius, angle = ctx.saved_tensors
        unit = torch.complex(angle.cos(), angle.sin())
        turned = grad_output * unit.conj()
        return turned.real, turned.imag * radius


class Fourier(Function):
    @staticmethod
    def forward(ctx, z):
        return torch.fft.fft(z)

    @staticmethod
    def backward(ctx, grad_output):
        return torch.fft.ifft(grad_output) * grad_output.shape[-1]


def complex_normal(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return complex normal values that want a gradient."""
    return normal(*shape, seed=seed, dtype=torch.complex128)


CASES = {
    "float32_inside": Case(Float32Inside, lambda: (normal(3, 4),)),
    "float32_inputs": Case(Cube, lambda: (normal(3, 4, dtype=torch.float32),)),
    "autocast_decorated": Case(AutocastLinear, lambda: (normal(3, 4), normal(2, 4, seed=1))),
    "complex_mul": Case(ComplexMul, lambda: (complex_normal(4), complex_normal(4, seed=1))),
    "complex_modulus": Case(Modulus, lambda: (complex_normal(4),)),
    "from_polar": Case(
        FromPolar, lambda: (normal(4).detach().abs().requires_grad_(), normal(4, seed=1))
    ),
    "fourier": Case(Fourier, lambda: (complex_normal(5),)),
}
