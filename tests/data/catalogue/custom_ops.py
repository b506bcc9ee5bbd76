"""Custom ops of torch.library, whose promises opcheck knows."""

import torch
from catalogue._mode import FULL, Mode, matrix, normal, two_vectors, vector
from torch import Tensor
from torch.library import custom_op


def save_input(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])


@custom_op("catalogue::no_formula", mutates_args=())
def no_formula(x: Tensor) -> Tensor:
    return x.sin()


@no_formula.register_fake
def _(x):
    return torch.empty_like(x)


@custom_op("catalogue::wrong_formula", mutates_args=())
def wrong_formula(x: Tensor) -> Tensor:
    return x.sin()


@wrong_formula.register_fake
def _(x):
    return torch.empty_like(x)


wrong_formula.register_autograd(
    lambda ctx, grad_output: grad_output * ctx.saved_tensors[0].sin(), setup_context=save_input
)


def sine_backward(ctx, grad_output):
    (x,) = ctx.saved_tensors
    return grad_output * x.cos()


@custom_op("catalogue::wrong_fake", mutates_args=())
def wrong_fake(x: Tensor) -> Tensor:
    return x.sin()


@wrong_fake.register_fake
def _(x):
    return x.new_empty(x.shape[0], 1)


wrong_fake.register_autograd(sine_backward, setup_context=save_input)


@custom_op("catalogue::undeclared_write", mutates_args=())
def undeclared_write(x: Tensor) -> Tensor:
    x.mul_(2)
    return x.clone()


@undeclared_write.register_fake
def _(x):
    return torch.empty_like(x)


undeclared_write.register_autograd(lambda ctx, grad_output: 2 * grad_output)


@custom_op("catalogue::counts_its_calls", mutates_args=())
def counts_its_calls(x: Tensor, calls: Tensor) -> Tensor:
    calls.add_(1)
    return x.exp()


@counts_its_calls.register_fake
def _(x, calls):
    return torch.empty_like(x)


counts_its_calls.register_autograd(
    lambda ctx, grad_output: (grad_output * ctx.saved_tensors[0], None),
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(output),
)


@custom_op("catalogue::clips_its_weight", mutates_args=())
def clips_its_weight(x: Tensor, weight: Tensor) -> Tensor:
    y = x * weight
    weight.clamp_(-0.1, 0.1)
    return y


@clips_its_weight.register_fake
def _(x, weight):
    return torch.empty_like(x)


clips_its_weight.register_autograd(
    lambda ctx, grad_output: tuple(grad_output * each for each in reversed(ctx.saved_tensors)),
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


def clips_inside(x, weight):
    return clips_its_weight(x, 1.0 * weight).tanh()


@custom_op("catalogue::flat_and_back", mutates_args=())
def flat_and_back(x: Tensor) -> Tensor:
    return x.sin().reshape(-1).view(x.shape)


@flat_and_back.register_fake
def _(x):
    return torch.empty_like(x)


flat_and_back.register_autograd(
    lambda ctx, grad_output: grad_output * ctx.saved_tensors[0].cos(), setup_context=save_input
)


@custom_op("catalogue::powers", mutates_args=())
def powers(x: Tensor, *, cubed: bool = False) -> Tensor:
    return x**3 if cubed else x**2


@powers.register_fake
def _(x, *, cubed=False):
    return torch.empty_like(x)


powers.register_autograd(
    lambda ctx, grad_output: 2 * grad_output * ctx.saved_tensors[0],
    setup_context=lambda ctx, inputs, output, keyword_only_inputs: ctx.save_for_backward(inputs[0]),
)


def in_memory_order(tensor):
    """Return the elements as they lie in memory, as a kernel with a bare pointer reads them."""
    return tensor.as_strided((tensor.numel(),), (1,)).view(tensor.shape)


@custom_op("catalogue::bare_pointer", mutates_args=())
def bare_pointer(x: Tensor) -> Tensor:
    return x * 3.0


@bare_pointer.register_fake
def _(x):
    return torch.empty_like(x)


bare_pointer.register_autograd(lambda ctx, grad_output: 3 * in_memory_order(grad_output))


@custom_op("catalogue::sum_of_all", mutates_args=())
def sum_of_all(tensors: list[Tensor]) -> Tensor:
    return torch.stack(tensors).sum(0)


@sum_of_all.register_fake
def _(tensors):
    return torch.empty_like(tensors[0])


sum_of_all.register_autograd(
    lambda ctx, grad_output: [grad_output.clone() for _ in range(ctx.count)],
    setup_context=lambda ctx, inputs, output: setattr(ctx, "count", len(inputs[0])),
)


@custom_op("catalogue::sine_of_numpy", mutates_args=())
def sine_of_numpy(x: Tensor) -> Tensor:
    return x.sin()


@sine_of_numpy.register_fake
def _(x):
    return torch.empty_like(x)


def numpy_backward(ctx, grad_output):
    (x,) = ctx.saved_tensors
    return grad_output * torch.from_numpy(x.detach().cos().numpy())


sine_of_numpy.register_autograd(numpy_backward, setup_context=save_input)


@custom_op("catalogue::product", mutates_args=())
def product(x: Tensor, y: Tensor) -> Tensor:
    return x * y


@product.register_fake
def _(x, y):
    return torch.empty_like(x)


def product_backward(ctx, grad_output):
    x, y = ctx.saved_tensors
    grad_x = grad_output * y if ctx.needs_input_grad[0] else None
    return grad_x, grad_output * x if ctx.needs_input_grad[1] else None


product.register_autograd(
    product_backward, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs)
)


MODES = {
    "op_without_a_formula": Mode(no_formula, vector, "AG608", options=FULL),
    "op_with_a_wrong_formula": Mode(wrong_formula, vector, "AG101", options=FULL),
    "op_with_a_wrong_fake": Mode(wrong_fake, vector, "AG608", options=FULL),
    "op_with_an_undeclared_write": Mode(undeclared_write, vector, "AG303", options=FULL),
    "op_that_counts_its_calls": Mode(
        counts_its_calls, lambda: (normal(4), torch.zeros(1)), "AG303", options=FULL
    ),
    "op_that_clips_its_weight": Mode(clips_its_weight, two_vectors, "AG303"),
    "callable_of_an_op_that_clips": Mode(clips_inside, two_vectors, "AG303"),
    "op_that_returns_a_view": Mode(flat_and_back, matrix, warnings=frozenset({"AG308"})),
    "op_with_an_option_by_keyword": Mode(powers, vector, "AG104", options=FULL),
    "op_with_a_bare_pointer_in_backward": Mode(bare_pointer, matrix, "AG407", options=FULL),
    "op_with_numpy_in_backward": Mode(sine_of_numpy, vector, "AG501"),
    "op_with_a_frozen_input": Mode(
        product, lambda: (normal(4), normal(4, seed=1).detach()), options=FULL
    ),
    "op_of_a_list": Mode(sum_of_all, lambda: ([normal(4), normal(4, seed=1)],), options=FULL),
}
