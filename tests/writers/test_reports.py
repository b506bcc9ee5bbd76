"""Reports as files: what they hold, and that they are what their formats ask for."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.autograd import Function

from pytest_autograd.call.target import make_call
from pytest_autograd.places import class_place
from pytest_autograd.plugin.audit_call import audit_call
from pytest_autograd.plugin.settings import Settings
from pytest_autograd.report.results import Entry, Results
from pytest_autograd.writers.files import write_report
from pytest_autograd.writers.github import workflow_commands

ROOT = Path(__file__).parent


class HalfBorder(Function):
    """The gradient is halved in the first row."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output @ weight.t()
        grad_x[0] = grad_x[0] / 2
        return grad_x, x.t() @ grad_output


class RightScale(Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad_output):
        return 2 * grad_output


def settings(**given: Any) -> Settings:
    blank = {name: None for name in ("level", "time_limit", "baseline")}
    plain = {"audit": True, "audit_fail": False, "audit_at": "test", "update_baseline": False}
    lists = {
        "only": (),
        "devices": (),
        "reports": (Path("x.html"),),
        "keep_mib": 1.0,
        "signatures": 20,
        "ignore": (),
        "root": ROOT,
    }
    return Settings(**{**blank, **plain, **lists, "level": "quick", **given})


def entries_of(function: type[Function], *args: Any) -> list[Entry]:
    place = class_place(function)
    assert place
    blank = Entry(
        key=f"{function.__qualname__}{[tuple(a.shape) for a in args]}",
        function=function.__qualname__,
        module=function.__module__,
        file=place.file,
        line=place.line,
        inputs="",
        test="test_x.py::test_<&>\x07",
    )
    return audit_call(make_call(function, args, {}), blank, settings(), torch.float32)


def matrix(rows: int, columns: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows)
    return torch.randn(rows, columns, dtype=torch.float64, generator=generator).requires_grad_()


@pytest.fixture(scope="module")
def results() -> Results:
    found = Results()
    for rows in (3, 40):
        for entry in entries_of(HalfBorder, matrix(rows, 2), matrix(2, 3)):
            found.add(entry)
    for entry in entries_of(RightScale, matrix(2, 2)):
        found.add(entry)
    found.add(found.entries["RightScale[(2, 2)]"].model_copy(
        update={"key": "s", "report": None, "skipped": "too big to keep"}
    ))  # fmt: skip
    return found


def written(results: Results, tmp_path: Path, name: str) -> str:
    write_report(results, tmp_path / "deep" / name, ROOT)
    return (tmp_path / "deep" / name).read_text(encoding="utf-8")


def test_json_holds_everything_but_the_pictures(results: Results, tmp_path: Path) -> None:
    back = Results.model_validate_json(written(results, tmp_path, "r.json"))
    assert [e.report for e in back.entries.values()] == [e.report for e in results.entries.values()]
    assert not any(entry.pictures for entry in back.entries.values())


def test_results_travel_between_processes_whole_and_merge(results: Results) -> None:
    back = Results.model_validate_json(results.model_dump_json())
    assert back == results
    claimed = {
        key: entry.model_copy(update={"report": None, "skipped": None, "calls": 4})
        for key, entry in results.entries.items()
        if entry.report
    }
    back.merge(Results(entries=claimed, left_out={"a.B": 2}))
    assert all(back.entries[key].report == results.entries[key].report for key in claimed)
    assert {entry.calls for key, entry in back.entries.items() if key in claimed} == {5}
    alone = Results(entries=claimed)
    alone.close()
    assert {entry.outcome for entry in alone.entries.values()} == {"skipped"}


