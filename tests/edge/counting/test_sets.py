from collections import Counter
from functools import partial

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.counting.sets import SetBook
from station.exercises import load_profile
from station.messages import CommandError
from station.records import ReasonCode, Rejected, Rep, RepEvent, SetEvent

RDL = load_profile("rdl")


def make_rep(start_s=0.0, rom_m=0.4, mcv=0.4, **changes):
    fields = dict.fromkeys(Rep.__struct_fields__)
    fields |= {
        "number": 1,
        "counted": True,
        "start_s": start_s,
        "end_s": start_s + 3.0,
        "eccentric_end_s": start_s + 1.8,
        "concentric_start_s": start_s + 2.0,
        "concentric_end_s": start_s + 3.0,
        "concentric_s": 1.0,
        "eccentric_s": 1.8,
        "bottom_pause_s": 0.2,
        "rom_m": rom_m,
        "mean_concentric_velocity_mps": mcv,
    }
    return Rep(**(fields | changes))


def a_set(*reps, profile=RDL):
    """The newest revision of every rep after they were pending and confirmed in turn, and all events."""
    tracker = SetBook(profile)
    events = []
    for index, rep in enumerate(reps):
        for state in ("pending", "confirmed"):
            events += tracker.rep((1, index), rep, rep.rom_m, state, rep.end_s)
    events += tracker.end(100.0)
    newest = {event.event_id: event for event in events if isinstance(event, RepEvent)}
    return list(newest.values()), events


def test_a_rep_is_pending_then_confirmed_with_a_higher_revision():
    _, events = a_set(make_rep())
    lives = [(e.event_id, e.revision, e.state) for e in events if isinstance(e, RepEvent)]
    assert lives == [("s1-r1", 1, "pending"), ("s1-r1", 2, "confirmed")]


def test_with_a_known_full_range_a_set_of_half_reps_is_partial_throughout():
    tracker = SetBook(RDL)
    tracker.set_full_range(0.5)
    events = []
    for index, rom_m in enumerate((0.28, 0.29, 0.31)):
        rep = make_rep(5.0 * index, rom_m)
        events += tracker.rep((1, index), rep, rom_m, "confirmed", rep.end_s)
    newest = {event.event_id: event.rep for event in events}
    assert [rep.counted for rep in newest.values()] == [False, False, True]
    assert newest["s1-r1"].reason == "partial: 56 % of the athlete's full range"


def test_a_rep_below_60_percent_of_the_median_range_is_partial_whenever_it_came():
    for place in range(4):
        reps = [make_rep(4.0 * i, rom_m=0.2 if i == place else 0.4) for i in range(4)]
        newest, _ = a_set(*reps)
        assert [e.rep.counted for e in newest] == [i != place for i in range(4)]
        assert newest[place].rep.reason == "partial: 50 % of the set's median range"
        assert [e.rep.number for e in newest] == [1, 2, 3, 4]


def test_a_rep_below_the_least_range_is_not_counted():
    newest, _ = a_set(make_rep(rom_m=0.09))
    assert not newest[0].rep.counted
    assert "below the least" in newest[0].rep.reason


def test_a_rep_too_rough_for_its_range_to_be_said_is_below_the_least_all_the_same():
    tracker = SetBook(RDL)
    events = tracker.rep((1, 0), make_rep(rom_m=None), 0.09, "confirmed", 3.0) + tracker.end(100.0)
    newest = [event for event in events if isinstance(event, RepEvent)][-1]
    assert not newest.rep.counted
    assert "below the least" in newest.rep.reason


def test_velocity_loss_is_to_the_fastest_counted_rep_so_far():
    newest, _ = a_set(
        make_rep(0, mcv=0.4), make_rep(4, mcv=0.5), make_rep(8, mcv=0.9, rom_m=0.1), make_rep(12, mcv=0.4)
    )
    losses = [e.rep.velocity_loss_pct for e in newest]
    assert losses[:3] == [0.0, 0.0, None]
    assert round(losses[3], 6) == 20.0


