"""Where things stand in the author's source."""

from __future__ import annotations

from types import CodeType
from typing import Any

from torch.autograd.function import Function

from pytest_autograd.errors import NotApplicable
from pytest_autograd.facts.base import Facts, fact
from pytest_autograd.places import (
    Place,
    attribute_places,
    class_place,
    gradient_place,
    mutation_place,
    unwrap,
)

METHODS = ("forward", "setup_context", "backward", "vjp", "jvp")


class Source(Facts):
    """The lines that findings point at, and what can be read off the methods."""

    @property
    def function(self) -> type[Function]:
        """The custom Function under check."""
        if self.call.function is None:
            raise NotApplicable("the target is a callable; each Function that it calls is audited")
        return self.call.function

    @property
    def backward_code(self) -> Any:
        """The author's ``backward`` (or ``vjp``), None for a callable."""
        if self.call.function is None:
            return None
        own = self.call.function.backward
        return self.call.function.vjp if own is Function.backward else own

    def defines(self, method: str) -> bool:
        """Whether the author overrode ``method`` of Function."""
        return getattr(self.function, method) is not getattr(Function, method)

    @property
    def codes(self) -> list[CodeType]:
        """The code of the author's methods, or of the callable."""
        owner = self.call.function
        written = (
            [getattr(owner, name) for name in METHODS if self.defines(name)]
            if owner is not None
            else [self.call.target]
        )
        found = (getattr(unwrap(each), "__code__", None) for each in written)
        return [code for code in found if code is not None]

    def of_gradient(self, argument: str) -> Place | None:
        """Return the line that makes the gradient of ``argument``."""
        position = next((s.position for s in self.call.slots if s.name == argument), 0)
        return self.of_return(position)

    def of_return(self, position: int) -> Place | None:
        """Return the line that makes what backward returns at ``position``."""
        return gradient_place(self.backward_code, position) if self.backward_code else None

    @property
    def of_backward(self) -> Place | None:
        """The line where backward is defined."""
        return class_place(unwrap(self.backward_code)) if self.backward_code else None

    @property
    def of_target(self) -> Place | None:
        """The line where the Function or callable is defined."""
        return class_place(self.call.function or self.call.target)

    def of_mutation(self, method: str) -> Place | None:
        """Return the first line of ``forward`` or ``backward`` that writes in place."""
        code = self.backward_code if method == "backward" else self.function.forward
        return mutation_place(code)

    @fact
    def data_attributes(self) -> list[Place]:
        """Lines of the Function's methods that read ``.data`` of a tensor."""
        return attribute_places(self.function, METHODS, "data")

    @fact
    def numpy_in_backward(self) -> list[Place]:
        """Lines of backward that call ``numpy()``."""
        return attribute_places(self.function, ("backward", "vjp"), "numpy")
