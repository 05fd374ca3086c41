"""The running set as it is shown: its own numbers and its own count, whatever of it was heard."""

from typing import Any

from dashboard.broker.events import Packet, read_all
from dashboard.floor.state import FloorState, apply_all
from dashboard.floor.views import StationView, view
from station.exercises import all_profiles
from station.messages import CURRENT_REPS, Message, encode
from station.topics import Address
from tests.dashboard.arrivals import apply

HERE = ("gym", "rack-1")
FALSE = {"state": "rejected", "counted": False, "reason_code": "marked-false", "reason": "false, said cleo"}


def address(message: Message) -> Address:
    return Address(*HERE, type(message).__name__.removesuffix("Message").lower())


def shown(*messages: Any) -> StationView:
    """What a screen shows that heard these, in this order."""
    floor = FloorState()
    for at_s, message in enumerate(messages):
        floor = apply(floor, address(message), message, 100.0 + at_s / 1000)
    return view(floor.stations[HERE], all_profiles(), 101.0)


def numbers(seen: StationView) -> list[tuple[int, str]]:
    return [(rep.measured.number, rep.state) for rep in seen.reps]


def test_a_screen_that_joins_in_mid_set_shows_the_set_and_not_what_it_heard(words: Any) -> None:
    say = words()
    reps = [say.rep(n) for n in range(1, 8)]
    late = shown(say.state(), say.info(), say.current(*reps), say.live(30.0))
    assert (late.counted, late.set_number, late.last.measured.number if late.last else 0) == (7, 1, 7)
    after = shown(say.state(), say.current(*reps), say.rep(8, state="pending"))
    assert (after.counted, after.pending) == (8, True)


def test_a_late_rejection_renumbers_the_reps_behind_it_and_none_is_shown_twice(words: Any) -> None:
    say = words()
    reps = [say.rep(n) for n in range(1, 5)]
    gone = say.rep(2, revision=2, state="rejected", counted=False, reason_code="set-down-and-pick-up")
    moved = [say.rep(n - 1, event_id=say.rep(n).event_id, revision=2) for n in (3, 4)]
    assert numbers(shown(*reps, gone, *moved)) == [(n, "confirmed") for n in (1, 2, 3)]
    assert shown(*reps, gone, *moved).counted == 3


def test_a_rep_that_the_station_took_back_unheard_is_not_shown_by_whoever_heard_it_come(words: Any) -> None:
    say = words()
    phantom = say.rep(3, state="pending")
    heard = [say.rep(1), say.rep(2), phantom]
    current = say.current(say.rep(1), say.rep(2), session_s=phantom.session_s + 1.0)
    assert numbers(shown(*heard, current)) == numbers(shown(current))
    assert shown(*heard, current).counted == 2


def test_a_revision_that_overtakes_the_set_is_shown_with_it(words: Any) -> None:
    say = words()
    marked = say.rep(2, revision=2, counted=False, reason_code="marked-partial")
    seen = shown(say.current(say.rep(1), say.rep(2)), marked)
    assert (seen.counted, seen.partial) == (1, 1)


def test_a_rep_marked_false_stays_to_be_taken_back_and_counts_no_more(words: Any) -> None:
    say = words()
    reps = [say.rep(1), say.rep(2, revision=2, **FALSE), say.rep(2, event_id="a1-s1-r3")]
    for seen in (shown(say.current(*reps)), shown(*reps)):
        assert (seen.counted, seen.partial, seen.last.measured.number if seen.last else 0) == (2, 0, 2)
        assert numbers(seen) == [(1, "confirmed"), (2, "rejected"), (2, "confirmed")]
        assert [rep.marked_false for rep in seen.reps] == [False, True, False]


def test_of_a_set_longer_than_the_message_holds_the_count_is_the_sets(words: Any) -> None:
    say = words()
    reps = [say.rep(n) for n in range(11, 11 + CURRENT_REPS)]
    current = say.current(*reps, counted_reps=CURRENT_REPS + 8, partial_reps=2, reps_left_out=10)
    seen = shown(current)
    assert (seen.counted, seen.partial, len(seen.reps)) == (CURRENT_REPS + 8, 2, CURRENT_REPS)
    assert shown(current, say.rep(11 + CURRENT_REPS)).counted == CURRENT_REPS + 9


def test_the_next_set_begins_with_its_first_rep_whichever_message_comes_first(words: Any) -> None:
    say = words()
    done = say.current(*(say.rep(n) for n in range(1, 9)), over=True)
    first = say.rep(1, 2, start_s=57.0, session_s=60.0)
    begun = say.current(first, session_s=60.0)
    for heard in ([done, first], [done, begun], [done, first, begun], [begun, first], [done, begun, first]):
        seen = shown(say.state(), *heard)
        assert (seen.counted, seen.set_number, seen.set_over) == (1, 2, False), heard


