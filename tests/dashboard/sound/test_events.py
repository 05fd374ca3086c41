"""What is heard at which moment, and that it is heard once."""

from typing import Any

import pytest

from dashboard.floor.state import FloorState
from dashboard.floor.views import StationView, view
from dashboard.sound.events import Heard, Moment, MomentDetector, spoken_velocity
from station.exercises import all_profiles
from station.topics import Address
from tests.dashboard.arrivals import apply


class Station:
    """A station that says one thing after the other, and somebody who listens."""

    def __init__(self, *said: Any) -> None:
        self.floor = FloorState()
        self.listener = MomentDetector()
        self.hear(*said)

    def hear(self, *said: Any) -> list[Heard]:
        for message in said:
            leaf = type(message).__name__.removesuffix("Message").lower()
            self.floor = apply(self.floor, Address("gym", "rack-1", leaf), message, 0.0)
        return self.listener.hear(self.view)

    @property
    def view(self) -> StationView:
        return view(self.floor.stations["gym", "rack-1"], all_profiles(), 0.5)


# At lockout nothing is known of the top, nor that the rep will stay.
LOCKOUT = {"state": "pending", "top_pause_s": None}


def test_each_rep_is_heard_at_lockout_with_its_number_and_velocity_and_not_again(words: Any) -> None:
    say = words()
    rack = Station(say.state(), say.info())
    assert rack.hear(say.rep(1, **LOCKOUT)) == [Heard(Moment.HIT, ("1", "point", "5", "2"))]
    assert rack.hear(say.rep(1, revision=2)) == []
    slow = {"mean_concentric_velocity_mps": 1.05, "eccentric_s": None, "bottom_pause_s": None}
    assert rack.hear(say.rep(2, concentric_s=None, path_deviation_m=None, **slow, **LOCKOUT)) == [
        Heard(Moment.COUNTED, ("2", "1", "point", "0", "5"))
    ]


def test_a_rep_that_misses_its_target_sounds_different_and_the_cue_is_said_once(words: Any) -> None:
    say = words()
    rack = Station(say.state(), say.info(velocity_loss_cutoff_pct=None))
    quick = {"eccentric_s": 0.9, **LOCKOUT}
    assert rack.hear(say.rep(1, **quick)) == [Heard(Moment.MISSED, ("1", "point", "5", "2"))]
    assert rack.hear(say.rep(2, **quick)) == [Heard(Moment.MISSED, ("2", "Slower"))]
    assert rack.hear(say.rep(3, **quick)) == [Heard(Moment.MISSED, ("3", "point", "5", "2"))]


def test_the_target_and_the_cut_off_are_heard_once_in_a_set(words: Any) -> None:
    say = words()
    rack = Station(say.state(), say.info(target_reps=2))
    rack.hear(say.rep(1))
    assert [one.moment for one in rack.hear(say.rep(2))] == [Moment.DONE, Moment.HIT]
    slow = {"mean_concentric_velocity_mps": 0.3, "velocity_loss_pct": 42.0}
    assert [one.moment for one in rack.hear(say.rep(3, **slow))] == [Moment.CUT_OFF, Moment.HIT]
    assert [one.moment for one in rack.hear(say.rep(4, **slow))] == [Moment.HIT]


def test_why_a_rep_does_not_count_is_heard_at_once(words: Any) -> None:
    say = words()
    rack = Station(say.state(), say.info(), say.rep(1))
    half = {"counted": False, "reason_code": "short-of-set"}
    assert rack.hear(say.rep(2, **half)) == [Heard(Moment.NOT_COUNTED, ("shorter than the others",))]
    rack.hear(say.rep(3))
    assert rack.hear(say.rep(3, revision=2, **half)) == [
        Heard(Moment.NOT_COUNTED, ("shorter than the others",))
    ]


def test_a_rep_that_is_taken_back_is_heard_unless_a_person_did_it(words: Any) -> None:
    say = words()
    rack = Station(say.state(), say.info(), say.rep(1), say.rep(2), say.rep(3, **LOCKOUT))
    gone = {"state": "rejected", "counted": False, "reason_code": "withdrawn"}
    assert rack.hear(say.rep(3, revision=2, **gone)) == [Heard(Moment.NOT_COUNTED, ("no rep after all",))]
    marked = {"state": "rejected", "counted": False, "reason_code": "marked-false"}
    assert rack.hear(say.rep(2, revision=2, **marked)) == []


def test_a_doubtful_rep_asks_once(words: Any) -> None:
    say = words()
    rack = Station(say.state(), say.info())
    assert [one.moment for one in rack.hear(say.rep(1, confidence=0.6))] == [Moment.QUESTION, Moment.HIT]
    assert rack.hear(say.rep(1, revision=2, confidence=0.55)) == []


def test_whoever_joins_in_the_middle_is_told_nothing_of_what_was(words: Any) -> None:
    say = words()
    rack = Station(say.state(), say.info(target_reps=2), say.rep(1), say.rep(2, confidence=0.5))
    assert rack.hear(say.live(9.0)) == []
    # After a lost connection reps come at once: the newest is heard.
    caught_up = rack.hear(say.current(*(say.rep(n) for n in range(1, 7))))
    assert [one.say[0] for one in caught_up if one.moment is Moment.HIT] == ["6"]


@pytest.mark.parametrize(
    "words_, said",
    [("0.52", ["point", "5", "2"]), ("1.05", ["1", "point", "0", "5"]), ("", []), ("–", []), ("-0.1", [])],
)
def test_a_velocity_is_said_digit_by_digit(words_: str, said: list[str]) -> None:
    assert spoken_velocity(words_) == said


def test_a_velocity_below_its_target_is_a_miss_and_the_end_of_the_rest_is_heard_once(words: Any) -> None:
    say = words()
    rack = Station(say.state(), say.info(velocity_least_mps=0.6, rest_s=90.0), say.rep(1))
    assert [one.moment for one in rack.hear(say.rep(2))] == [Moment.MISSED]
    rack.hear(say.set(1, end_s=11.0), say.live(60.0))
    assert rack.hear(say.live(100.9)) == []
    assert rack.hear(say.live(101.1)) == [Heard(Moment.REST_OVER, ("rest over",))]
    assert rack.hear(say.live(102.0)) == []