def test_a_pause_longer_than_the_gap_begins_another_set():
    newest, events = a_set(make_rep(0.0), make_rep(14.9), make_rep(30.0))
    assert [e.set_number for e in newest] == [1, 1, 2]
    assert [e.summary.counted_reps for e in events if isinstance(e, SetEvent)] == [2, 1]


def test_the_top_pause_is_the_way_to_the_next_rep_and_null_for_the_last():
    newest, _ = a_set(make_rep(0.0), make_rep(4.5))
    assert [e.rep.top_pause_s for e in newest] == [1.5, None]


def test_the_bottom_pause_of_a_lift_from_the_floor_belongs_to_the_lift_before_it():
    newest, _ = a_set(
        make_rep(0.0, bottom_pause_s=None),
        make_rep(5.0, bottom_pause_s=None),
        profile=load_profile("deadlift"),
    )
    assert [e.rep.bottom_pause_s for e in newest] == [2.0, None]


def test_a_bar_put_down_and_picked_up_again_is_rejected_and_the_reps_renumbered():
    newest, events = a_set(
        make_rep(0.0, rom_m=0.7, bottom_pause_s=4.0), *(make_rep(4.0 * i + 4.0) for i in range(4))
    )
    assert newest[0].state == "rejected"
    assert [e.rep.number for e in newest[1:]] == [1, 2, 3, 4]
    assert any(isinstance(e, Rejected) and e.reason == "set-down and pick-up" for e in events)


def test_deep_reps_with_a_pause_after_two_that_were_none_are_the_sets_own():
    small = [make_rep(3.0 * i, rom_m=0.1) for i in range(2)]
    deep = [make_rep(10.0 + 6.0 * i, rom_m=0.5, bottom_pause_s=2.5) for i in range(5)]
    newest, _ = a_set(*small, *deep)
    assert [e.state for e in newest] == ["confirmed"] * 7
    assert [e.rep.counted for e in newest] == [False] * 2 + [True] * 5


def test_a_deeper_rep_that_rests_at_the_bottom_as_all_the_others_do_counts():
    newest, _ = a_set(
        make_rep(0.0, rom_m=0.7, bottom_pause_s=2.2),
        *(make_rep(6.0 * i + 6.0, bottom_pause_s=1.8) for i in range(3)),
    )
    assert [e.rep.counted for e in newest] == [True] * 4


def test_a_pending_rep_taken_back_is_rejected_with_the_reason():
    tracker = SetBook(RDL)
    tracker.rep((1, 0), make_rep(), 0.4, "pending", 3.1)
    first, second = tracker.withdraw((1, 0), ReasonCode.TOO_QUICK, 4.0)
    assert (first.state, first.revision, first.rep.counted) == ("rejected", 2, False)
    assert second == Rejected(0.0, 3.0, "too quick for a lifter", ReasonCode.TOO_QUICK)
    assert tracker.end(9.0) == []


def test_a_set_ends_by_itself_only_when_nothing_is_going_on():
    tracker = SetBook(RDL)
    tracker.rep((1, 0), make_rep(), 0.4, "confirmed", 3.1)
    assert not tracker.due(15.0, busy=False)
    assert not tracker.due(30.0, busy=True)
    assert tracker.due(17.1, busy=False)


@given(st.lists(st.tuples(st.floats(0.05, 0.9), st.floats(0.05, 1.2)), min_size=1, max_size=12))
def test_revisions_rise_by_one_and_the_summary_agrees_with_the_reps(reps):
    newest, events = a_set(*(make_rep(4.0 * i, rom_m=r, mcv=v) for i, (r, v) in enumerate(reps)))
    seen = {}
    for event in events:
        if isinstance(event, RepEvent):
            assert event.revision == seen.get(event.event_id, 0) + 1
            seen[event.event_id] = event.revision
    (summary,) = [e.summary for e in events if isinstance(e, SetEvent)]
    assert summary.counted_reps == sum(e.rep.counted for e in newest)
    assert summary.counted_reps + summary.partial_reps == len(reps)
    assert msgspec.json.decode(msgspec.json.encode(summary), type=type(summary)) == summary


