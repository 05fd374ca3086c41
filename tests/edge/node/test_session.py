"""A session: what pipeline and coach say becomes messages, and a full disk loses nothing in silence."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import edge.node.session
from edge.counting.sets import SetBook
from edge.counting.zero import CellZero
from edge.delivery.backlog import MAX_BACKLOG
from edge.delivery.outbox import Outbox
from edge.link.drivers import Samples
from edge.node.session import Session
from station.config import StationFile, StationTable
from station.curve import packed
from station.errors import StoreError
from station.exercises import load_profile
from station.messages import (
    CURRENT_CURVES,
    CURRENT_REPS,
    MAX_PAYLOAD_BYTES,
    CommandMessage,
    CurrentMessage,
    InfoMessage,
    LiveMessage,
    ReplyMessage,
    RepMessage,
    SetMessage,
    Tombstone,
    decode,
    encode,
)
from station.records import Live, ReasonCode, Rep, RepEvent

NOW = "2030-01-01T00:00:00.000Z"
LIVE = Live(session_s=1.0, position_m=None, velocity_mps=None, force_n=None, x_m=None, phase=None)


class Script:
    """A pipeline that says what it was told to say; the book of its sets is a real one."""

    def __init__(self, _: Any, profile: Any) -> None:
        self.sets = SetBook(profile)
        self.next: list[Any] = []
        self.idle_at: list[float] = []
        self.done: list[Any] = []
        self.newest_s = 5.0
        self.cell = CellZero()
        self.cell.take_off(Samples("force_n", np.array([0.0]), np.array([1.0])))
        self.weighs = False

    @property
    def now_s(self) -> float:
        return self.newest_s

    def feed(self, samples: Sequence[Samples]) -> list[Any]:
        said, self.next = self.next, []
        return [event for one in said for event in (one(self.sets) if callable(one) else [one])]

    def idle(self, session_s: float) -> list[Any]:
        self.idle_at.append(session_s)
        return []

    def finish(self) -> list[Any]:
        return self.feed([])

    def end_set(self, athlete: str | None) -> list[Any]:
        self.done.append("end-set")
        return self.sets.begin_section(self.newest_s, self.newest_s, athlete=athlete)

    def restart_set(self, by: str) -> Any:
        return self.sets.restart(self.newest_s, by, self.newest_s)

    def reopen_set(self, line: int) -> bool:
        return self.sets.undo_section(line, self.newest_s)

    def set_profile(self, profile: Any, athlete: str | None) -> list[Any]:
        self.done.append(profile.name)
        return self.sets.begin_section(self.newest_s, self.newest_s, profile=profile, athlete=athlete)

    def set_load(self, load_kg: float | None) -> None:
        self.done.append(load_kg)
        self.sets.set_load(load_kg, self.newest_s)

    def set_full_range(self, full_range_m: float | None) -> None:
        self.done.append(("full range", full_range_m))


class Hears:
    """A publisher that keeps what it is given, and hands on the commands a test puts in."""

    def __init__(self) -> None:
        self.lives: list[LiveMessage] = []
        self.retained: list[Any] = []
        self.replies: list[ReplyMessage] = []
        self.waiting: list[CommandMessage] = []

    def wake(self) -> None: ...

    @property
    def infos(self) -> list[InfoMessage]:
        return [message for message in self.retained if isinstance(message, InfoMessage)]

    @property
    def current(self) -> CurrentMessage:
        return next(m for m in reversed(self.retained) if isinstance(m, CurrentMessage))

    def live(self, station: str, message: LiveMessage) -> None:
        self.lives.append(message)

    def retain(self, station: str, message: Any) -> None:
        self.retained.append(message)

    def reply(self, station: str, message: ReplyMessage) -> None:
        self.replies.append(message)

    def commands(self, station: str) -> list[CommandMessage]:
        taken, self.waiting = self.waiting, []
        return taken


class Bench:
    """A session with a scripted pipeline, a real outbox and somebody who listens."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.hears = Hears()
        station = StationFile(station=StationTable(id="rack-1", kind="barbell"))
        self.session = Session(station, load_profile("rdl"))
        self.session.attach(outbox, self.hears)  # type: ignore[arg-type]
        self.pipeline: Any = self.session.pipeline
        self.now_s = 100.0
        self._commands = 0

    def measure(self, *events: Any) -> None:
        self.pipeline.next = list(events)
        self.now_s += 0.1
        time_s = np.array([self.now_s - 100.0])
        self.session.step([Samples("position_m", time_s, np.array([1.0]))], self.now_s)
        self.session.write(self.now_s)

    def ask(self, name: Any, event_id: str | None = None, **given: Any) -> ReplyMessage:
        self._commands += 1
        event_id = event_id or f"c{self._commands}"
        self.hears.waiting.append(
            CommandMessage(event_id=event_id, at_utc=NOW, name=name, by="coach", **given)
        )
        self.session.step([], self.now_s)
        self.session.write(self.now_s)
        return self.hears.replies[-1]

    @property
    def sent(self) -> list[Any]:
        return [decode(entry.leaf, entry.payload) for entry in self.outbox.unacknowledged("rack-1", 10_000)]


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


