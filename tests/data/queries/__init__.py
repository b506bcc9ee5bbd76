"""What readers of the skill type, in their words, and the sections or rules that answer it.

Error messages are apart, in ``pasted_errors``: they are produced by running faulty code.
"""

from queries._query import Query
from queries.questions import QUESTIONS
from queries.reports import REPORTS
from queries.requests import NAMES, REQUESTS
from queries.symptoms import SYMPTOMS

KINDS = {
    "symptom": SYMPTOMS,
    "question": QUESTIONS,
    "request": REQUESTS,
    "name": NAMES,
    "report": REPORTS,
}
QUERIES = [
    Query(text, kind, tuple(wanted.split()))
    for kind, table in KINDS.items()
    for text, wanted in table.items()
]

__all__ = ["QUERIES", "Query"]
