"""The tools that read the skill and the rules."""

from __future__ import annotations

import sys

import pytest
from serving import (
    Session,
    text_of,
)

from pytest_autograd.registry import all_rules
from pytest_autograd.skill.sections import sections

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and waits by pidfd")


def test_a_rule_is_explained_whatever_the_case(session: Session) -> None:
    result = session.call("explain_rule", code="ag101")
    rule = all_rules()["AG101"]
    card = result.structured_content
    assert {
        name: card[name] for name in ("code", "name", "severity", "title", "why", "fix", "skill")
    } == {
        name: getattr(rule, name)
        for name in ("code", "name", "severity", "title", "why", "fix", "skill")
    }
    assert card["bad"].startswith("class Bad(")
    assert card["good"].startswith("class Good(")
    assert card["bad"].strip() in text_of(result)
    assert card["good"].strip() in text_of(result)


def test_a_section_that_a_search_found_can_be_read(session: Session) -> None:
    hits = session.call("search_skill", query="save for backward", limit=50)
    assert 1 < len(hits.structured_content["results"]) <= 20
    first = next(hit for hit in hits.structured_content["results"] if hit["kind"] == "section")
    result = session.call("read_skill", id=first["id"])
    known = sections()[first["id"]]
    assert result.structured_content["text"] == known.text
    assert text_of(result).startswith(known.text.strip())


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("explain_rule", {"code": "AG11"}, "no rule 'AG11'; nearest: AG11"),
        (
            "read_skill",
            {"id": "ctx/saving-tensor"},
            "no section 'ctx/saving-tensor' in the skill; nearest: ctx/saving-tensors",
        ),
        ("search_skill", {"quary": "x"}, "unknown argument 'quary' (did you mean 'query'?)"),
    ],
)  # fmt: skip
def test_what_is_unknown_is_answered_with_the_nearest(
    session: Session, tool: str, arguments: dict[str, str], sentence: str
) -> None:
    result = session.call(tool, **arguments)
    assert result.is_error
    assert text_of(result).startswith(sentence)