def test_sarif_has_the_shape_that_its_schema_asks_for(results: Results, tmp_path: Path) -> None:
    log = json.loads(written(results, tmp_path, "r.sarif"))
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted({rule["id"] for rule in rules})
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note", "none")
        assert result["message"]["text"].strip()
        (location,) = result["locations"]
        artifact = location["physicalLocation"]["artifactLocation"]
        assert artifact == {"uri": "test_reports.py", "uriBaseId": "SRCROOT"}
        assert location["physicalLocation"]["region"]["startLine"] >= 1
    wrong = next(result for result in run["results"] if result["ruleId"] == "AG101")
    line = wrong["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert "grad_x[0] = " in "".join(Path(__file__).read_text().splitlines()[line - 2 : line + 1])
    for rule in rules:
        assert re.fullmatch(r"AG\d{3}", rule["id"])
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")


def test_junit_counts_its_cases_and_survives_any_text(results: Results, tmp_path: Path) -> None:
    suite = ElementTree.fromstring(written(results, tmp_path, "r.xml")).find("testsuite")
    assert suite is not None
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "2", "errors": "0", "skipped": "1"}
    cases = suite.findall("testcase")
    assert len([case for case in cases if case.find("failure") is not None]) == 2
    assert [case.find("skipped") is not None for case in cases] == [False, False, False, True]
    verdicts = [
        p.get("value") for p in suite.iter("property") if p.get("name") == "autograd.verdict"
    ]
    assert verdicts == ["failed", "failed", "verified", "skipped"]


def test_github_commands_are_one_line_each_and_escaped(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    commands = workflow_commands(results, ROOT)
    assert commands[0].startswith("::error title=AG101 wrong-gradient,file=test_reports.py,line=")
    assert all("\n" not in command and "%0AFix: " in command for command in commands)


class Page(HTMLParser):
    """Reads a page: open tags must close in order, and nothing may be loaded from elsewhere."""

    VOID = ("meta", "br", "img", "link", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: dict[str, int] = {}
        self.titles: list[str] = []
        self.shared: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe")
        given = dict(attrs)
        assert not any(value and value.startswith(("http", "//")) for value in given.values())
        self.ids.add(given.get("id") or "")
        if given.get("href"):
            self.shared.append(given["href"] or "")
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title":
            self.titles.append(data)


def test_the_page_stands_alone_and_shows_what_is_wrong(results: Results, tmp_path: Path) -> None:
    text = written(results, tmp_path, "r.html")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert "url(" not in text
    assert {link.removeprefix("#") for link in page.shared} <= page.ids
    assert page.count["svg"] == 2 * (3 + 1)  # three heat maps and a plot for each failed signature
    assert "AG101 wrong-gradient" in text.replace("</b>", "")
    assert "test_&lt;&amp;&gt;" in text
    cells = 3 * (9 * 6 + 32 * 2)  # a Jacobian of 9 x 6; of 40 x 2 the worst 32 rows
    assert len([title for title in page.titles if re.match(r"\[\d+, \d+\]: ", title)]) == cells


def test_pictures_hold_the_true_and_the_given_gradient(results: Results) -> None:
    small = results.entries["HalfBorder[(3, 2), (2, 3)]"].pictures
    (picture,) = small
    weight = matrix(2, 3).detach()
    truth = torch.zeros(9, 6, dtype=torch.float64)
    for row in range(3):
        truth[3 * row : 3 * row + 3, 2 * row : 2 * row + 2] = weight.t()
    assert picture.what == "Jacobian, 9 x 6: outputs by elements of x"
    torch.testing.assert_close(
        torch.tensor(picture.expected, dtype=torch.float64), truth, rtol=0, atol=1e-9
    )
    truth[:3] /= 2
    torch.testing.assert_close(
        torch.tensor(picture.got, dtype=torch.float64), truth, rtol=0, atol=0
    )
    assert {element.index[0] for element in picture.worst} == {0}
    assert all(abs(float(e.got) / float(e.expected) - 0.5) < 1e-6 for e in picture.worst)
    (big,) = results.entries["HalfBorder[(40, 2), (2, 3)]"].pictures
    assert big.what.endswith("shape [40, 2], rows 0 to 31")
    assert (len(big.expected), len(big.expected[0])) == (32, 2)
    assert min(off for _, off, _ in big.steps) > 1e-3  # a wrong gradient stays on a plateau
    assert min(own for *_, own in big.steps) < 1e-8  # where the differences come to rest


def test_costs_are_measured_beside_plain_autograd(results: Results) -> None:
    entry = results.entries["RightScale[(2, 2)]"]
    assert entry.own_cost
    assert entry.plain_cost
    assert entry.own_cost.saved_bytes == 0
    assert entry.own_cost.backward_seconds > 0
    linear = results.entries["HalfBorder[(3, 2), (2, 3)]"]
    assert linear.own_cost
    assert linear.own_cost.saved_bytes == 8 * (6 + 6)
