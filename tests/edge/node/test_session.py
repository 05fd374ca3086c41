"""A session: what pipeline and coach say becomes messages, and a full disk loses nothing in silence."""

from typing import Any

import msgspec
import pytest

from edge.delivery.backlog import MAX_BACKLOG
from edge.delivery.outbox import Outbox
from edge.node.session import Session
from station.curve import packed
from station.errors import StoreError
from station.messages import (
    CURRENT_CURVES,
    CURRENT_REPS,
    MAX_PAYLOAD_BYTES,
    CommandMessage,
    InfoMessage,
    RepMessage,
    SetMessage,
    Tombstone,
    encode,
)
from station.records import Rep, RepEvent
from tests.edge.node.bench import LIVE, NOW, Bench, ListeningSender, ended


def test_reps_and_sets_go_to_the_outbox_and_live_values_do_not(bench: Bench, rep: Any) -> None:
    bench.measure(LIVE, rep(1), ended)
    first, second = bench.sent
    assert isinstance(first, RepMessage) and isinstance(second, SetMessage)
    assert first.event_id == f"{bench.session.id}-s1-r1"
    assert first.set_event_id == second.event_id == f"{bench.session.id}-s1"
    assert (first.session, first.session_s, first.seq, second.seq) == (bench.session.id, 2.0, 1, 2)
    assert [message.live for message in bench.hears.lives] == [LIVE]


def test_athlete_and_load_are_in_what_begins_from_then_on(bench: Bench, rep: Any) -> None:
    bench.measure(rep(1))
    assert bench.ask("set-athlete", athlete="ana").text == "athlete ana"
    assert bench.ask("set-load", load_kg=62.5).text == "load 62.5 kg"
    bench.measure(rep(6))
    reps = [message for message in bench.sent if isinstance(message, RepMessage)]
    assert [(message.athlete, message.load_kg) for message in reps] == [(None, None), ("ana", 62.5)]
    assert bench.pipeline.done == ["end-set", 62.5]


def test_the_clock_goes_on_only_after_a_while_without_samples(bench: Bench) -> None:
    bench.session.step([], 50.0)
    bench.measure()
    bench.session.step([], bench.now_s + 1.9)
    assert bench.pipeline.idle_at == []
    bench.session.step([], bench.now_s + 2.5)
    assert bench.pipeline.idle_at == [pytest.approx(bench.session.session_s)]
    assert bench.session.session_s == pytest.approx(0.1 + 2.5)


class RefusingOutbox:
    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.full = True

    problem = None

    def append(self, *args: Any, **kwargs: Any) -> list[int]:
        if self.full:
            raise StoreError("o.db: no room left")
        return self.outbox.append(*args, **kwargs)


def test_what_cannot_be_written_waits_in_memory_and_is_said(bench: Bench, rep: Any) -> None:
    refusing = RefusingOutbox(bench.outbox)
    bench.session.attach(refusing, bench.hears)  # type: ignore[arg-type]
    bench.measure(rep(1))
    bench.measure(rep(2))
    assert bench.session.backlog.problem == "o.db: no room left"
    refusing.full = False
    assert bench.session.write(bench.now_s + 1.5)
    assert bench.session.backlog.problem is None
    newest = {message.event_id: message for message in bench.sent}
    assert [message.rep.number for message in newest.values()] == [1, 2]


def test_a_setting_is_shown_and_answered_when_it_is_on_disk(bench: Bench) -> None:
    bench.session.resume(bench.outbox)
    bench.hears.waiting.append(
        CommandMessage(event_id="c", at_utc=NOW, name="set-load", by="coach", load_kg=60.0)
    )
    bench.session.step([], bench.now_s)
    bench.session.tell_info([], None)
    assert not bench.hears.replies and not bench.hears.infos
    assert bench.session.write(bench.now_s)
    bench.session.tell_info([], None)
    assert [reply.text for reply in bench.hears.replies] == ["load 60 kg"]
    assert [info.load_kg for info in bench.hears.infos] == [60.0]


def test_while_the_disk_fails_commands_are_answered_and_the_answer_says_so(bench: Bench, rep: Any) -> None:
    refusing = RefusingOutbox(bench.outbox)
    bench.session.attach(refusing, bench.hears)  # type: ignore[arg-type]
    bench.measure(rep(1))
    reply = bench.ask("set-load", load_kg=60.0)
    assert (reply.ok, reply.text) == (True, "load 60 kg; a power cut would undo it: o.db: no room left")


def test_what_does_not_fit_in_memory_either_is_a_tombstone(bench: Bench, make_rep: Any) -> None:
    def said(number: int) -> RepEvent:
        where = {"set_number": 1, "set_event_id": "s1", "exercise": "rdl", "known_s": 5.0}
        return RepEvent(
            event_id=f"s1-r{number}", revision=1, state="confirmed", rep=make_rep(number).rep, **where
        )

    refusing = RefusingOutbox(bench.outbox)
    bench.session.attach(refusing, bench.hears)  # type: ignore[arg-type]
    bench.measure(*(said(n) for n in range(1, MAX_BACKLOG + 4)))
    refusing.full = False
    assert bench.session.write(bench.now_s + 2.0)
    assert bench.session.backlog.overruns == 3
    (stone, *rest) = bench.sent
    assert isinstance(stone, Tombstone)
    assert (stone.first_seq, stone.seq, stone.lost) == (1, 3, 3)
    assert rest[0].rep.number == 4
    assert bench.outbox.depth() == MAX_BACKLOG + 1


