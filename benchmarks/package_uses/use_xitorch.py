"""xitorch: linear algebra, root finding, integration, differential equations."""

import torch
import xitorch
from xitorch.integrate import quad, solve_ivp
from xitorch.linalg import solve, symeig
from xitorch.optimize import rootfinder


def test_solve(draw):
    matrix = draw(4, 4, grad=False) + 4 * torch.eye(4)
    solve(xitorch.LinearOperator.m(matrix.requires_grad_()), draw(4, 2))


def test_eigenvalues(draw):
    root = draw(4, 4, grad=False)
    matrix = (root + root.T).requires_grad_()
    symeig(
        xitorch.LinearOperator.m((matrix + matrix.T) / 2, is_hermitian=True),
        neig=2,
        method="custom_exacteig",
    )


def test_root(draw):
    rootfinder(
        lambda y, a: y**3 + a * y - 1.0, torch.ones(3, dtype=torch.float64), params=(draw(3).exp(),)
    )


def test_integral(draw):
    zero, one = (
        torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.0, 1.0)
    )
    quad(lambda x, a: torch.exp(-a * x), zero, one, params=(draw(3),), n=40)


def test_initial_value_problem(draw):
    times = torch.linspace(0, 1, 4, dtype=torch.float64)
    solve_ivp(
        lambda t, y, a: -a * y, times, draw(3), params=(draw(3).exp(),), rtol=1e-10, atol=1e-12
    )