def ended(sets: SetBook) -> list[Any]:
    return list(sets.end(9.0))


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


def test_every_command_is_answered(bench: Bench) -> None:
    assert bench.ask("set-exercise", exercise="squat").text == "counting Back squat"
    assert bench.ask("set-target", target_reps=8).text == "target 8 reps"
    assert bench.ask("tare").text == "zero moved by +1.0 N"
    assert bench.ask("end-set").text == "set ended"
    assert all(reply.ok for reply in bench.hears.replies)
    assert bench.session.profile.name == "back-squat"


@pytest.mark.parametrize(
    "name, given, words",
    [
        ("set-exercise", {"exercise": "back-squatt"}, "did you mean back-squat"),
        ("set-exercise", {}, "needs exercise"),
        ("set-load", {"load_kg": -1.0}, "0 to 1000"),
        ("set-load", {"load_kg": 5000.0}, "0 to 1000"),
        ("set-target", {"target_reps": 0}, "1 to 1000"),
        ("set-target", {"tempo_s": (2.0, 0.0, -1.0, None)}, "0 to 60"),
        ("set-target", {"velocity_loss_cutoff_pct": 0.0}, "1 to 100"),
        ("set-target", {"path_limit_m": 5.0}, "0.001 to 1"),
        ("set-athlete", {"athlete": "x" * 65}, "1 to 64"),
        ("set-queue", {"queue": ["ana", ""]}, "1 to 64"),
        ("set-queue", {"queue": ["a", "b", "c", "d", "e"]}, "4 at most"),
        ("acknowledge", {}, "needs attention"),
        ("sign-off", {}, "say who first"),
        ("restart-set", {}, "no set is running"),
        ("mark-rep", {"mark": "false"}, "no such rep"),
        ("mark-rep", {"rep_event_id": "another-s1-r1", "mark": "counted"}, "no such rep"),
        ("give-set", {"set_event_id": "another-s1", "athlete": "ana"}, "no such set"),
        ("load-set", {"load_kg": 60.0}, "no such set"),
        ("load-set", {"load_kg": 5000.0}, "0 to 1000"),
        ("undo", {}, "nothing to undo"),
    ],
)
def test_a_command_that_makes_no_sense_is_answered_with_the_reason(
    bench: Bench, name: str, given: dict[str, Any], words: str
) -> None:
    reply = bench.ask(name, **given)
    assert not reply.ok and words in reply.text
    assert bench.sent == []


def test_what_is_signed_off_has_a_name_of_bearable_length(bench: Bench) -> None:
    bench.ask("set-athlete", athlete="ana")
    reply = bench.ask("sign-off", exercise="x" * 65)
    assert not reply.ok and "at most 64" in reply.text


