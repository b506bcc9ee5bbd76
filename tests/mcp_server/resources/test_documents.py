"""What a client can read, the prompts, and what is completed."""

from __future__ import annotations

import re
import sys

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import (
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)
from serving import (
    Session,
    text_of,
)

from pytest_autograd.registry import all_rules
from pytest_autograd.skill.sections import sections

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and waits by pidfd")


def test_resources_hold_the_same_texts(session: Session) -> None:
    def read(uri: str) -> str:
        (content,) = session.portal.call(session.client.read_resource, uri).contents
        assert isinstance(content, TextResourceContents)
        assert content.mime_type == "text/markdown"
        return content.text

    assert read("rule://AG301") == text_of(session.call("explain_rule", code="AG301"))
    section = text_of(session.call("read_skill", id="ctx/saving-tensors"))
    assert read("skill://sections/ctx/saving-tensors") == section
    with pytest.raises(MCPError, match=r"no rule 'AG11'; nearest"):
        read("rule://AG11")


def test_what_can_be_read_is_listed(session: Session) -> None:
    listed = session.portal.call(session.client.list_resources).resources
    skill = "skill://custom-autograd-functions/SKILL.md"
    assert {resource.uri for resource in listed} == {"skill://index", "rule://index", skill}
    for uri, known in (("skill://index", sections()), ("rule://index", all_rules())):
        (content,) = session.portal.call(session.client.read_resource, uri).contents
        assert isinstance(content, TextResourceContents)
        assert re.findall(r"^- `(.+?)`: .", content.text, re.MULTILINE) == list(known)


def test_prompts_carry_their_argument_and_the_loop(session: Session) -> None:
    arguments = {
        "implement_function": "task",
        "review_function": "source",
        "explain_report": "report",
    }
    listed = session.portal.call(session.client.list_prompts).prompts
    assert {prompt.name for prompt in listed} == set(arguments)
    for name, argument in arguments.items():
        prompt = session.portal.call(session.client.get_prompt, name, {argument: "a {cube}"})
        (message,) = prompt.messages
        assert isinstance(message.content, TextContent)
        assert "a {cube}" in message.content.text
        assert "check_function" in message.content.text


def test_codes_and_ids_are_completed(session: Session) -> None:
    def complete(uri: str, name: str, value: str) -> list[str]:
        reference = ResourceTemplateReference(type="ref/resource", uri=uri)
        argument = {"name": name, "value": value}
        return session.portal.call(session.client.complete, reference, argument).completion.values

    expected = [code for code in all_rules() if code.startswith("AG30")]
    assert complete("rule://{code}", "code", "ag30") == expected
    assert "ctx/saving-once" in complete("skill://sections/{+id}", "id", "once")
    prompt = PromptReference(type="ref/prompt", name="review_function")
    nothing = session.portal.call(session.client.complete, prompt, {"name": "source", "value": "x"})
    assert nothing.completion.values == []
