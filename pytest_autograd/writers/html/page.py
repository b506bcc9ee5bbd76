"""The results as one self-contained HTML page: no script, no external asset."""

from __future__ import annotations

from html import escape
from pathlib import Path

from pytest_autograd.places import source_line
from pytest_autograd.report.model import Finding
from pytest_autograd.report.results import Cost, Entry, Picture, Results, Row, Tally, shown
from pytest_autograd.writers.html.style import STYLE
from pytest_autograd.writers.html.svg import bars, difference, heat_map, largest, number, step_plot
from pytest_autograd.writers.terminal import worst

KIB = 1024
TILES = ("failed", "inconclusive", "skipped", "verified")


def page(results: Results, root: Path) -> str:
    """Return the page: a table of Functions, and a section for each that is not verified without findings."""
    rows = results.rows()
    tally = Tally.of(row.outcome for row in rows)
    versions = {entry.report.torch_version for row in rows for entry in row.entries if entry.report}
    tiles = "".join(
        f"<div class='tile {name}'><b>{tally.counts[name]}</b>{name}</div>"
        for name in TILES
        if tally.counts[name]
    )
    told = f"{len(rows)} Functions, {len(results.entries)} call signatures"
    if versions:
        told += f", torch {', '.join(sorted(versions))}"
    sections = "".join(_section(i, row, root) for i, row in enumerate(rows) if _worth_it(row))
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Gradient audit</title><style>{STYLE}</style></head><body><main>"
        f"<header><h1>Gradient audit</h1><p>{escape(told)}</p></header>"
        f"<div class='tiles'>{tiles}</div>{_table(rows, root)}{sections}</main></body></html>\n"
    )


def _worth_it(row: Row) -> bool:
    return row.outcome != "verified" or bool(row.findings)


def _table(rows: list[Row], root: Path) -> str:
    if not rows:
        return "<p>No custom autograd Function was called.</p>"
    lines = []
    for i, row in enumerate(rows):
        first = row.first
        name = escape(first.function)
        linked = f"<a href='#f{i}'>{name}</a>" if _worth_it(row) else name
        where = shown(first.file, first.line, root)
        lines.append(
            f"<tr><td>{linked}</td><td class='place'>{escape(where)}</td><td class='n'>{row.calls}</td>"
            f"<td class='n'>{row.signatures}</td><td>{_badge(row.outcome)}</td>"
            f"<td>{escape(worst(row))}</td><td class='n'>{row.seconds:.2f}</td></tr>"
        )
    heads = ("Function", "where", "calls", "signatures", "verdict", "worst finding", "seconds")
    numbers = ("calls", "signatures", "seconds")
    head = "".join(f"<th class='{'n' if h in numbers else ''}'>{h}</th>" for h in heads)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"


def _badge(outcome: str) -> str:
    return f"<span class='badge {outcome}'>{outcome}</span>"


def _section(i: int, row: Row, root: Path) -> str:
    first = row.first
    where = shown(first.file, first.line, root)
    findings = "".join(_finding(finding, root) for finding in row.findings)
    reason = (
        "" if row.findings or first.report is None else f"<p>{escape(first.report.summary)}</p>"
    )
    skipped = dict.fromkeys(entry.skipped for entry in row.entries if entry.skipped)
    reason += "".join(f"<p>Skipped: {escape(text or '')}</p>" for text in skipped)
    drawn = [_pictures(entry, entry is row.first) for entry in row.entries]
    return (
        f"<section id='f{i}'><h2>{escape(first.function)} {_badge(row.outcome)}</h2>"
        f"<p class='place'>{escape(where)}</p>{reason}{findings}{''.join(drawn)}</section>"
    )


def _finding(finding: Finding, root: Path) -> str:
    place, source = "", ""
    if finding.file:
        place = f"<span class='place'>{escape(shown(finding.file, finding.line, root))}</span>"
        line = source_line(finding.file, finding.line)
        source = f"<pre>{escape(line)}</pre>" if line else ""
    return (
        f"<div class='finding {finding.severity}'><p><b>{finding.code} {escape(finding.name)}</b> {place}</p>"
        f"<p>{escape(finding.message)}</p>{source}<p class='small'>Fix: {escape(finding.fix)} "
        f"Read: {escape(finding.skill)}.</p></div>"
    )


def _pictures(entry: Entry, with_costs: bool) -> str:
    drawn = "".join(_picture(picture) for picture in entry.pictures)
    costs = _costs(entry.own_cost, entry.plain_cost) if with_costs and entry.own_cost else ""
    if not (drawn or costs):
        return ""
    device = f" on {entry.device}" if entry.device else ""
    told = f"{entry.inputs}{device}, first called by {entry.test}"
    return f"<h3>{escape(told)}</h3>{drawn}<div class='figures'>{costs}</div>"


def _picture(picture: Picture) -> str:
    off = difference(picture.got, picture.expected)
    scale = max(largest(picture.expected), largest(picture.got))
    maps = [
        heat_map("expected", picture.expected, scale),
        heat_map("got", picture.got, scale),
        heat_map("got - expected", off, largest(off)),
    ]
    rows = "".join(
        f"<tr><td>[{', '.join(map(str, element.index))}]</td><td class='n'>{number(element.expected)}</td>"
        f"<td class='n'>{number(element.got)}</td></tr>"
        for element in picture.worst
    )
    table = (
        "<figure><figcaption>worst elements of one gradient</figcaption><table class='small'><thead><tr>"
        "<th>index</th><th class='n'>expected</th><th class='n'>got</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></figure>"
    )
    return (
        f"<h4>{escape(picture.argument)}: {escape(picture.what)}</h4><div class='figures'>{''.join(maps)}</div>"
        f"<div class='figures'>{table if rows else ''}{step_plot(picture.steps)}</div>"
    )


def _costs(own: Cost | None, plain: Cost | None) -> str:
    known = [(n, c) for n, c in (("as written", own), ("plain autograd", plain)) if c is not None]
    return "".join(
        [
            bars(
                "saved for backward", [(n, c.saved_bytes, _bytes(c.saved_bytes)) for n, c in known]
            ),
            bars("forward", [(n, c.forward_seconds, _time(c.forward_seconds)) for n, c in known]),
            bars(
                "backward", [(n, c.backward_seconds, _time(c.backward_seconds)) for n, c in known]
            ),
        ]
    )


def _bytes(count: int) -> str:
    if count < KIB:
        return f"{count} B"
    return f"{count / KIB:.1f} KiB" if count < KIB**2 else f"{count / KIB**2:.1f} MiB"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"
