"""Fixtures of a session between doubles."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import edge.node.session
from edge.delivery.outbox import Outbox
from station.messages import RepMessage
from tests.edge.node.bench import Bench, Script


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(edge.node.session, "StationPipeline", Script)
    with Outbox(tmp_path / "outbox.db") as outbox:
        yield Bench(outbox)


@pytest.fixture
def rep(make_rep: Callable[..., RepMessage]) -> Callable[..., Any]:
    """Have the book take a rep that begins at second `number`; gives the rep's event id."""

    def make(number: int = 1, state: Any = "confirmed", **changes: Any) -> Any:
        measured = make_rep(number, start_s=float(number), end_s=number + 0.9, rom_m=0.4, **changes).rep
        return lambda sets: sets.rep((1, number), measured, 0.4, state, number + 1.0)

    return make
