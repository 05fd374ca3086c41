"""Screens live on: what lies over them, and which of them is in front, changes nothing of what is known."""

from pathlib import Path
from typing import Any

import pytest

from dashboard.floor.attention import Attention
from dashboard.tui.app import PlumblineApp
from dashboard.tui.screens.floor import FloorScreen
from dashboard.tui.widgets.tile import Tile
from station.exercises import all_profiles

RACK_1, RACK_2 = ("gym", "rack-1"), ("gym", "rack-2")
OPENED_S = 60


def two_stations(still: Any, words: Any) -> tuple[Any, Any]:
    one, other = words("a1"), words("b2")
    for name, say in (("rack-1", one), ("rack-2", other)):
        still.put(name, say.state(), say.info(athlete="ana"), say.live(1.0))
    return one, other


@pytest.mark.parametrize("over", ["dialog", "palette"])
def test_the_floor_behind_a_dialog_counts_for_a_minute(still: Any, words: Any, looks: Any, over: str) -> None:
    say, _ = two_stations(still, words)
    app = PlumblineApp(still, all_profiles())

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: isinstance(app.focused, Tile))
        await pilot.press("l" if over == "dialog" else "ctrl+p")
        await looks.poll(pilot, lambda: len(app.screen_stack) == 2)
        floor = app.screen_stack[0]
        assert isinstance(floor, FloorScreen)
        for second in range(1, OPENED_S + 1):
            still.now_s += 1.0
            reps = [say.rep(n) for n in range(1, second // 4 + 1)]
            still.put("rack-1", say.live(1.0 + second), say.current(*reps, session_s=float(second)))
            still.put("rack-2", words("b2").live(1.0 + second))
            app.flush()
            await pilot.pause()
        assert len(app.screen_stack) == 2
        tile = floor._tiles[RACK_1]
        await looks.poll(pilot, lambda: tile.view.counted == OPENED_S // 4)
        assert tile.view.freshness.name == "live" == floor._tiles[RACK_2].view.freshness.name
        await pilot.press("escape")
        await looks.poll(pilot, lambda: app.view_of(RACK_1).counted == OPENED_S // 4)

    looks.run(app, (120, 40), drive)


ALERTS: dict[Attention, tuple[Any, str]] = {
    Attention.FAULT: (lambda say: [say.health(2.0, problem="the outbox cannot be written")], "the outbox"),
    Attention.UNSAFE: (lambda say: [say.rep(1, slack_s=0.5)], "cable slack"),
    Attention.VELOCITY_LOSS: (lambda say: [say.rep(1, velocity_loss_pct=30.0)], "end the set"),
    Attention.LOAD: (lambda say: [say.current(say.rep(1), lifted_kg=45.0)], "weighs 45 kg"),
    Attention.TECHNIQUE: (lambda say: [say.rep(n, eccentric_s=0.9) for n in (1, 2)], "tempo off twice"),
    Attention.REST: (lambda say: [say.rep(1), say.set(1, end_s=7.0), say.live(250.0)], "rest 4:03"),
    Attention.CLOCK: (lambda say: [say.info(clock_synchronised=False)], "clock"),
}
RINGS = {Attention.FAULT, Attention.UNSAFE, Attention.VELOCITY_LOSS}
FRONTS = {"floor": (), "station": ("enter",), "health": ("i",), "history": ("y",), "dialog": ("enter", "l")}


def test_every_reason_to_look_is_tried_here() -> None:
    assert set(ALERTS) == set(Attention) - {Attention.FINE}


@pytest.mark.parametrize("front", sorted(FRONTS))
def test_every_alert_of_another_station_is_heard_and_seen_on_the_screen_in_front(
    still: Any, words: Any, looks: Any, tmp_path: Path, front: str
) -> None:
    app = PlumblineApp(still, all_profiles(), history=str(tmp_path / "none.db"))
    rung: list[float] = []
    app.bell = lambda: rung.append(still.now_s)  # type: ignore[method-assign]

    async def drive(pilot: Any) -> None:
        one, _ = two_stations(still, words)
        await looks.poll(pilot, lambda: isinstance(app.focused, Tile) and len(app.floor.stations) == 2)
        await pilot.press(*FRONTS[front])
        await looks.settle(pilot)
        for turn, (attention, (raised, shown)) in enumerate(ALERTS.items()):
            still.now_s += 1.0
            fresh = words(f"s{turn}")  # as if the node began anew: what was is over
            still.put("rack-1", one.live(2.0 + turn))
            still.put("rack-2", fresh.state(), fresh.info(), fresh.live(1.0))
            await looks.poll(pilot, lambda: app.view_of(RACK_2).attention is Attention.FINE)
            still.now_s += 0.1
            still.put("rack-2", *raised(fresh))
            heard = len(rung)
            await looks.poll(pilot, lambda shown=shown: shown in looks.text(app))
            assert app.view_of(RACK_2).attention is attention
            assert (len(rung) > heard) is (attention in RINGS), attention

    looks.run(app, (120, 40), drive)


def test_clocks_that_are_not_set_are_called_once_and_after_every_other_reason(
    still: Any, words: Any, looks: Any
) -> None:
    app = PlumblineApp(still, all_profiles())

    async def drive(pilot: Any) -> None:
        one, other = two_stations(still, words)
        still.put("rack-1", one.info(clock_synchronised=False))
        still.put("rack-2", other.info(clock_synchronised=False))
        for n in range(3, 9):
            say = words(f"c{n}")
            still.put(f"rack-{n}", say.state(), say.info(clock_synchronised=False), say.live(1.0))
        last = words("last")
        still.put("rack-9", last.state(), last.info(clock_synchronised=False), last.live(1.0))
        await looks.poll(pilot, lambda: isinstance(app.focused, Tile) and len(app.floor.stations) == 9)
        await pilot.press("enter")
        await looks.poll(pilot, lambda: "◷ 8 stations clock" in looks.text(app))
        still.put("rack-9", last.rep(1, slack_s=0.5))
        await looks.poll(pilot, lambda: "! rack-9 cable slack  ◷ 7 stations clock" in looks.text(app))

    looks.run(app, (80, 24), drive)


@pytest.mark.parametrize("front", ["floor", "station", "health", "dialog"])
def test_a_stale_station_is_called_the_same_by_every_screen(
    still: Any, words: Any, looks: Any, front: str
) -> None:
    two_stations(still, words)
    app = PlumblineApp(still, all_profiles())

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: isinstance(app.focused, Tile))
        await pilot.press(*FRONTS[front])
        await looks.settle(pilot)
        still.now_s += 7.5
        await looks.settle(pilot)
        assert app.view_of(RACK_1).freshness.text == "stale 7 s"
        assert "stale 7 s" in looks.text(app)

    looks.run(app, (120, 40), drive)


def test_a_muted_or_acknowledged_alert_is_not_called_again_elsewhere(
    still: Any, words: Any, looks: Any
) -> None:
    _, other = two_stations(still, words)
    app = PlumblineApp(still, all_profiles())

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: isinstance(app.focused, Tile))
        await pilot.press("enter")
        still.put("rack-2", other.rep(1, velocity_loss_pct=30.0))
        await looks.poll(pilot, lambda: "end the set" in looks.text(app))
        still.now_s += 1.0
        still.put("rack-2", other.info(acknowledged=app.view_of(RACK_2).attention_id))
        still.put("rack-1", words("a1").live(2.0))
        await looks.poll(pilot, lambda: "end the set" not in looks.text(app))

    looks.run(app, (80, 24), drive)


def test_two_screens_beside_each_other_show_the_same_from_the_first_second(
    still: Any, words: Any, looks: Any
) -> None:
    """A lifter's screen and a coach's that join in the middle of a set: both have what the broker keeps."""
    say = words()
    reps = [say.rep(n) for n in range(1, 9)]
    for given in ({}, {"lifter_at": "rack-1"}):
        still.put("rack-1", say.state(), say.info(target_reps=8), say.current(*reps), say.live(40.0))
        app = PlumblineApp(still, all_profiles(), **given)

        async def drive(pilot: Any, app: PlumblineApp = app) -> None:
            await looks.poll(pilot, lambda: app.floor.stations and app.view_of(RACK_1).counted == 8)

        looks.run(app, (80, 24), drive)
