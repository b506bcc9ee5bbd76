"""Scenario 10: a rotary position embedding that overwrites its input.

The input is rotated in its own memory and declared dirty, and nothing but the positions is kept:
the gradient is the rotation by the opposite angle. Backward works out of place, so that it can be
differentiated again; the in-place one on a copy is right once and raises the second time.
"""

import torch
from torch.autograd import Function

from pytest_autograd import Report, autograd_checked, check


class Rotary(Function):
    """Right: in place forward, out of place backward."""

    @staticmethod
    def forward(ctx, x, position, base):
        ctx.base = base
        ctx.save_for_backward(position)
        ctx.mark_dirty(x)
        return _rotate_in_place(x, _angles(x, position, base))

    @staticmethod
    def backward(ctx, grad_output):
        (position,) = ctx.saved_tensors
        return rotated(grad_output, -_angles(grad_output, position, ctx.base)), None, None


class RotaryOnACopy(Rotary):
    """Faulty: autograd does not record an in-place change of a part of the copy."""

    @staticmethod
    def backward(ctx, grad_output):
        (position,) = ctx.saved_tensors
        angle = -_angles(grad_output, position, ctx.base)
        return _rotate_in_place(grad_output.clone(), angle), None, None


def _angles(x, position, base):
    half = x.shape[-1] // 2
    frequency = base ** (-torch.arange(half, device=x.device).to(x.dtype) / half)
    return position.to(x.dtype).unsqueeze(-1) * frequency


def _rotate_in_place(x, angle):
    first, second = x.chunk(2, -1)
    turned = first * angle.sin() + second * angle.cos()
    first.mul_(angle.cos()).sub_(second * angle.sin())
    second.copy_(turned)
    return x


def rotated(x, angle):
    """Return ``x``, its two halves rotated against each other."""
    first, second = x.chunk(2, -1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1)


def inputs() -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return vectors, their positions, and the base of the frequencies."""
    draw = torch.Generator().manual_seed(10)
    x = torch.randn(2, 5, 6, dtype=torch.float64, generator=draw, requires_grad=True)
    return x, torch.arange(5), 100.0


@autograd_checked
def test_rotary_overwrites_its_input_with_the_rotation():
    x, position, base = inputs()
    expected = rotated(x, _angles(x, position, base))
    copy = x * 1
    y = Rotary.apply(copy, position, base)
    assert y.data_ptr() == copy.data_ptr()
    torch.testing.assert_close(y, expected)


def reports() -> dict[str, Report]:
    """Check both."""
    return {
        "backward in place on a copy": check(RotaryOnACopy, *inputs()),
        "backward out of place": check(Rotary, *inputs()),
    }


def main() -> None:
    """Print the reports."""
    for title, report in reports().items():
        print(f"== {title}\n{report}\n")


if __name__ == "__main__":
    main()
