"""However a set ends, a rep is one rep of one set of whoever was signed in when it began."""

import pytest

from edge.counting.sets import SetBook
from station.exercises import load_profile
from station.messages import CommandError, ReplyCode
from station.records import ReasonCode, Rep, RepEvent, SetEvent

RDL = load_profile("rdl")
DEADLIFT = load_profile("deadlift")


def measured(start_s: float, seconds: float = 3.0, **changes) -> Rep:
    fields = dict.fromkeys(Rep.__struct_fields__)
    fields |= {"number": 1, "counted": True, "start_s": start_s, "end_s": start_s + seconds, "rom_m": 0.4}
    return Rep(**(fields | {"mean_concentric_velocity_mps": 0.4} | changes))


class Gym:
    """A book, and what everybody who hears its events has of it in the end."""

    def __init__(self, profile=RDL):
        self.book = SetBook(profile)
        self.reps: dict[str, RepEvent] = {}
        self.sets: dict[str, SetEvent] = {}

    def hear(self, events):
        for event in events:
            if isinstance(event, RepEvent | SetEvent):
                held = self.reps if isinstance(event, RepEvent) else self.sets
                old = held.get(event.event_id)
                assert event.revision == (old.revision + 1 if old else 1)
                held[event.event_id] = event

    def lift(self, candidate, start_s, state="confirmed", size=0.4, **changes):
        rep = measured(start_s, **changes)
        self.hear(self.book.rep((1, candidate), rep, size, state, rep.end_s))

    def line(self, at_s, athlete=None, **given):
        self.hear(self.book.begin_section(at_s, at_s, athlete=athlete, **given))

    def right(self, done):
        events, undo = done
        self.hear(events)
        return lambda: self.hear(undo())

    @property
    def told(self):
        return [
            (rep.set_number, rep.rep.number, rep.athlete, rep.state)
            for rep in sorted(self.reps.values(), key=lambda one: one.rep.start_s)
        ]

    @property
    def counts(self):
        return [one.summary.counted_reps for one in self.sets.values()]


def test_a_rep_pending_when_the_next_athlete_is_called_stays_the_first_ones():
    gym = Gym()
    gym.line(0.0, "ana")
    gym.lift(0, 1.0)
    gym.lift(1, 5.0, "pending")
    gym.line(8.5, "ben")
    gym.lift(1, 5.0, "confirmed", end_s=8.2)
    gym.lift(2, 20.0, "pending")
    assert gym.told == [
        (1, 1, "ana", "confirmed"),
        (1, 2, "ana", "confirmed"),
        (2, 1, "ben", "pending"),
    ]
    assert gym.counts == [2]


def test_a_rep_under_way_when_the_set_is_ended_is_of_the_set_it_began_in():
    gym = Gym()
    gym.line(0.0, "ana")
    gym.lift(0, 1.0)
    gym.line(6.0, "ben")
    gym.lift(1, 5.0, "pending")
    assert gym.told == [(1, 1, "ana", "confirmed"), (1, 2, "ana", "confirmed")]
    assert gym.counts == [2]
    assert not gym.book.running and gym.book.set_number == 2


def test_the_first_rep_of_all_under_way_when_somebody_signs_in_is_nobodys():
    gym = Gym()
    gym.line(3.0, "ana")
    gym.lift(0, 2.0, "pending")
    gym.lift(1, 7.0, "pending")
    assert gym.told == [(1, 1, None, "confirmed"), (2, 1, "ana", "pending")]


def test_a_lift_from_the_floor_gets_its_lowering_though_the_set_is_over():
    gym = Gym(DEADLIFT)
    gym.lift(0, 1.0, "pending", eccentric_s=None)
    gym.line(4.5, "ben")
    gym.lift(0, 1.0, "confirmed", eccentric_s=0.8, end_s=5.4)
    assert [rep.rep.eccentric_s for rep in gym.reps.values()] == [0.8]
    assert gym.counts == [1] and [one.summary.end_s for one in gym.sets.values()] == [5.4]


def test_a_rep_that_is_withdrawn_after_its_set_leaves_the_sets_summary():
    gym = Gym()
    gym.lift(0, 1.0)
    gym.lift(1, 5.0, "pending")
    gym.line(8.1)
    gym.hear(gym.book.withdraw((1, 1), ReasonCode.WITHDRAWN, 9.0))
    assert gym.told == [(1, 1, None, "confirmed"), (1, 2, None, "rejected")]
    assert gym.counts == [1]


def test_a_restarted_set_does_not_count_nor_its_pending_rep():
    gym = Gym()
    gym.lift(0, 1.0)
    gym.lift(1, 5.0, "pending")
    number, count, events, undo = gym.book.restart(8.1, "coach", 8.1)
    gym.hear(events)
    gym.lift(1, 5.0, "confirmed", end_s=8.2)
    assert (number, count, gym.counts) == (1, 2, [0])
    assert {rep.rep.reason_code for rep in gym.reps.values()} == {ReasonCode.SET_RESTARTED}
    gym.hear(undo())
    assert gym.counts == [2]


def test_a_late_rejection_renumbers_and_keeps_every_identity():
    gym = Gym()
    for candidate in range(3):
        gym.lift(candidate, 1.0 + 4.0 * candidate, "pending")
    before = list(gym.reps)
    gym.hear(gym.book.withdraw((1, 0), ReasonCode.PICK_UP, 12.0))
    assert list(gym.reps) == before
    assert [number for _, number, _, state in gym.told if state != "rejected"] == [1, 2]