def test_info_is_said_when_it_changes_and_not_otherwise(bench: Bench) -> None:
    for _ in range(3):
        bench.session.tell_info([], "board 1.0")
    bench.ask("set-load", load_kg=60.0)
    bench.session.tell_info([], "board 1.0")
    infos = [message for message in bench.hears.retained if isinstance(message, InfoMessage)]
    assert [info.load_kg for info in infos] == [None, 60.0]
    assert infos[0].geometry["lpt_anchor_m"] == [0.0, 0.0]


def test_the_running_set_is_retained_as_it_stands_with_what_was_marked_false(bench: Bench, rep: Any) -> None:
    bench.ask("set-athlete", athlete="ana")
    bench.ask("set-target", target_reps=5)
    bench.pipeline.newest_s = 0.5
    bench.measure(rep(6), rep(7), rep(8, "pending"))
    bench.ask("mark-rep", rep_event_id=f"{bench.session.id}-s1-r2", mark="false")
    bench.session.step([], bench.now_s)
    current = bench.hears.current
    assert (current.set_number, current.over, current.athlete, current.target_reps) == (1, False, "ana", 5)
    assert (current.counted_reps, current.partial_reps) == (2, 0)
    newest = {message.event_id: message for message in bench.sent if isinstance(message, RepMessage)}
    assert [(one.event_id, one.revision, one.state) for one in current.reps] == [
        (one.event_id, one.revision, one.state) for one in newest.values()
    ]
    told = len(bench.hears.retained)
    bench.session.step([], bench.now_s)
    assert len(bench.hears.retained) == told, "said once"
    bench.ask("end-set")
    bench.session.step([], bench.now_s)
    assert bench.hears.current.over


def test_another_load_than_entered_is_said_at_the_second_rep_until_it_is_put_right(
    bench: Bench, rep: Any
) -> None:
    weighs = {"load_measured_kg": 65.2, "load_measured_sigma_kg": 0.4}
    bench.ask("set-load", load_kg=60.0)
    bench.measure(rep(6, **weighs))
    assert bench.hears.current.lifted_kg is None
    bench.measure(rep(7, **weighs))
    assert bench.hears.current.lifted_kg == 65.2
    bench.ask("load-set", load_kg=65.0)
    bench.session.step([], bench.now_s)
    assert bench.hears.current.lifted_kg is None


def test_the_newest_of_a_long_set_fit_into_one_message(bench: Bench, rep: Any) -> None:
    bench.measure(*(rep(n) for n in range(1, 61)))
    bench.session.step([], bench.now_s)
    current = bench.hears.current
    assert (len(current.reps), current.reps_left_out, current.counted_reps) == (
        CURRENT_REPS,
        60 - CURRENT_REPS,
        60,
    )
    full = dict.fromkeys(Rep.__struct_fields__, 0.1234567890123)
    full |= {"number": 1, "counted": False, "reason": "x" * 80, "reason_code": "short-of-athlete"}
    full |= {"repaired_samples": 10_000, "curve": None}
    widest = [msgspec.structs.replace(one, rep=msgspec.convert(full, Rep)) for one in current.reps]
    long = packed(12345.678, [0.0] * 700, [0.0] * 700)
    for place in range(-CURRENT_CURVES, 0):
        rep_with_curve = msgspec.structs.replace(widest[place].rep, curve=long)
        widest[place] = msgspec.structs.replace(widest[place], rep=rep_with_curve)
    assert len(encode(msgspec.structs.replace(current, reps=widest))) < MAX_PAYLOAD_BYTES


def test_what_was_pending_when_a_node_was_killed_is_confirmed_by_its_next_run(bench: Bench, rep: Any) -> None:
    bench.session.resume(bench.outbox)
    bench.ask("set-athlete", athlete="ana")
    bench.measure(rep(6), rep(7, "pending"))
    heir = Session(bench.session.station, bench.session.profile)
    heir.attach(bench.outbox, ListeningSender())  # type: ignore[arg-type]
    heir.resume(bench.outbox)
    heir.write(bench.now_s)
    newest = {message.event_id: message for message in bench.sent}
    assert [
        (one.state, one.athlete, one.session) for one in newest.values() if isinstance(one, RepMessage)
    ] == [("confirmed", "ana", bench.session.id)] * 2
    (a_set,) = [one for one in newest.values() if isinstance(one, SetMessage)]
    assert (a_set.session, a_set.summary.counted_reps) == (bench.session.id, 2)
    revisions = [one.revision for one in bench.sent if one.event_id.endswith("s1-r2")]
    assert revisions == sorted(set(revisions))
