"""What a judge must know before it knows the request: where and how to start the worker."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from mcp_server.isolation.limits import Limits


@dataclass(frozen=True)
class Assignment:
    """The scratch folder of one call, the limits, and the seconds that the worker may take."""

    scratch: str
    limits: Limits
    seconds: float

    @classmethod
    def loaded(cls, text: str) -> Assignment:
        """Read what :meth:`dumped` wrote."""
        given = json.loads(text)
        return cls(given["scratch"], Limits(**given["limits"]), given["seconds"])

    def dumped(self) -> str:
        """Return the message as one line of JSON."""
        return json.dumps(asdict(self))