def test_a_set_that_a_long_pause_has_ended_goes_on_with_all_that_has_begun_since_and_back():
    book, newest = SetBook(RDL), {}

    def take(events):
        newest.update((event.event_id, event) for event in events if isinstance(event, RepEvent))

    def sets():
        return [event.set_number for event in newest.values()]

    def lift(index, start_s):
        rep = make_rep(start_s)
        take(book.rep((1, index), rep, rep.rom_m, "confirmed", rep.end_s))

    lift(0, 0.0)
    take(book.end(20.0))
    book.go_on(25.0, 25.0)
    assert not book.due(30.0, busy=False)  # its gap begins anew
    lift(1, 30.0)
    assert sets() == [1, 1] and not book.newest().over
    take(book.end(50.0))
    lift(2, 60.0)
    lift(3, 65.0)
    assert sets() == [1, 1, 2, 2]
    _, events, undo = book.go_on(70.0, 70.0)
    take(events)
    assert sets() == [1, 1, 1, 1] and book.newest().number == 1
    assert [event.rep.number for event in newest.values()] == [1, 2, 3, 4]
    lift(4, 75.0)
    take(undo())
    assert sets() == [1, 1, 2, 2, 2] and book.newest().number == 2
    lift(5, 80.0)
    assert sets()[-1] == 2


def test_there_is_no_set_to_go_on_with_before_one_has_ended_nor_behind_a_line():
    book = SetBook(RDL)
    rep = make_rep(0.0)
    for begin in (lambda: None, lambda: book.rep((1, 0), rep, 0.4, "confirmed", 3.0)):
        begin()
        with pytest.raises(CommandError, match="no set to go on with"):
            book.go_on(5.0, 5.0)
    book.begin_section(6.0, 6.0, athlete="ben")
    with pytest.raises(CommandError, match="no set to go on with"):
        book.go_on(7.0, 7.0)


def lift(book, index, start_s):
    rep = make_rep(start_s)
    return book.rep((1, index), rep, rep.rom_m, "confirmed", rep.end_s)


def as_it_is(book):
    """The sets by number with their athletes and reps; whether the newest runs; the section."""
    sets = [(one.number, one.athlete, one.over, [rep.event_id for rep in one.entries]) for one in book._sets]
    return sets, book.running, book.section


def test_reps_given_away_and_taken_back_are_of_the_running_set_and_so_is_what_follows():
    book = SetBook(RDL)
    for index in range(3):
        lift(book, index, 5.0 * index)
    before = as_it_is(book)
    _, undo = book.give(None, "s1-r2", "ben", 14.0)
    undo()
    assert as_it_is(book) == before and book.running
    rep = lift(book, 3, 16.0)[-1]
    assert (rep.set_number, rep.athlete, rep.rep.number) == (1, None, 4)


def test_a_set_that_was_continued_and_then_ended_by_mistake_goes_on_again():
    book = SetBook(RDL)
    lift(book, 0, 0.0)
    book.end(20.0)
    book.go_on(30.0, 30.0)
    book.begin_section(31.0, 31.0)
    assert book.undo_section(book.section, 32.0) and book.running


def test_a_set_that_somebody_has_ended_goes_on_however_late_and_back():
    book = SetBook(RDL)
    lift(book, 0, 0.0)
    book.begin_section(4.0, 4.0)
    before = as_it_is(book)
    assert not book.undo_section(book.section, 60.0)
    number, _, undo = book.go_on(60.0, 60.0)
    assert number == 1 and book.running
    assert {event.set_number for event in lift(book, 1, 62.0) if isinstance(event, RepEvent)} == {1}
    sets = {event.event_id: event.set_number for event in undo() if isinstance(event, RepEvent)}
    assert sets["s1-r2"] == 2 and book.running  # the rep since is of a set of its own
    assert as_it_is(book)[2] == before[2]
    book.begin_section(70.0, 70.0, athlete="ben")
    with pytest.raises(CommandError, match="no set to go on with"):
        book.go_on(71.0, 71.0)


def test_a_set_that_was_restarted_is_not_gone_on_with():
    book = SetBook(RDL)
    lift(book, 0, 0.0)
    book.restart(4.0, "coach", 4.0)
    with pytest.raises(CommandError, match="no set to go on with"):
        book.go_on(5.0, 5.0)


