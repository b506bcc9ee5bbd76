"""The plots of the benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter

Rows = Sequence[dict[str, Any]]
COLOURS = {
    "ours": "#0b6e4f",
    "judge alone": "#6fb98f",
    "gradcheck slow": "#c1292e",
    "gradcheck fast": "#f2a65a",
    "one direction": "#7d8597",
}
ALARMS = ("#c1292e", "#f2a65a", "#f6d186", "#7d8597", "#0b6e4f")
EXPLAINED = ("#0b6e4f", "#7d8597", "#c1292e", "#2b2d42")


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


def outcomes(
    counts: Mapping[str, Mapping[str, int]],
    names: Sequence[str],
    shades: Sequence[str],
    path: Path,
) -> None:
    """A bar for each group of trials, divided by outcome."""
    figure, axis = plt.subplots(figsize=(8, 0.3 * len(counts) + 1.2))
    groups = list(counts)[::-1]
    labels = [f"{group} ({sum(counts[group].values())})" for group in groups]
    left = [0.0] * len(groups)
    for name, shade in zip(names, shades, strict=True):
        share = [100 * counts[g].get(name, 0) / sum(counts[g].values()) for g in groups]
        axis.barh(labels, share, left=left, color=shade, label=name)
        left = [a + b for a, b in zip(left, share, strict=True)]
    axis.set(xlabel="% of trials", xlim=(0, 100))
    axis.legend(fontsize=7, ncols=len(names), loc="lower center", bbox_to_anchor=(0.45, 1.0))
    save(figure, path)


def speed(rows: Rows, growth: Rows, path: Path) -> None:
    """How many times cheaper the verification is, and how its time grows beside the slow referees'."""
    figure, (bars, lines) = plt.subplots(1, 2, figsize=(10, 3.8))
    ordered = sorted(rows, key=lambda row: row["slow"] / row["values"])
    names = [f"{row['function']} ({row['n']})" for row in ordered]
    bars.barh(names, [r["slow"] / r["values"] for r in ordered], color=COLOURS["ours"])
    bars.set(xscale="log", xlabel="times cheaper than slow gradcheck + gradgradcheck")
    bars.xaxis.set_minor_formatter(NullFormatter())
    bars.set_xlim(1)
    bars.tick_params(axis="y", labelsize=7)
    bars.grid(alpha=0.25, axis="x")
    for i, row in enumerate(growth):
        label = ("ours, both orders", "gradcheck + gradgradcheck, slow") if i == 0 else (None, None)
        sizes = row["sizes"]
        ours = [1e3 * t for t in row["values"]]
        lines.plot(sizes, ours, color=COLOURS["ours"], alpha=0.6, label=label[0])
        slow = [1e3 * t for t in row["slow"]]
        lines.plot(
            sizes[: len(slow)], slow, color=COLOURS["gradcheck slow"], alpha=0.6, label=label[1]
        )
    lines.set(xscale="log", yscale="log", xlabel="input elements", ylabel="ms")
    lines.legend(fontsize=7)
    lines.grid(alpha=0.25)
    save(figure, path)
