"""Drawings for the HTML page, as inline SVG: heat maps, bars, error against step size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from pytest_autograd.report.results import Matrix

LOW, MIDDLE, HIGH = (33, 102, 172), (247, 247, 247), (178, 24, 43)
BAR = 130  # length of a bar at most
SIDE = 216  # width and height of a heat map at most
CELL = 30  # side of a cell at most
THREAD = 4  # how many times longer than wide a matrix is that would look like a thread
LETTERED = 26  # side of a cell that has room for its number
PLOT_WIDTH, PLOT_HEIGHT, LEFT, RIGHT, BOTTOM = 320, 150, 44, 20, 32


def number(value: object) -> str:
    """Return a number in few characters."""
    if not isinstance(value, float | int):
        return {"Infinity": "∞", "-Infinity": "-∞"}.get(str(value), str(value))
    return f"{value:.4g}"


def largest(matrix: Matrix) -> float:
    """Return the largest finite magnitude, 1 if there is none but zero."""
    sizes = [abs(v) for row in matrix for v in row if isinstance(v, float | int)]
    return max(sizes, default=0.0) or 1.0


def difference(got: Matrix, expected: Matrix) -> Matrix:
    """Return got - expected; what is not finite stays so."""
    return tuple(
        tuple(
            g - e if isinstance(g, float | int) and isinstance(e, float | int) else "NaN"
            for g, e in zip(got_row, expected_row, strict=True)
        )
        for got_row, expected_row in zip(got, expected, strict=True)
    )


def heat_map(title: str, matrix: Matrix, scale: float) -> str:
    """Draw a matrix; white is 0, blue ``-scale``, red ``scale``, grey not finite. Numbers show on hovering."""
    rows, columns = len(matrix), len(matrix[0]) if matrix else 0
    across, down = _sides(rows, columns)
    cells = [
        _cell(row, column, value, (across, down), scale)
        for row, values in enumerate(matrix)
        for column, value in enumerate(values)
    ]
    width, height = columns * across, rows * down
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg width="{width + 2:g}" height="{height + 2:g}" '
        f'viewBox="-1 -1 {width + 2:g} {height + 2:g}" role="img" aria-label="{escape(title)}">'
        f'{"".join(cells)}<rect class="frame" width="{width:g}" height="{height:g}"/></svg>'
        f"{_key(scale)}</figure>"
    )


def _sides(rows: int, columns: int) -> tuple[float, float]:
    """Return width and height of a cell: square, but wide where a few long lines would be threads."""
    across, down = (max(4.0, min(CELL, SIDE / max(count, 1))) for count in (columns, rows))
    square = min(across, down)
    threads = max(rows, columns) > THREAD * min(rows, columns)
    return (across, down) if threads else (square, square)


def _cell(row: int, column: int, value: object, sides: tuple[float, float], scale: float) -> str:
    across, down = sides
    x, y = column * across, row * down
    colour, ink = _colour(value, scale)
    text = ""
    if min(sides) >= LETTERED:
        short = f"{value:.2g}" if isinstance(value, float | int) else number(value)
        text = f'<text x="{x + across / 2:g}" y="{y + down / 2 + 3:g}" fill="{ink}">{short}</text>'
    return (
        f'<g><title>[{row}, {column}]: {number(value)}</title><rect x="{x:g}" y="{y:g}" '
        f'width="{across:g}" height="{down:g}" fill="{colour}" shape-rendering="crispEdges"/>{text}</g>'
    )


def _colour(value: object, scale: float) -> tuple[str, str]:
    """Return (fill, colour of text on it)."""
    if not isinstance(value, float | int) or not math.isfinite(value):
        return "#8a8a8a", "#fff"
    share = max(-1.0, min(1.0, value / scale))
    end = HIGH if share > 0 else LOW
    mixed = [round(m + (e - m) * abs(share)) for m, e in zip(MIDDLE, end, strict=True)]
    return f"rgb({','.join(map(str, mixed))})", "#fff" if abs(share) > 0.6 else "#222"


def _key(scale: float) -> str:
    stops = "".join(f"<i style='background:{_colour(s / 5 - 1, 1.0)[0]}'></i>" for s in range(11))
    return f'<span class="key">{number(-scale)}<b>{stops}</b>{number(scale)}</span>'


def bars(title: str, pairs: Sequence[tuple[str, float, str]]) -> str:
    """Draw horizontal bars of (label, length, text)."""
    longest = max((length for _, length, _ in pairs), default=0) or 1
    lines = "".join(
        f"<div class='bar'><span>{escape(label)}</span>"
        f"<b style='width:{BAR * length / longest:.1f}px'></b><span>{escape(text)}</span></div>"
        for label, length, text in pairs
    )
    return f"<figure><figcaption>{escape(title)}</figcaption>{lines}</figure>"


def step_plot(steps: Sequence[tuple[float, float, float]]) -> str:
    """Draw how far finite differences are from backward and from their own limit, against their step size.

    Both axes are logarithmic.
    """
    known = [
        (math.log10(h), *map(_power, off)) for h, *off in steps if all(map(math.isfinite, off))
    ]
    if not known:
        return ""
    left, right = min(x for x, _, _ in known), max(x for x, _, _ in known)
    low = min(-8.0, 2 * math.floor(min(y for _, *ys in known for y in ys) / 2))
    high = max(0.0, 2 * math.ceil(max(y for _, *ys in known for y in ys) / 2))

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - left) / ((right - left) or 1) * (PLOT_WIDTH - LEFT - RIGHT)
        return across, 8 + (high - y) / (high - low) * (PLOT_HEIGHT - BOTTOM - 8)

    lines = [
        _line(name, [(x, ys[i], *at(x, ys[i])) for x, *ys in known])
        for i, name in reversed(list(enumerate(("backward", "limit"))))
    ]
    marks = [f'<text x="{LEFT - 6}" y="{at(left, y)[1] + 3:.1f}" class="end">1e{y:.0f}</text>'
             for y in (high, (high + low) / 2, low)]  # fmt: skip
    marks += [f'<text x="{at(x, low)[0]:.1f}" y="{PLOT_HEIGHT - 18}">1e{x:.0f}</text>'
              for x in (left, (left + right) / 2, right)]  # fmt: skip
    return (
        "<figure><figcaption>finite differences: how far from ...</figcaption>"
        f'<svg class="plot" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}">'
        f'<rect class="frame" x="{LEFT}" y="8" width="{PLOT_WIDTH - LEFT - RIGHT}" '
        f'height="{PLOT_HEIGHT - BOTTOM - 8}"/>{"".join(lines)}{"".join(marks)}'
        f'<text x="{(PLOT_WIDTH + LEFT - RIGHT) / 2}" y="{PLOT_HEIGHT - 4}">step size</text></svg>'
        '<p class="small"><span class="backward">&#9679; what backward returned</span> '
        '<span class="limit">&#9679; their own limit</span></p>'
        '<p class="small">Relative. For a right gradient both curves are one; a wrong one stays on a plateau '
        "where the differences come to rest.</p></figure>"
    )


def _power(value: float) -> float:
    return math.log10(max(value, 1e-16))


def _line(name: str, points: Sequence[tuple[float, float, float, float]]) -> str:
    """Draw one curve through (step, distance, across, down), the first two as powers of ten."""
    through = " ".join(f"{across:.1f},{down:.1f}" for _, _, across, down in points)
    dots = "".join(
        f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3"><title>step 1e{x:.0f}: {10**y:.2g} from {name}'
        "</title></circle>"
        for x, y, across, down in points
    )
    return f'<g class="{name}"><polyline points="{through}"/>{dots}</g>'