def test_reps_since_a_set_was_gone_on_with_are_a_set_of_their_own_when_that_is_undone():
    book = SetBook(RDL)
    lift(book, 0, 0.0)
    book.end(20.0)
    _, _, undo = book.go_on(30.0, 30.0)
    lift(book, 1, 31.0)
    undo()
    assert as_it_is(book)[:2] == ([(1, None, True, ["s1-r1"]), (2, None, False, ["s1-r2"])], True)
    assert any(isinstance(event, SetEvent) and event.summary.number == 2 for event in book.end(50.0))


DONE = ("lift", "lift", "lift", "rest", "end", "next", "restart", "go on", "rest of", "all of", "undo")


def as_it_was_said(said, besides):
    """How many reps the last summary of each set has, and how many reps were said last to be of it."""
    reps = {event.event_id: event for event in said if isinstance(event, RepEvent)}.values()
    sets = {event.event_id: event.summary for event in said if isinstance(event, SetEvent)}
    of_sets = Counter(rep.set_event_id for rep in reps if rep.state != "rejected")
    return [
        (one.counted_reps + one.partial_reps, of_sets[name]) for name, one in sets.items() if name != besides
    ]


@given(st.lists(st.sampled_from(DONE), max_size=24))
@example(["lift", "rest", "lift", "rest", "go on", "go on"])
def test_whatever_is_done_every_rep_is_in_one_set_and_what_is_undone_at_once_leaves_no_trace(actions):
    book, now_s, undos, ids, said = SetBook(RDL), 0.0, [], set(), []

    def correct(act):
        """There, back, and there again."""
        *_, events, undo = act()
        said.extend([*events, *undo()])
        assert as_it_is(book) == before
        *_, events, undo = act()
        said.extend(events)
        undos.append((undo, before))

    for number, action in enumerate(actions):
        before, now_s = as_it_is(book), now_s + 1.0
        try:
            match action:
                case "lift":
                    events = lift(book, number, now_s)
                    ids |= {event.event_id for event in events if isinstance(event, RepEvent)}
                    said += events
                    now_s, undos = now_s + 3.0, []
                case "rest":
                    now_s, undos = now_s + 20.0, []
                    if book.due(now_s, busy=False):
                        said += book.end(now_s)
                case "end" | "next":
                    said += book.begin_section(now_s, now_s, athlete="ben" if action == "next" else None)
                    undos = []
                case "restart":
                    said += book.restart(now_s, "coach", now_s)[-2]
                    undos = []
                case "go on":
                    correct(partial(book.go_on, now_s, now_s))
                case "rest of" | "all of":
                    view = book.newest()
                    rep = view.reps[-1].event_id if view and action == "rest of" else None
                    correct(partial(book.give, None, rep, "ana", now_s))
                case "undo" if undos:
                    undo, was = undos.pop()
                    said += undo()
                    assert as_it_is(book) == was
        except CommandError:
            assert as_it_is(book) == before
        held = [rep for *_, reps in as_it_is(book)[0] for rep in reps]
        assert sorted(held) == sorted(ids) and all(reps for *_, reps in as_it_is(book)[0])
        running = book.newest().event_id if book.running else None
        assert all(of_set == its for of_set, its in as_it_was_said(said, running))


def test_a_set_ended_by_mistake_goes_on_unless_its_gap_has_passed_or_another_has_begun():
    tracker = SetBook(RDL)
    tracker.rep((1, 0), make_rep(0.0), 0.4, "confirmed", 3.0)
    tracker.begin_section(4.0, 4.0)
    assert tracker.undo_section(tracker.section, 5.0) and not tracker.undo_section(tracker.section, 5.0)
    (second,) = tracker.rep((1, 1), make_rep(5.0), 0.4, "confirmed", 8.0)[-1:]
    assert (second.set_number, second.rep.number, second.event_id) == (1, 2, "s1-r2")
    tracker.begin_section(9.0, 9.0)
    assert not tracker.undo_section(tracker.section, 8.0 + RDL.set_gap_s + 1.0)
    tracker.rep((1, 2), make_rep(10.0), 0.4, "confirmed", 13.0)
    assert not tracker.undo_section(tracker.section, 13.0)
