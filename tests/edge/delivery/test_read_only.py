"""A disk that takes nothing any more: all goes on in memory, and returns when the disk is well again."""

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.delivery.outbox import DISK_RETRY_S, Outbox
from station.messages import RepMessage, StreamAck, Tombstone, decode
from tests.faults.card import Card, NoMount, card_at

MakeRep = Callable[..., RepMessage]


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    try:
        with card_at(tmp_path / "card") as card:
            yield card
    except NoMount as error:
        pytest.skip(f"mounting is not permitted here: {error}")


def seqs(outbox: Outbox) -> list[int]:
    return [entry.seq for entry in outbox.unacknowledged("rack-1", 1000)]


def test_a_card_that_is_read_only_at_the_start_is_read_and_said(card: Card, make_rep: MakeRep) -> None:
    path = card.folder / "o.db"
    killed = Outbox(path)
    killed.append("rack-1", [make_rep(1), make_rep(2)])
    killed.save_state("rack-1", b"set to")
    card.fails()
    killed.close()  # what it holds is in its write-ahead log, as after a power cut
    said: list[str] = []
    with Outbox(path, say=said.append) as outbox:
        assert seqs(outbox) == [1, 2]
        assert outbox.saved_state("rack-1") == b"set to"
        assert outbox.append("rack-1", [make_rep(3)]) == [1]
        assert outbox.problem is not None and "Read-only" in outbox.problem
        assert said == [outbox.problem]
        assert outbox.force_out_unsaved() == 1  # the other two are on the card


def test_a_card_that_becomes_read_only_loses_neither_events_nor_acknowledgements(
    card: Card, make_rep: MakeRep
) -> None:
    path = card.folder / "o.db"
    said: list[str] = []
    with Outbox(path, say=said.append) as outbox:
        outbox.append("rack-1", [make_rep(1), make_rep(2)])
        card.fails()
        assert outbox.append("rack-1", [make_rep(3)]) == [3]
        assert outbox.problem is not None and len(said) == 1
        outbox.acknowledge("rack-1", StreamAck(stream=outbox.stream("rack-1"), committed_seq=2))
        assert seqs(outbox) == [3]
        now_s = time.monotonic()
        outbox.return_to_disk(now_s + DISK_RETRY_S)
        assert outbox.problem is not None
        card.is_well()
        outbox.return_to_disk(now_s + 3 * DISK_RETRY_S)
        assert outbox.problem is None and "well again" in said[-1]
        assert outbox.append("rack-1", [make_rep(4)]) == [4]
        assert outbox.force_out_unsaved() == 0
    with Outbox(path) as outbox:
        assert seqs(outbox) == [3, 4]


def test_what_only_memory_held_ends_as_a_tombstone(tmp_path: Path, make_rep: MakeRep) -> None:
    with Outbox(tmp_path / "o.db", say=lambda line: None) as outbox:
        outbox.append("rack-1", [make_rep(1)])
        outbox._held.db.execute("PRAGMA query_only = ON")
        outbox.append("rack-1", [make_rep(2), make_rep(3)])
        assert outbox.force_out_unsaved() == 2
        first, stone = (decode(entry.leaf, entry.payload) for entry in outbox.unacknowledged("rack-1", 9))
        assert isinstance(first, RepMessage) and isinstance(stone, Tombstone)
        assert (stone.first_seq, stone.seq, stone.lost) == (2, 3, 2)
    with Outbox(tmp_path / "o.db") as outbox:
        assert seqs(outbox) == [1]


def test_a_disk_without_room_is_left_and_found_again(tmp_path: Path, make_rep: MakeRep) -> None:
    path = tmp_path / "o.db"
    with Outbox(path, say=lambda line: None) as outbox:
        outbox.append("rack-1", [make_rep(1)])
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
        try:
            assert outbox.append("rack-1", [make_rep(2)]) == [2]
            assert outbox.problem is not None
            outbox.return_to_disk(time.monotonic() + DISK_RETRY_S)
            assert outbox.problem is not None
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        outbox.return_to_disk(time.monotonic() + 3 * DISK_RETRY_S)
        assert outbox.problem is None
    with Outbox(path) as outbox:
        assert seqs(outbox) == [1, 2]
