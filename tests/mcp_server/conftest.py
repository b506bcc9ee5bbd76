"""The server that the tests of a module share, and its connected client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import Session, connected


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with connected(tmp_path_factory.mktemp("server")) as session:
        yield session
