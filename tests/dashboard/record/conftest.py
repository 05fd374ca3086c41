"""A history to write to, on each of the databases."""

from collections.abc import Iterator

import pytest

from dashboard.record.store import Store, open_store


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    with open_store(where) as store:
        yield store