def test_whatever_the_counter_said_of_a_rep_a_person_may_count_it_and_take_that_back():
    gym = Gym()
    gym.lift(0, 1.0)
    gym.lift(1, 5.0, "pending")
    gym.hear(gym.book.withdraw((1, 1), ReasonCode.WITHDRAWN, 9.0))
    gym.lift(2, 10.0, size=0.1, rom_m=0.1)
    undos = [gym.right(gym.book.mark(f"s1-r{n}", "counted", "coach", 14.0)) for n in (2, 3)]
    assert [rep.rep.counted for rep in gym.reps.values()] == [True, True, True]
    for undo in reversed(undos):
        undo()
    assert [(rep.state, rep.rep.counted) for rep in gym.reps.values()] == [
        ("confirmed", True),
        ("rejected", False),
        ("confirmed", False),
    ]


def test_a_missed_rep_is_added_to_the_running_set_and_to_one_that_is_over():
    gym = Gym()
    gym.lift(0, 1.0)
    gym.right(gym.book.add(None, 6.0, "coach", 6.0))
    gym.line(9.0, "ben")
    undo = gym.right(gym.book.add("s1", 30.0, "coach", 30.0))
    assert gym.counts == [3]
    assert gym.reps["s1-r2"].rep.mean_concentric_velocity_mps is None
    undo()
    assert gym.counts == [2]


def test_a_set_or_the_rest_of_it_is_given_to_another_and_taken_back():
    gym = Gym()
    gym.line(0.0, "ana")
    for candidate in range(4):
        gym.lift(candidate, 1.0 + 4.0 * candidate)
    gym.line(20.0, "ana")
    undo = gym.right(gym.book.give("s1", "s1-r3", "ben", 21.0))
    assert [(athlete, number) for _, number, athlete, _ in gym.told] == [
        ("ana", 1),
        ("ana", 2),
        ("ben", 1),
        ("ben", 2),
    ]
    assert [(one.athlete, one.summary.counted_reps) for one in gym.sets.values()] == [("ana", 2), ("ben", 2)]
    undo()
    assert [(athlete, number) for _, number, athlete, _ in gym.told] == [("ana", n) for n in (1, 2, 3, 4)]
    assert gym.counts == [4, 0]
    gym.right(gym.book.give("s1", None, "ben", 22.0))
    assert {athlete for _, _, athlete, _ in gym.told} == {"ben"}


def test_the_reps_of_a_set_that_is_given_are_judged_by_their_own_range_and_those_of_who_is_called_too():
    gym = Gym()
    gym.line(0.0, "ana")
    gym.book.set_full_range(1.0)
    gym.lift(0, 1.0)
    gym.lift(1, 5.0)
    gym.line(20.0, "ben")
    gym.book.set_full_range(None)
    gym.lift(2, 21.0)
    assert gym.counts == [0]
    undo = gym.right(gym.book.give("s1", None, "ben", 22.0))
    assert gym.counts == [2]
    undo()
    assert gym.counts == [0]
    gym.lift(3, 8.0)  # said late, and begun before ben was called
    assert gym.told[2] == (1, 3, "ana", "confirmed") and gym.counts == [0]


def test_the_load_of_a_whole_set_changes_forces_that_were_worked_out_from_it():
    gym = Gym()
    gym.book.set_load(50.0, 0.0)
    gym.lift(0, 1.0, mean_force_n=600.0, mean_power_w=240.0)
    undo = gym.right(gym.book.load_set("s1", 100.0, 5.0, weighs=True))
    (rep,) = gym.reps.values()
    assert (rep.load_kg, rep.rep.mean_force_n, rep.rep.mean_power_w) == (100.0, 1200.0, 480.0)
    undo()
    (rep,) = gym.reps.values()
    assert (rep.load_kg, rep.rep.mean_force_n) == (50.0, 600.0)
    gym.right(gym.book.load_set("s1", 100.0, 6.0, weighs=False))
    assert gym.reps["s1-r1"].rep.mean_force_n == 600.0  # a cell had measured it


def test_a_load_entered_in_mid_set_is_of_what_begins_from_then_on():
    gym = Gym()
    gym.book.set_load(50.0, 0.0)
    gym.lift(0, 1.0)
    gym.book.set_load(60.0, 6.0)
    gym.lift(1, 5.0)
    gym.lift(2, 9.0)
    assert [rep.load_kg for rep in gym.reps.values()] == [50.0, 50.0, 60.0]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (lambda book: book.mark("s9-r1", "false", "coach", 1.0), ReplyCode.UNKNOWN_REP),
        (lambda book: book.give("s9", None, "ben", 1.0), ReplyCode.UNKNOWN_SET),
        (lambda book: book.load_set(None, 60.0, 1.0, weighs=False), ReplyCode.UNKNOWN_SET),
        (lambda book: book.restart(1.0, "coach", 1.0), ReplyCode.NO_SET),
    ],
)
def test_what_is_not_there_is_refused_with_a_code(what, code):
    with pytest.raises(CommandError) as refused:
        what(SetBook(RDL))
    assert refused.value.code is code
