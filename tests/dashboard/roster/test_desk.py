"""The coach's desk: a prescription for now and for good, new athletes, and what a signature rests on."""

from typing import Any

import pytest

from dashboard.roster.people import Athlete, Plan
from dashboard.tui.dialogs.athlete import AthleteScreen
from dashboard.tui.dialogs.prescription import velocity_entry, velocity_of
from dashboard.tui.dialogs.sign_off import SignOffScreen
from station.exercises import VelocityTarget, all_profiles

PROFILES = all_profiles()
RDL = Plan(exercise="romanian-deadlift", load_kg=60.0, sets=4, reps=8, full_range_m=0.42, rest_s=120.0)
PULL = Plan(exercise="cable-pull-through", load_kg=25.0)
ANA = Athlete(id="a-17", name="Ana Okoro", badge="0042", squad="juniors", note="left knee", plans=(PULL, RDL))
BEN = Athlete(id="b-04", name="Ben Lund", badge="0043")


HERS = {"athlete": "a-17", "load_kg": 60.0, "target_reps": 8, "target_sets": 4, "rest_s": 120.0}


def test_a_prescription_for_now_goes_to_the_station_and_leaves_the_plan(
    desk: Any, edge: Any, words: Any
) -> None:
    edge.say("rack-1", words().state(), words().info(**HERS), words().live(1.0))

    async def drive(hands: Any) -> None:
        await hands.fill("p", reps="6", velocity="0.45-0.6", rest="90")
        await hands.poll(lambda: hands.commands("set-target"))
        (target,) = hands.commands("set-target")
        assert (target.target_reps, target.target_sets, target.rest_s) == (6, 4, 90.0)
        assert (target.velocity_least_mps, target.velocity_most_mps) == (0.45, 0.6)
        assert hands.people()["Ana Okoro"].plans == ANA.plans

    desk([ANA, BEN], drive)


def test_a_prescription_for_good_is_the_athletes_plan_from_now_on(desk: Any, edge: Any, words: Any) -> None:
    edge.say("rack-1", words().state(), words().info(**HERS), words().live(1.0))

    async def drive(hands: Any) -> None:
        await hands.fill("p", load="62,5", velocity="95%", now="g")
        await hands.poll(lambda: hands.commands("set-target"))
        assert hands.commands("set-load")[0].load_kg == 62.5
        await hands.poll(lambda: hands.people()["Ana Okoro"].plans != ANA.plans)
        kept = {plan.exercise: plan for plan in hands.people()["Ana Okoro"].plans}
        new = kept["romanian-deadlift"]
        assert (new.load_kg, new.velocity_best_pct, new.reps, new.full_range_m) == (62.5, 95.0, 8, 0.42)
        assert kept["cable-pull-through"] == PULL
        assert new.path_limit_m is None and new.eccentric_s is None  # the exercise's own

    desk([ANA, BEN], drive, (200, 60))  # a toast has half of the width


def test_the_form_asks_only_for_what_applies(desk: Any, edge: Any, words: Any) -> None:
    edge.say("rack-1", words().state(), words().info("broomstick-hinge"), words().live(1.0))

    async def drive(hands: Any) -> None:
        await hands.pilot.press("p")
        await hands.shows("tempo: down-bottom-up-top")
        form = hands.looks.text(hands.app)
        assert "path limit" not in form and "load, kg" not in form and "for good" not in form

    desk([ANA, BEN], drive)


def test_a_new_athlete_is_entered_where_one_says_who_lifts(desk: Any, edge: Any, words: Any) -> None:
    edge.say("rack-1", words().state(), words().info(), words().live(1.0))

    async def drive(hands: Any) -> None:
        await hands.pilot.press("a")
        await hands.poll(lambda: isinstance(hands.app.screen, AthleteScreen))
        await hands.pilot.press(*"Dora", "ctrl+n")
        await hands.fill(badge="0044", squad="juniors", note="new here")
        await hands.poll(lambda: hands.commands("set-athlete"))
        dora = hands.people()["Dora"]
        assert (dora.badge, dora.squad, dora.note) == ("0044", "juniors", "new here")
        assert hands.commands("set-athlete")[-1].athlete == dora.id
        assert "dora" not in dora.id

    desk([ANA, BEN], drive)


