"""Custom ops whose rule for ``torch.vmap`` is wrong: another axis, another formula, an argument without a batch."""

import torch
from catalogue._mode import Mode, matrix, normal, vector
from torch import Tensor
from torch.library import custom_op

ASKED = {"vmap": True}


@custom_op("vmap_catalogue::halve", mutates_args=())
def halve(x: Tensor) -> Tensor:
    return x / 2


@custom_op("vmap_catalogue::shrink", mutates_args=())
def shrink(x: Tensor) -> Tensor:
    return x / (1 + x.abs())


@custom_op("vmap_catalogue::row_means", mutates_args=())
def row_means(x: Tensor) -> Tensor:
    return x.mean(-1)


@custom_op("vmap_catalogue::row_means_rightly", mutates_args=())
def row_means_rightly(x: Tensor) -> Tensor:
    return x.mean(-1)


@custom_op("vmap_catalogue::combine", mutates_args=())
def combine(x: Tensor, y: Tensor, weight: float) -> Tensor:
    return x * y + weight * x


@custom_op("vmap_catalogue::combine_rightly", mutates_args=())
def combine_rightly(x: Tensor, y: Tensor, weight: float) -> Tensor:
    return x * y + weight * x


@custom_op("vmap_catalogue::halves", mutates_args=())
def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.sin(), x.cos()


@custom_op("vmap_catalogue::raises", mutates_args=())
def raises(x: Tensor) -> Tensor:
    return x.exp()


def save_inputs(ctx, inputs, output):
    ctx.save_for_backward(*(value for value in inputs if isinstance(value, Tensor)))


def grad_of_shrink(ctx, grad_output):
    (x,) = ctx.saved_tensors
    return grad_output / (1 + x.abs()).square()


def grad_of_means(ctx, grad_output):
    (x,) = ctx.saved_tensors
    return (grad_output[..., None] / x.shape[-1]).expand_as(x).contiguous()


def grad_of_combined(ctx, grad_output):
    x, y = ctx.saved_tensors
    return grad_output * (y + ctx.weight), grad_output * x, None


def save_with_weight(ctx, inputs, output):
    ctx.save_for_backward(*inputs[:2])
    ctx.weight = inputs[2]


def grad_of_halves(ctx, grad_sine, grad_cosine):
    (x,) = ctx.saved_tensors
    return grad_sine * x.cos() - grad_cosine * x.sin()


def to_the_front(x, dim):
    return x if dim is None else x.movedim(dim, 0)


def means_of_the_front(info, in_dims, x):
    """Take the batch for a row wherever it stands in front."""
    return x.mean(-1), None if in_dims[0] is None else 0


def means_by_row(info, in_dims, x):
    return to_the_front(x, in_dims[0]).mean(-1), 0


def combined_alike(info, in_dims, x, y, weight):
    """Count on both arguments having the batch, and at the same place."""
    return combine(x.movedim(in_dims[0], 0), y.movedim(in_dims[0], 0), weight), 0


def combined_whoever_has_it(info, in_dims, x, y, weight):
    return combine_rightly(*aligned(info, in_dims, x, y), weight), 0


def aligned(info, in_dims, *tensors):
    return tuple(
        t.expand(info.batch_size, *t.shape).contiguous() if d is None else t.movedim(d, 0)
        for t, d in zip(tensors, in_dims, strict=False)
    )


def halves_in_another_order(info, in_dims, x):
    sine, cosine = halves(x)
    return (cosine, sine), (in_dims[0], in_dims[0])


def refuses_a_batch(info, in_dims, x):
    raise NotImplementedError("no batch of batches")


for op, setup, grad in (
    (shrink, save_inputs, grad_of_shrink),
    (row_means, save_inputs, grad_of_means),
    (row_means_rightly, save_inputs, grad_of_means),
    (combine, save_with_weight, grad_of_combined),
    (combine_rightly, save_with_weight, grad_of_combined),
    (halves, save_inputs, grad_of_halves),
    (raises, save_inputs, lambda ctx, g: g * ctx.saved_tensors[0].exp()),
):
    op.register_autograd(grad, setup_context=setup)
halve.register_autograd(lambda ctx, g: g / 2)
for op in (halve, shrink, combine, combine_rightly, raises):
    op.register_fake(lambda x, *rest: torch.empty_like(x))
for op in (row_means, row_means_rightly):
    op.register_fake(lambda x: x.new_empty(x.shape[:-1]))
halves.register_fake(lambda x: (torch.empty_like(x), torch.empty_like(x)))

halve.register_vmap(lambda info, in_dims, x: (x / 3, in_dims[0]))
shrink.register_vmap(lambda info, in_dims, x: (x / (1 + x.abs()), 0))
row_means.register_vmap(means_of_the_front)
row_means_rightly.register_vmap(means_by_row)
combine.register_vmap(combined_alike)
combine_rightly.register_vmap(combined_whoever_has_it)
halves.register_vmap(halves_in_another_order)
raises.register_vmap(refuses_a_batch)


def pair_and_weight():
    return normal(3, 4), normal(3, 4, seed=1), 0.5


MODES = {
    "op_with_another_factor_under_vmap": Mode(halve, vector, "AG601", options=ASKED),
    "op_with_its_batch_put_in_front": Mode(shrink, matrix, "AG601", options=ASKED),
    "op_taking_the_batch_for_a_row": Mode(row_means, matrix, "AG601", options=ASKED),
    "op_batched_by_row": Mode(row_means_rightly, matrix, options=ASKED),
    "op_with_one_argument_batched": Mode(combine, pair_and_weight, "AG601", options=ASKED),
    "op_with_either_argument_batched": Mode(combine_rightly, pair_and_weight, options=ASKED),
    "op_with_outputs_swapped_under_vmap": Mode(halves, vector, "AG601"),
    "op_that_raises_under_vmap": Mode(raises, vector, "AG601"),
}
