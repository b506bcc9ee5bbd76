"""Right Functions that select, move or combine elements."""

import torch
from corpus._case import Case, normal
from torch.autograd import Function


class Embedding(Function):
    """Repeated rows add up; the padding row gets no gradient."""

    @staticmethod
    def forward(ctx, weight, tokens, padding):
        ctx.save_for_backward(tokens)
        ctx.rows, ctx.padding = weight.shape[0], padding
        return weight[tokens] * (tokens != padding).unsqueeze(-1)

    @staticmethod
    def backward(ctx, grad_output):
        (tokens,) = ctx.saved_tensors
        kept = grad_output * (tokens != ctx.padding).unsqueeze(-1)
        width = grad_output.shape[-1]
        grad = grad_output.new_zeros(ctx.rows, width)
        return grad.index_add(0, tokens.flatten(), kept.flatten(0, -2)), None, None


class ScatterSum(Function):
    """Sums the rows of each segment, as graph networks do."""

    @staticmethod
    def forward(ctx, source, segment, count):
        ctx.save_for_backward(segment)
        out = source.new_zeros(count, source.shape[1])
        return out.index_add_(0, segment, source)

    @staticmethod
    def backward(ctx, grad_output):
        (segment,) = ctx.saved_tensors
        return grad_output[segment], None, None


class Sort(Function):
    @staticmethod
    def forward(ctx, x):
        values, order = x.sort(dim=-1)
        ctx.mark_non_differentiable(order)
        ctx.save_for_backward(order)
        return values, order

    @staticmethod
    def backward(ctx, grad_values, _grad_order):
        (order,) = ctx.saved_tensors
        return torch.zeros_like(grad_values).scatter(-1, order, grad_values)


class TopK(Function):
    @staticmethod
    def forward(ctx, x, k):
        values, indices = x.topk(k, dim=-1)
        ctx.mark_non_differentiable(indices)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(indices)
        ctx.shape = x.shape
        return values, indices

    @staticmethod
    def backward(ctx, grad_values, _grad_indices):
        if grad_values is None:
            return None, None
        (indices,) = ctx.saved_tensors
        return grad_values.new_zeros(ctx.shape).scatter(-1, indices, grad_values), None


class Where(Function):
    @staticmethod
    def forward(ctx, mask, x, y):
        ctx.save_for_backward(mask)
        return torch.where(mask, x, y)

    @staticmethod
    def backward(ctx, grad_output):
        (mask,) = ctx.saved_tensors
        return None, grad_output * mask, grad_output * ~mask


class Gather(Function):
    @staticmethod
    def forward(ctx, x, index):
        ctx.save_for_backward(index)
        ctx.like = x.shape
        return x.gather(1, index)

    @staticmethod
    def backward(ctx, grad_output):
        (index,) = ctx.saved_tensors
        return grad_output.new_zeros(ctx.like).scatter_add(1, index, grad_output), None


class Shift(Function):
    """Rolls and pads with zeros, writing only into tensors of its own."""

    @staticmethod
    def forward(ctx, x, steps):
        ctx.steps = steps
        out = torch.zeros_like(x)
        out[..., steps:] = x[..., :-steps]
        return out

    @staticmethod
    def backward(ctx, grad_output):
        grad = torch.zeros_like(grad_output)
        grad[..., : -ctx.steps] = grad_output[..., ctx.steps :]
        return grad, None


class FlattenView(Function):
    """Returns a view of its input."""

    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return x.view(-1)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.reshape(ctx.shape)


class FirstRow(Function):
    """Returns a view of a part of its input."""

    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return x[0]

    @staticmethod
    def backward(ctx, grad_output):
        grad = grad_output.new_zeros(ctx.shape)
        grad[0] = grad_output
        return grad


class Halves(Function):
    """Two outputs of one shape; the gradient joins theirs again."""

    @staticmethod
    def forward(ctx, x):
        left, right = x.chunk(2, dim=-1)
        return left.clone(), right.clone()

    @staticmethod
    def backward(ctx, grad_left, grad_right):
        return torch.cat([grad_left, grad_right], dim=-1)


class Concatenate(Function):
    """Any number of tensor arguments."""

    @staticmethod
    def forward(ctx, dim, *parts):
        ctx.dim, ctx.sizes = dim, [part.shape[dim] for part in parts]
        return torch.cat(parts, dim)

    @staticmethod
    def backward(ctx, grad_output):
        return None, *grad_output.split(ctx.sizes, ctx.dim)


class BroadcastMul(Function):
    """Sums its gradients back over the dimensions that were broadcast."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad_output):
        x, y = ctx.saved_tensors
        return (grad_output * y).sum_to_size(x.shape), (grad_output * x).sum_to_size(y.shape)


CASES = {
    "embedding_with_padding": Case(
        Embedding, lambda: (normal(5, 3), torch.tensor([[1, 4, 1], [0, 2, 2]]), 0)
    ),
    "scatter_sum": Case(ScatterSum, lambda: (normal(4, 3), torch.tensor([0, 2, 0, 1]), 4)),
    "sort": Case(Sort, lambda: (normal(3, 4),)),
    "topk": Case(TopK, lambda: (normal(3, 5), 2)),
    "where": Case(
        Where,
        lambda: (torch.tensor([True, False, True, False]), normal(4), normal(4, seed=1)),
    ),
    "gather_with_repeats": Case(
        Gather, lambda: (normal(2, 4), torch.tensor([[0, 0, 3], [2, 1, 2]]))
    ),
    "shift": Case(Shift, lambda: (normal(3, 5), 2)),
    "flatten_view": Case(FlattenView, lambda: (normal(3, 4),)),
    "first_row_view": Case(FirstRow, lambda: (normal(3, 4),)),
    "halves": Case(Halves, lambda: (normal(3, 4),)),
    "concatenate": Case(Concatenate, lambda: (1, normal(2, 3), normal(2, 1, seed=1))),
    "broadcast_mul": Case(BroadcastMul, lambda: (normal(3, 1), normal(4, seed=1))),
}
