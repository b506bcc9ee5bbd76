"""Right Functions that take more than tensors: a module with its parameters, a sparse operator in a list."""

import torch
from corpus._case import Case, normal
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Recompute(Function):
    """Runs a module without a graph and again with one in backward; its parameters are passed as well."""

    @staticmethod
    def forward(ctx, module, x, *parameters):
        ctx.module = module
        ctx.save_for_backward(x)
        return module(x)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        x = x.detach().requires_grad_(ctx.needs_input_grad[1])
        inputs = [x, *ctx.module.parameters()]
        with torch.enable_grad():
            output = ctx.module(x)
        asked = [t for t, needed in zip(inputs, ctx.needs_input_grad[1:], strict=True) if needed]
        found = iter(torch.autograd.grad(output, asked, grad_output))
        return None, *(next(found) if needed else None for needed in ctx.needs_input_grad[1:])


class SparseOperator(Function):
    """Multiplies by a constant sparse matrix that comes in a list."""

    @staticmethod
    def forward(ctx, x, operators):
        ctx.save_for_backward(*operators)
        return torch.sparse.mm(operators[0], x)

    @staticmethod
    def backward(ctx, grad_output):
        (operator,) = ctx.saved_tensors
        return torch.sparse.mm(operator.t(), grad_output), None


class SparseProduct(Function):
    """Multiplies by a constant sparse matrix."""

    @staticmethod
    def forward(ctx, matrix, x):
        ctx.save_for_backward(matrix)
        return matrix @ x

    @staticmethod
    def backward(ctx, grad_output):
        (matrix,) = ctx.saved_tensors
        return None, matrix.t() @ grad_output


class OneBuffer(Function):
    """Writes both gradients into parts of one buffer that do not overlap."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return torch.dot(a, b)

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_tensors
        both = torch.cat([grad_output * b, grad_output * a])
        return both[: a.numel()], both[a.numel() :]


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def _with_module() -> tuple:
    network = _network()
    return network, normal(5, 3), *network.parameters()


class Affine:
    """A model that is no Module."""

    def __init__(self) -> None:
        self.weight, self.bias = normal(4, 3, seed=1), normal(4, seed=2)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x @ self.weight.t() + self.bias)

    def parameters(self) -> list[torch.Tensor]:
        return [self.weight, self.bias]


def _with_object() -> tuple:
    model = Affine()
    return model, normal(5, 3), *model.parameters()


def _matrix() -> torch.Tensor:
    places = torch.tensor([[0, 1, 3], [1, 2, 0]])
    values = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    return torch.sparse_coo_tensor(places, values, (4, 3), check_invariants=False).coalesce()


CASES = {
    "recompute": Case(Recompute, _with_module),
    "recompute_object": Case(Recompute, _with_object),
    "sparse_operator": Case(SparseOperator, lambda: (normal(3, 2), [_matrix()])),
    "sparse_product": Case(SparseProduct, lambda: (_matrix(), normal(3, 2))),
    "one_buffer": Case(OneBuffer, lambda: (normal(4), normal(4, seed=1))),
}
