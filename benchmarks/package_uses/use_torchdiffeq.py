"""torchdiffeq: the adjoint method, gradients of the time of an event."""

import torch
from torchdiffeq import odeint, odeint_adjoint, odeint_event


class Field(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.matrix = torch.nn.Parameter(
            torch.tensor([[-0.1, 1.0], [-1.2, -0.2]], dtype=torch.float64)
        )

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.tanh(y @ self.matrix)


TIMES = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)


def test_adjoint(draw):
    odeint_adjoint(Field(), draw(2), TIMES, rtol=1e-10, atol=1e-12)


def test_time_of_an_event():
    start = torch.tensor([1.0, 0.3], dtype=torch.float64, requires_grad=True)
    odeint_event(
        Field(),
        start,
        TIMES[0],
        event_fn=lambda t, y: y[0] - 0.2,
        odeint_interface=odeint,
        rtol=1e-10,
        atol=1e-12,
    )


def test_fixed_grid_of_fourth_order(draw):
    odeint(Field(), draw(2), TIMES, method="explicit_adams", options={"step_size": 0.1})