def test_a_badge_and_a_squad_are_changed_and_plans_stay(desk: Any, edge: Any, words: Any) -> None:
    edge.say("rack-1", words().state(), words().info(), words().live(1.0))

    async def drive(hands: Any) -> None:
        await hands.pilot.press("a", "down", "ctrl+e")
        await hands.fill(badge="0099", squad="seniors")
        await hands.shows("Ana Okoro is in the record")
        ana = hands.people()["Ana Okoro"]
        assert (ana.badge, ana.squad, ana.plans) == ("0099", "seniors", ANA.plans)
        await hands.pilot.press("a", "down", "ctrl+e")
        await hands.fill(badge="0043")
        await hands.shows("badge 0043 is b-04's")

    desk([ANA, BEN], drive)


def test_a_signature_asks_and_shows_what_it_rests_on(desk: Any, edge: Any, words: Any) -> None:
    say = words()
    done = [say.rep(n, athlete="a-17", load_kg=60.0) for n in range(1, 9)]
    edge.say("rack-1", say.state(), say.info(**HERS))

    async def drive(hands: Any) -> None:
        edge.say("rack-1", *done, say.set(1, athlete="a-17"), say.live(99.0))
        await hands.poll(lambda: hands.app.view_of(("gym", "rack-1")).set_over)
        await hands.pilot.press("o")
        await hands.poll(lambda: isinstance(hands.app.screen, SignOffScreen))
        await hands.shows("set 1: 8 reps, 60 kg, tempo kept in 100 %, range varies by 0 %")
        await hands.shows("3 sets, so far 1")
        await hands.pilot.press("escape")
        assert not hands.commands("sign-off")
        await hands.pilot.press("o")
        await hands.poll(lambda: isinstance(hands.app.screen, SignOffScreen))
        await hands.pilot.press("enter")
        await hands.poll(lambda: hands.commands("sign-off"))
        assert hands.commands("sign-off")[0].athlete == "a-17"

    desk([ANA, BEN], drive)


def test_the_group_is_named_and_sent_by_id(desk: Any, edge: Any, words: Any) -> None:
    edge.say("rack-1", words().state(), words().info(queue=["a-17", "b-04"]), words().live(1.0))

    async def drive(hands: Any) -> None:
        await hands.pilot.press("g")
        await hands.shows("Ana Okoro, Ben Lund")
        await hands.pilot.press("enter")
        await hands.poll(lambda: hands.commands("set-queue"))
        assert hands.commands("set-queue")[0].queue == ["a-17", "b-04"]

    desk([ANA, BEN], drive)


@pytest.mark.parametrize(
    ("typed", "target", "again"),
    [
        ("0,5", VelocityTarget(least_mps=0.5), "0.5"),
        ("≥ 0.50 m/s", VelocityTarget(least_mps=0.5), "0.5"),
        ("0.45-0.55", VelocityTarget(least_mps=0.45, most_mps=0.55), "0.45-0.55"),
        ("best", VelocityTarget(best_pct=100.0), "100%"),
        ("95 %", VelocityTarget(best_pct=95.0), "95%"),
        ("", VelocityTarget(), ""),
    ],
)
def test_a_velocity_target_is_typed_as_it_is_said(typed: str, target: VelocityTarget, again: str) -> None:
    assert velocity_of(typed) == target
    assert velocity_entry(target) == again


@pytest.mark.parametrize("typed", ["fast", "0.6-0.5", "0.5-", "9", "20%"])
def test_a_velocity_that_nobody_means_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ValueError, match="velocity"):
        velocity_of(typed)
