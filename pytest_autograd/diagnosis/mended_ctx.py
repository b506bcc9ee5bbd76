"""Faults in what is saved and marked on ctx, undone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import Tensor

from pytest_autograd.call.call import named_outputs
from pytest_autograd.call.tensors import memory
from pytest_autograd.diagnosis.mended import Mend, SeenCtx


class DirtyIgnored(Mend):
    """Nothing is marked dirty."""

    def seen_by_forward(self, ctx: Any) -> Any:
        return SeenCtx(ctx, mark_dirty=lambda *tensors: None)


class SavedByHand(Mend):
    """save_for_backward takes anything, and gives it back at once."""

    def seen_by_forward(self, ctx: Any) -> Any:
        def save(*values: Any) -> None:
            ctx.by_hand = seen.__dict__["saved_tensors"] = values

        seen = SeenCtx(ctx, save_for_backward=save, saved_tensors=())
        return seen

    def seen_by_backward(self, ctx: Any) -> Any:
        return SeenCtx(ctx, saved_tensors=getattr(ctx, "by_hand", ()))


class SavedOnce(Mend):
    """Of several calls of save_for_backward all count, or the first alone."""

    def __init__(self, joined: bool) -> None:
        self.joined = joined

    def seen_by_forward(self, ctx: Any) -> Any:
        ctx.calls = []
        return SeenCtx(ctx, save_for_backward=lambda *values: ctx.calls.append(values))

    def after_forward(self, ctx: Any, arguments: Sequence[Any], output: Any) -> None:
        calls = ctx.calls if self.joined else ctx.calls[:1]
        ctx.save_for_backward(*(value for values in calls for value in values))
        del ctx.calls


class OutputsSaved(Mend):
    """Outputs that ctx holds, and views of them, go through save_for_backward."""

    def seen_by_forward(self, ctx: Any) -> Any:
        ctx.values = ()
        return SeenCtx(ctx, save_for_backward=partial(setattr, ctx, "values"))

    def after_forward(self, ctx: Any, arguments: Sequence[Any], output: Any) -> None:
        outputs = [tensor for _, tensor in named_outputs(output, flat=True)]
        given = {memory(a) for a in arguments if isinstance(a, Tensor)}
        homes = {memory(t): i for i, t in enumerate(outputs) if memory(t) not in given}

        def view(value: Any) -> tuple[Any, ...] | None:
            home = homes.get(memory(value)) if isinstance(value, Tensor) else None
            if home is None:
                return None
            return home, value.shape, value.stride(), value.storage_offset()

        values = vars(ctx).pop("values")
        ctx.attribute_views = {n: view(v) for n, v in vars(ctx).items() if view(v) is not None}
        ctx.saved_views = [view(value) for value in values]
        for name in ctx.attribute_views:
            delattr(ctx, name)
        plain = [None if view(value) else value for value in values]
        ctx.save_for_backward(*plain, *outputs)

    def seen_by_backward(self, ctx: Any) -> Any:
        count = len(ctx.saved_views)
        plain, outputs = ctx.saved_tensors[:count], ctx.saved_tensors[count:]

        def laid_out(home: int, *place: Any) -> Tensor:
            return outputs[home].as_strided(*place)

        pairs = zip(plain, ctx.saved_views, strict=True)
        saved = tuple(value if view is None else laid_out(*view) for value, view in pairs)
        held = {name: laid_out(*view) for name, view in ctx.attribute_views.items()}
        return SeenCtx(ctx, saved_tensors=saved, **held)