def test_a_command_that_comes_twice_is_obeyed_once_and_answered_twice(bench: Bench, rep: Any) -> None:
    bench.measure(rep(1), rep(2))
    first = bench.ask("mark-rep", event_id="same", mark="false")
    sent = bench.sent
    second = bench.ask("mark-rep", event_id="same", mark="false")
    assert first == second
    assert bench.sent == sent


def test_a_mark_is_a_new_revision_and_stays_when_the_pipeline_revises_the_rep(bench: Bench, rep: Any) -> None:
    bench.measure(rep(1, "pending"))
    bench.ask("mark-rep", mark="partial")
    bench.measure(rep(1, "confirmed"))
    assert [message.revision for message in bench.sent] == [1, 2, 3]
    assert [message.rep.counted for message in bench.sent] == [True, False, False]
    assert bench.sent[-1].state == "confirmed"
    assert bench.sent[-1].rep.reason == "partial, marked by coach"
    bench.ask("undo")
    assert (bench.sent[-1].revision, bench.sent[-1].rep.counted) == (4, True)
    assert not bench.ask("undo").ok


def test_a_rep_marked_after_its_set_changes_the_sets_summary(bench: Bench, rep: Any) -> None:
    bench.measure(rep(1), rep(2), rep(3), ended)
    bench.ask("mark-rep", rep_event_id=f"{bench.session.id}-s1-r2", mark="false")
    marked, _, summary = bench.sent[-3:]
    assert (marked.state, marked.rep.number) == ("rejected", 2)
    assert (summary.revision, summary.summary.counted_reps, summary.summary.partial_reps) == (2, 2, 0)
    bench.ask("undo")
    assert (bench.sent[-1].revision, bench.sent[-1].summary.counted_reps) == (3, 3)


def test_the_answer_to_a_mark_is_about_the_marked_rep_and_not_the_one_before_it(
    bench: Bench, rep: Any
) -> None:
    bench.measure(rep(1), rep(2), rep(3))
    marked = f"{bench.session.id}-s1-r3"  # the pause of the second changes with it
    assert bench.ask("mark-rep", rep_event_id=marked, mark="false").text.startswith(
        "set 1 rep 3: not counted"
    )
    assert bench.ask("undo").text == "undone: set 1 rep 3: counted"


def test_every_setting_is_told_and_undone_one_by_one(bench: Bench) -> None:
    def told() -> InfoMessage:
        bench.session.tell_info([], None)
        return bench.hears.infos[-1]

    asks: list[tuple[str, dict[str, Any]]] = [
        ("set-athlete", {"athlete": "ana"}),
        ("set-load", {"load_kg": 60.0}),
        ("set-target", {"target_reps": 8, "tempo_s": (3.0, 1.0, None, 0.0), "path_limit_m": 0.04}),
        ("set-target", {"target_reps": 8, "full_range_m": 0.42}),
        ("set-queue", {"queue": ["ana", "ben", "chidi"]}),
        ("set-athlete", {"athlete": "ben"}),
        ("acknowledge", {"attention": "REST s1"}),
        ("mute", {}),
        ("sign-off", {}),
        ("set-target", {"target_reps": 8, "target_sets": 4}),
        ("set-exercise", {"exercise": "back-squat"}),
    ]
    states = [told()]
    for name, given in asks:
        reply = bench.ask(name, **given)
        assert reply.ok, reply.text
        states.append(told())
    last = states[-1]
    assert (last.exercise, last.athlete, last.load_kg, last.target_reps) == ("back-squat", "ben", 60.0, 8)
    assert (last.tempo_s, last.target_sets, last.muted, last.acknowledged) == (None, None, True, "REST s1")
    assert (last.queue, last.signed_off) == (("ben", "chidi", "ana"), (("ben", "romanian-deadlift"),))
    for before in reversed(states[:-1]):
        assert bench.ask("undo").ok
        undone = told()
        assert msgspec.structs.replace(undone, event_id="", at_utc="") == msgspec.structs.replace(
            before, event_id="", at_utc=""
        )
    assert not bench.ask("undo").ok


