"""How well the search of the skill answers labelled queries; for the tests and the benchmark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pasted_errors import FAULTS, pasted
from queries import QUERIES, Query

from pytest_autograd.skill.search import search

DEEP = 20


@dataclass(frozen=True)
class Answer:
    """A query and the place of the first acceptable result, from 1; None if it is not found."""

    query: Query
    place: int | None


@dataclass(frozen=True)
class Score:
    """Of some answers, the share with the first and among the first three, and the mean of 1/place."""

    queries: int
    first: float
    third: float
    reciprocal: float


def labelled() -> list[Query]:
    """Return the typed queries, and of each fault the message alone and the whole traceback."""
    found = list(QUERIES)
    for fault in FAULTS:
        message, whole = pasted(fault)
        found.append(Query(message, "message", fault.wanted, fault.phrase))
        found.append(Query(whole, "traceback", fault.wanted, fault.phrase))
    return found


def answer(query: Query) -> Answer:
    found = [each.id for each in search(query.text, DEEP)]
    return Answer(query, next((n for n, id in enumerate(found, 1) if id in query.wanted), None))


def score(answers: Iterable[Answer]) -> Score:
    places = [each.place for each in answers]
    return Score(
        queries=len(places),
        first=sum(place == 1 for place in places) / len(places),
        third=sum(place is not None and place <= 3 for place in places) / len(places),
        reciprocal=sum(1 / place for place in places if place) / len(places),
    )


def grouped(answers: list[Answer]) -> dict[str, list[Answer]]:
    """Return the answers of each kind of query, of those tuned on, of those held out, and all."""
    groups: dict[str, list[Answer]] = defaultdict(list)
    for each in answers:
        groups[each.query.kind].append(each)
    for each in answers:
        groups["held out" if each.query.held_out else "tuned on"].append(each)
    return {**groups, "all": answers}
