"""The search of the skill: what readers type or paste is answered among the first results."""

from __future__ import annotations

import re

import pytest
from pasted_errors import FAULTS, Fault, pasted
from queries import QUERIES
from retrieval import answer, grouped, labelled, score

from pytest_autograd.registry import all_rules
from pytest_autograd.skill import sections
from pytest_autograd.skill.query import SYNONYMS, expression, message_of
from pytest_autograd.skill.search import search

MESSAGE_ROW = re.compile(r"^\| `(.+?)`.* \| ([a-z-]+/[a-z0-9-]+) \|$", re.MULTILINE)
TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    loss.backward()
    ^^^^^^^^^^^^^^^
  File "graph.py", line 9, in run
    return engine(
RuntimeError: expected Variable or None (got float)
and a second line
"""
PYTEST = """\
train.py:3: in test_loss
    loss.backward()
E   RuntimeError: expected Variable or None (got float)
E     with a note
"""


@pytest.mark.parametrize("fault", [pytest.param(each, id=each.run.__name__) for each in FAULTS])
def test_torch_still_says_this_of_the_faulty_code(fault: Fault):
    message, whole = pasted(fault)
    assert fault.phrase in " ".join(message.split())
    assert message in whole


@pytest.mark.parametrize("section", ["debugging/error-messages", "debugging/more-messages"])
def test_every_message_in_the_tables_is_said_and_leads_to_its_section(section: str):
    rows = MESSAGE_ROW.findall(sections.sections()[section].text)
    assert len(rows) >= 15
    said = [(" ".join(pasted(fault)[0].split()), fault.wanted) for fault in FAULTS]
    wrong = [
        (message, id)
        for message, id in rows
        if not any(message in text and id in wanted for text, wanted in said)
    ]
    assert not wrong


def test_every_label_is_a_section_or_a_rule():
    known = {*sections.sections(), *all_rules()}
    labels = {id for each in (*QUERIES, *FAULTS) for id in each.wanted}
    assert not labels - known


def test_every_section_is_the_answer_to_some_query():
    labels = {id for each in (*QUERIES, *FAULTS) for id in each.wanted}
    assert not set(sections.sections()) - labels


def test_queries_are_answered_among_the_first_three():
    answers = [answer(query) for query in labelled()]
    found = {name: score(group) for name, group in grouped(answers).items()}
    missed = [each for each in answers if each.place is None or each.place > 3]
    assert len(QUERIES) >= 130
    assert found["message"].queries >= 45
    assert found["held out"].queries >= found["all"].queries / 4
    assert found["all"].third >= 0.95, missed
    assert found["all"].reciprocal >= 0.85, missed
    assert found["held out"].third >= 0.95, missed


@pytest.mark.parametrize("query", ["", "   ", "???", '" OR 1', "of the", "a" * 20_000, "3 4 5"])
def test_search_takes_any_text(query: str):
    assert search(query) == []


@pytest.mark.parametrize("query", ["NEAR(", "title: leak*", '"leak', "leak AND NOT (", "a\x00leak"])
def test_the_query_language_of_the_index_is_only_words_here(query: str):
    assert search(query)


@pytest.mark.parametrize("pasted_text", [TRACEBACK, PYTEST])
def test_of_a_pasted_failure_only_the_message_is_searched(pasted_text: str):
    assert message_of(pasted_text).startswith("RuntimeError: expected Variable or None (got float)")
    assert "engine" not in expression(pasted_text)
    assert "loss" not in expression(pasted_text)


def test_a_query_that_is_no_traceback_is_searched_whole():
    assert message_of("loss goes NaN\nafter a few steps") == "loss goes NaN\nafter a few steps"


def test_words_pairs_and_whole_names_are_searched():
    assert expression("the saved_tensors leak") == (
        '"saved" OR "tensors" OR "leak" OR "the saved" OR "saved tensors" OR "tensors leak"'
    )
    assert '"save for backward"' in expression("save_for_backward")


def test_every_synonym_leads_somewhere():
    assert not [word for word in set(SYNONYMS.values()) if not search(word)]


def test_results_say_what_they_are_and_why_they_were_found():
    results = search("memory leak of an output kept on ctx", limit=8)
    assert {each.kind for each in results} == {"section", "rule"}
    assert all(each.why.startswith("matched ") for each in results)
    assert all(each.kind == ("rule" if each.id.startswith("AG") else "section") for each in results)


def test_search_gives_no_more_than_asked_for():
    assert len(search("gradient", limit=2)) == 2
    assert search("gradient", limit=0) == []


def test_words_of_readers_are_searched_and_not_shown():
    section = sections.read_section("ctx/saving-outputs")
    assert "garbage collector" in section.also
    assert not [id for id, each in sections.sections().items() if "<!--" in each.text]
