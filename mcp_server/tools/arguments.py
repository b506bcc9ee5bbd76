"""The arguments of ``check_function``: their types and what a model reads about each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pytest_autograd.source.input_specs import InputSpec


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
        description="Left out: example_inputs() of source, else proposed from the signature; or the "
        "name of a function in source that returns the argument tuple; or one item per argument"
    ),
]
Format = Annotated[
    Literal["concise", "detailed"], Field(description="Length of the text; data is complete")
]
Level = Annotated[
    Literal["quick", "full"], Field(description="quick: no gradcheck, one point only")
]
Selected = Annotated[
    list[str] | None,
    BeforeValidator(_listed),
    Field(description="Only these rule codes or prefixes, e.g. ['AG1', 'AG301']"),
]
Ignored = Annotated[list[str] | None, BeforeValidator(_listed), Field(description="But not these")]
SecondOrder = Annotated[bool | None, Field(description="Second order; true: and it must not raise")]
Forward = Annotated[bool | None, Field(description="Check jvp (left out: where defined)")]
Batching = Annotated[bool | None, Field(description="Check vmap (left out: where defined)")]
Mixed = Annotated[bool | None, Field(description="Under autocast")]
Contract = Annotated[str | None, Field(description="Function in source")]
Transform = Annotated[
    dict[str, str] | None, Field(description="forward's argument to function in source")
]
Accumulated = Annotated[dict[str, str] | None, Field(description="Argument to attribute")]
Domains = Annotated[
    dict[str, str] | None,
    Field(description='Where arguments live: {"p": "simplex(-1)", "a": "spd"}'),
]
Kept = Annotated[
    list[str] | None, Field(description='Arguments, sizes not varied: ["hard", "x.shape[-1]"]')
]
Overwritten = Annotated[
    list[str] | None, Field(description='Changed in place on purpose: ["logits", "grad_output"]')
]
Tolerance = Annotated[float, Field(description="Larger relative errors are AG101")]
Referees = Annotated[
    Literal["auto", "given", "unconfirmed", "off"],
    Field(description="gradcheck: auto, on the smallest inputs of the kind"),
]
GradcheckOptions = Annotated[
    dict[str, float | bool] | None, Field(description="eps, atol, rtol, nondet_tol of gradcheck")
]
Seed = Annotated[int | None, Field(description="Repeats a report")]
Seconds = Annotated[float, Field(description="At most 600")]
