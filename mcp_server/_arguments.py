"""The arguments of ``check_function``: their types and what a model reads about each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pytest_autograd._inputs import InputSpec


def _listed(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


SourceText = Annotated[
    str, Field(max_length=200_000, description="Complete Python module, imports included")
]
Entry = Annotated[
    str,
    Field(
        description="Name in source: a Function class, Fn.apply, a callable, an nn.Module instance "
        "or a Module class built without arguments"
    ),
]
Inputs = Annotated[
    str | list[InputSpec] | None,
    Field(
        description="null: example_inputs() of source if it has one, else proposed from the "
        "signature; or the name of a function in source that returns the argument tuple; or one "
        "item per argument"
    ),
]
Format = Annotated[
    Literal["concise", "detailed"], Field(description="Length of the text; data is complete")
]
Level = Annotated[
    Literal["quick", "full"], Field(description="quick: no gradcheck, one point only")
]
Codes = Annotated[
    list[str] | None,
    BeforeValidator(_listed),
    Field(description="Rule codes or prefixes, e.g. ['AG1', 'AG301']"),
]
SecondOrder = Annotated[bool, Field(description="Check second order too")]
WhereDefined = Annotated[bool | None, Field(description="null: checked where it is defined")]
Contract = Annotated[str | None, Field(description="Name of a function in source (see above)")]
Transform = Annotated[
    dict[str, str] | None, Field(description="forward's argument name to function name")
]
Tolerance = Annotated[float, Field(description="Larger relative errors are AG101")]
GradcheckOptions = Annotated[
    dict[str, float | bool] | None, Field(description="eps, atol, rtol, nondet_tol of gradcheck")
]
Seed = Annotated[int | None, Field(description="Repeats a report; null: fresh")]
Seconds = Annotated[float, Field(description="At most 600")]
