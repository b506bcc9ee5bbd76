"""The plots of the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Rows = Sequence[dict[str, Any]]
COLOURS = {
    "ours": "#0b6e4f",
    "judge alone": "#6fb98f",
    "gradcheck slow": "#c1292e",
    "gradcheck fast": "#f2a65a",
    "one direction": "#7d8597",
}


def save(figure: Any, path: Path) -> None:
    """Write a figure and forget it."""
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def power(rows: Rows, path: Path) -> None:
    """Share seen against the size of the error, a panel for each kind; a band over the sizes."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    figure, axes = plt.subplots(1, len(kinds), figsize=(3.6 * len(kinds), 3.4), sharey=True)
    for axis, kind in zip(axes, kinds, strict=True):
        for method, colour in COLOURS.items():
            shares: dict[float, list[float]] = {}
            for row in rows:
                if (row["kind"], row["method"]) == (kind, method):
                    shares.setdefault(row["error"], []).append(100 * row["seen"] / row["trials"])
            errors = sorted(shares)
            means = [sum(shares[d]) / len(shares[d]) for d in errors]
            axis.plot(errors, means, "o-", color=colour, label=method, markersize=3)
            low, high = [min(shares[d]) for d in errors], [max(shares[d]) for d in errors]
            axis.fill_between(errors, low, high, color=colour, alpha=0.12, linewidth=0)
        axis.set(xscale="log", title=kind, xlabel="relative error", ylim=(-3, 103))
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("seen, % of trials")
    axes[0].legend(fontsize=7)
    save(figure, path)