def test_the_rest_of_an_earlier_set_given_to_somebody_is_not_the_set_that_runs(words: Any) -> None:
    say = words()
    running = say.current(*(say.rep(n, 2, start_s=100.0 + 4 * n) for n in (1, 2)), session_s=108.0)
    given = say.rep(1, 3, event_id="a1-s1-r7", revision=2, start_s=30.0, session_s=120.0, athlete="ben")
    seen = shown(say.state(), running, given)
    assert (seen.set_number, seen.counted) == (2, 2)


def test_a_set_that_was_ended_and_goes_on_is_not_over(words: Any) -> None:
    say = words()
    over = say.set(1, counted_reps=1, end_s=7.0, session_s=20.0)
    assert shown(say.current(say.rep(1), over=True, session_s=20.0), over).set_over
    on = say.current(say.rep(1), session_s=21.0)
    assert not shown(say.rep(1), over, on).set_over
    assert not shown(on, over, say.rep(2, start_s=22.0, session_s=25.0)).set_over


def test_a_node_of_the_first_edition_is_shown_by_the_reps_own_numbers(words: Any) -> None:
    say = words()
    heard = [say.state(), say.info(), say.rep(5), say.rep(6, counted=False), say.rep(8)]
    assert (shown(*heard).counted, shown(*heard).partial) == (7, 1)  # the third is not heard, and is there


def test_what_the_broker_has_kept_of_an_earlier_session_changes_nothing(words: Any) -> None:
    new, old = words("b2"), words("a1")
    alone = shown(new.state(), new.info(), new.rep(1))
    assert shown(new.state(), new.info(), new.rep(1), old.current(old.rep(1), old.rep(2))) == alone
    assert shown(old.current(old.rep(1), old.rep(2)), new.state(), new.info(), new.rep(1)).counted == 1


def spoilt(say: Any, other: Any) -> dict[str, bytes]:
    good = say.current(say.rep(1), say.rep(2))
    many = [say.rep(n) for n in range(1, CURRENT_REPS + 2)]
    return {
        "another edition": encode(good).replace(b"current/1", b"current/2"),
        "truncated": encode(good)[:-40],
        "reps of two sessions": encode(say.current(say.rep(1), other.rep(2))),
        "a rep twice": encode(say.current(say.rep(1), say.rep(1))),
        "more than a message holds": encode(say.current(*many)),
        "a number below one": encode(good).replace(b'"number":2', b'"number":0'),
        "a state nobody knows": encode(good).replace(b'"confirmed"', b'"perhaps"'),
        "a count that is none": encode(good).replace(b'"counted_reps":2', b'"counted_reps":-2'),
        "no object": b"[]",
    }


def test_a_set_that_cannot_be_one_is_refused_and_changes_nothing(words: Any) -> None:
    say = words()
    sound = [say.state(), say.info(), say.current(say.rep(1), session_s=9.0), say.live(9.0)]
    packets = [Packet(address(one).topic, encode(one), 100.0) for one in sound]
    arrivals, refused = read_all(packets)
    floor = apply_all(FloorState(), arrivals)
    assert refused == 0
    for what, payload in spoilt(say, words("b2")).items():
        found, refused = read_all([Packet(Address(*HERE, "current").topic, payload, 101.0)])
        assert (found, refused) == ([], 1), what
        assert apply_all(floor, found) == floor, what


def test_mastery_is_given_each_rep_once_and_none_that_was_struck(words: Any) -> None:
    say = words()
    whose = {"athlete": "ana", "load_kg": 40.0}
    sets: list[Any] = [say.state(), say.info(**whose)]
    for number in (1, 2, 3):
        reps = [say.rep(n, number, start_s=100.0 * number + 4 * n, **whose) for n in range(1, 9)]
        # The first is taken back late: those behind it move up, and the set lacks one.
        gone = {"revision": 2, "state": "rejected", "counted": False, "reason_code": "marked-false"}
        moved = [
            say.rep(n - 1, number, event_id=reps[n - 1].event_id, revision=2, **whose) for n in range(2, 9)
        ]
        over = say.set(number, counted_reps=7, start_s=100.0 * number, end_s=100.0 * number + 40.0, **whose)
        sets += [*reps, say.rep(1, number, **gone, **whose), *moved, over]
    seen = shown(*sets)
    assert seen.mastery is not None and "7 of 8 reps" in seen.mastery.text
