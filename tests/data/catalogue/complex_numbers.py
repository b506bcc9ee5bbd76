"""Real inputs hide a missing conjugate, where the code knows of complex ones; real functions of complex inputs."""

import torch
from catalogue._mode import FULL, Mode, matrix, normal, two_vectors, vector
from torch.autograd import Function


class ConjugatesOneOfTwo(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output * weight.conj(), grad_output * x


class ConjugatesBoth(ConjugatesOneOfTwo):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output * weight.conj(), grad_output * x.conj()


class TransposesOneOfTwo(Function):
    """The adjoint of the weight, the transpose of ``x``."""

    @staticmethod
    def forward(x, weight):
        return x @ weight

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        needs_x, needs_weight = ctx.needs_input_grad
        grad_x = grad_output @ weight.mH if needs_x else None
        return grad_x, x.mT @ grad_output if needs_weight else None


class TransposesBoth(TransposesOneOfTwo):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        needs_x, needs_weight = ctx.needs_input_grad
        grad_x = grad_output @ weight.mH if needs_x else None
        return grad_x, x.mH @ grad_output if needs_weight else None


class BranchesOnComplex(Function):
    """The branch for complex inputs conjugates grad_output in place of the slope."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return (grad_output.conj() if x.is_complex() else grad_output) * x.exp()


class RefusesComplex(Function):
    @staticmethod
    def forward(ctx, x):
        if x.is_complex():
            raise TypeError("real inputs only")
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 2 * x * grad_output


class FiltersReals(Function):
    """A circular convolution of real signals by way of complex ones: complex signals were never meant."""

    @staticmethod
    def forward(ctx, x, kernel):
        if x.shape != kernel.shape:
            raise ValueError("signal and kernel are of one length")
        ctx.save_for_backward(x, kernel)
        return torch.fft.ifft(torch.fft.fft(x) * torch.fft.fft(kernel)).real.clone()

    @staticmethod
    def backward(ctx, grad_output):
        x, kernel = ctx.saved_tensors
        spectrum = torch.fft.fft(grad_output)
        by = (torch.fft.fft(kernel).conj(), torch.fft.fft(x).conj())
        return tuple(torch.fft.ifft(spectrum * each).real for each in by)


class SquaredModulus(Function):
    """Half the gradient, as the derivative by the conjugate alone is."""

    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z.real**2 + z.imag**2

    @staticmethod
    def backward(ctx, grad_output):
        (z,) = ctx.saved_tensors
        return grad_output * z


class SquaredModulusRightly(SquaredModulus):
    @staticmethod
    def backward(ctx, grad_output):
        (z,) = ctx.saved_tensors
        return 2 * grad_output * z


class Modulus(Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z.abs()

    @staticmethod
    def backward(ctx, grad_output):
        (z,) = ctx.saved_tensors
        return grad_output * z.sgn().conj()


class Phase(Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z.angle()

    @staticmethod
    def backward(ctx, grad_output):
        (z,) = ctx.saved_tensors
        return grad_output * 1j / z


class PhaseRightly(Phase):
    """Not finite at zero, where the phase jumps: no claim holds there."""

    @staticmethod
    def backward(ctx, grad_output):
        (z,) = ctx.saved_tensors
        return grad_output * 1j * z / (z.abs() ** 2)


class ImaginaryPart(Function):
    @staticmethod
    def forward(ctx, z):
        return z.imag.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return -1j * grad_output


def factors():
    return normal(3, 4), normal(4, 2, seed=1)


def complex_vector():
    return (normal(5, dtype=torch.complex128),)


MODES = {
    "conjugates_one_of_two": Mode(ConjugatesOneOfTwo, two_vectors, "AG104", options=FULL),
    "conjugates_both": Mode(ConjugatesBoth, two_vectors, options=FULL),
    "transposes_one_of_two": Mode(TransposesOneOfTwo, factors, "AG104", options=FULL),
    "transposes_both": Mode(TransposesBoth, factors, options=FULL),
    "conjugates_the_wrong_factor": Mode(BranchesOnComplex, matrix, "AG104", options=FULL),
    "refuses_complex_inputs": Mode(RefusesComplex, vector, options=FULL),
    "real_signals_by_complex_ones": Mode(FiltersReals, two_vectors, options=FULL),
    "squared_modulus_by_half": Mode(SquaredModulus, complex_vector, "AG101"),
    "squared_modulus": Mode(SquaredModulusRightly, complex_vector, options=FULL),
    "modulus_conjugated": Mode(Modulus, complex_vector, "AG101"),
    "phase_conjugated": Mode(Phase, complex_vector, "AG101"),
    "phase": Mode(PhaseRightly, complex_vector, options=FULL),
    "imaginary_part_with_another_sign": Mode(ImaginaryPart, complex_vector, "AG101"),
}
