"""What a coach asks of a session: each command is answered, done once, and taken back by one undo."""

from typing import Any

import msgspec
import pytest

from station.messages import InfoMessage, ReplyCode, RepMessage
from station.records import ReasonCode
from tests.edge.node.bench import Bench, ended


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
        ("continue-set", {}, "no set to go on with"),
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


def test_whoever_a_running_set_is_given_to_is_not_held_to_the_range_and_the_sets_of_who_had_it(
    bench: Bench, rep: Any
) -> None:
    def said() -> list[tuple[str | None, str | None]]:
        newest = {one.event_id: one for one in bench.sent if isinstance(one, RepMessage)}
        return [(one.athlete, one.rep.reason_code) for one in newest.values()]

    bench.ask("set-queue", queue=["ana", "ben"])
    bench.ask("set-athlete", athlete="ana")
    bench.ask("set-target", full_range_m=1.0, target_sets=4)
    bench.measure(rep(6), rep(7))
    assert said() == 2 * [("ana", "short-of-athlete")]
    bench.ask("give-set", athlete="ben")
    assert said() == 2 * [("ben", None)]
    bench.measure(rep(8))
    assert said() == 3 * [("ben", None)]
    settings = bench.session.settings
    assert (settings.full_range_m, settings.target_sets, settings.queue) == (None, None, ("ben", "ana"))
    bench.ask("set-load", load_kg=60.0)
    assert bench.ask("undo").ok and bench.ask("undo").text == "the set is whose it was"
    settings = bench.session.settings
    assert (settings.athlete, settings.full_range_m, settings.target_sets) == ("ana", 1.0, 4)
    assert settings.queue == ("ana", "ben")
    assert said() == 3 * [("ana", "short-of-athlete")]
    bench.ask("give-set", athlete="ben")
    bench.ask("end-set")
    bench.measure(rep(9))
    assert said() == 4 * [("ben", None)]


def test_what_is_usual_for_somebody_is_theirs_at_one_exercise_and_no_undo_takes_it_back(bench: Bench) -> None:
    def told() -> float | None:
        bench.session.tell_info([], None)
        return bench.hears.infos[-1].usual_range_m

    assert bench.ask("set-athlete", athlete="ana").ok
    hers = {"athlete": "ana", "exercise": "romanian-deadlift", "usual_range_m": 0.5}
    assert bench.ask("set-usual-range", **hers).ok
    assert bench.ask("set-load", load_kg=60.0).ok
    assert told() == 0.5
    assert bench.ask("undo").text == "undone: load 60 kg"
    assert told() == 0.5
    assert bench.ask("set-athlete", athlete="ben").ok
    assert told() is None
    assert bench.ask("set-usual-range", **hers).code is ReplyCode.REFUSED  # it comes too late
    assert bench.ask("undo").ok and told() == 0.5
    assert bench.ask("set-exercise", exercise="back-squat").ok
    assert told() is None