def test_a_set_is_restarted_and_the_restart_undone(bench: Bench, rep: Any) -> None:
    bench.measure(rep(1), rep(2))
    assert "2 reps" in bench.ask("restart-set").text
    newest = {message.event_id: message for message in bench.sent if isinstance(message, RepMessage)}
    assert {message.rep.reason_code for message in newest.values()} == {ReasonCode.SET_RESTARTED}
    assert not bench.ask("restart-set").ok
    assert bench.ask("undo").text == "set 1 counts again"
    newest = {message.event_id: message for message in bench.sent if isinstance(message, RepMessage)}
    assert [message.rep.counted for message in newest.values()] == [True, True]


def test_tare_and_the_end_of_a_set_are_undone_too(bench: Bench, rep: Any) -> None:
    bench.measure(rep(4))
    bench.ask("tare")
    bench.ask("end-set")
    assert bench.ask("undo").text == "the set goes on"
    assert bench.ask("undo").text == "zero moved back by -1.0 N"
    bench.ask("end-set")
    bench.pipeline.newest_s += 60.0
    assert "too late" in bench.ask("undo").text


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


def test_one_undo_takes_back_all_commands_of_an_action_whoever_undid_something_before(bench: Bench) -> None:
    for name, given in (("set-athlete", {"athlete": "ana"}), ("set-load", {"load_kg": 60.0})):
        bench.ask(name, action="badge-1", **given)
    bench.ask("mute", action="other-screen")
    undone = [bench.ask("undo") for _ in range(3)]
    assert [reply.code for reply in undone] == ["undone", "undone", "nothing-to-undo"]
    assert [reply.undone for reply in undone] == ["other-screen", "badge-1", None]
    assert (bench.session.settings.athlete, bench.session.settings.load_kg) == (None, None)


def test_every_refusal_has_its_code(bench: Bench) -> None:
    bench.ask("set-athlete", athlete="ana")
    bench.ask("sign-off")
    codes = {
        bench.ask(name, **given).code
        for name, given in (
            ("set-load", {"load_kg": 9000.0}),
            ("set-exercise", {"exercise": "squatt"}),
            ("set-exercise", {}),
            ("sign-off", {}),
            ("restart-set", {}),
            ("mark-rep", {"mark": "false"}),
            ("give-set", {"set_event_id": "x", "athlete": "ben"}),
        )
    }
    assert codes == {
        *("out-of-bounds", "unknown-exercise", "missing", "already", "no-set", "unknown-rep", "unknown-set")
    }


def test_a_wrong_athlete_is_put_right_in_the_running_set_and_for_what_follows(bench: Bench, rep: Any) -> None:
    bench.ask("set-athlete", athlete="ana")
    bench.measure(rep(6), rep(7))
    assert bench.ask("give-set", athlete="ben").text == "given to ben"
    bench.measure(rep(8))
    newest = {message.event_id: message for message in bench.sent if isinstance(message, RepMessage)}
    assert {message.athlete for message in newest.values()} == {"ben"}
    assert {message.set_number for message in newest.values()} == {1}
    assert bench.session.settings.athlete == "ben"
    bench.ask("undo")
    assert bench.session.settings.athlete == "ana"


def test_what_was_pending_when_a_node_was_killed_is_confirmed_by_its_next_run(bench: Bench, rep: Any) -> None:
    bench.session.resume(bench.outbox)
    bench.ask("set-athlete", athlete="ana")
    bench.measure(rep(6), rep(7, "pending"))
    heir = Session(bench.session.station, bench.session.profile)
    heir.attach(bench.outbox, Hears())  # type: ignore[arg-type]
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
