"""The screens, driven by keys."""

import asyncio
import itertools
import os
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dashboard.broker.client import Client, ConnectionState
from dashboard.floor.attention import Attention
from dashboard.tui.app import PlumblineApp
from dashboard.tui.messages import FloorChanged
from dashboard.tui.screens.floor import FloorScreen
from dashboard.tui.screens.station import StationScreen
from dashboard.tui.widgets.tile import LOOK, Tile
from station.config import Mqtt
from station.exercises import all_profiles
from station.messages import ReplyMessage, Sensor, decode, new_id, now_utc
from tests.dashboard.sizes import SIZES

EXPECTED = Path(__file__).parent / "expected"


RACK_1 = {
    "athlete": "ana",
    "load_kg": 60.0,
    "target_reps": 8,
    "queue": ["ana", "ben", "chidi"],
    "board": "plumbline-board 1.2",
    "sensors": [
        Sensor(channel="position_m", rate_hz=100.0, calibrated="2025-03-01"),
        Sensor(channel="tether_angle_rad", rate_hz=100.0),
    ],
}


def screen_text(app: PlumblineApp) -> str:
    """What stands on the screen, a line per row."""
    width, height = app.size
    rows = app.screen._compositor.render_strips()[:height]
    return "".join(strip.crop(0, width).text.rstrip() + "\n" for strip in rows)


def check(name: str, text: str) -> None:
    """Compare with the reviewed file; PLUMBLINE_ACCEPT=1 writes it anew, to be read before the commit."""
    path = EXPECTED / f"{name}.txt"
    if os.environ.get("PLUMBLINE_ACCEPT"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def fill(still: Any, words: Any) -> None:
    """Four stations: in the middle of a set, loss reached, resting after a set, sensor gone."""
    rack = words("a1")
    still.put("rack-1", rack.state(), rack.info(**RACK_1))
    for n in range(1, 6):
        given = {"state": "pending", "top_pause_s": None} if n == 5 else {"top_pause_s": 0.4}
        speed = 0.56 - 0.012 * n
        loss = 100.0 * (1.0 - speed / 0.548)
        still.put("rack-1", rack.rep(n, mean_concentric_velocity_mps=speed, velocity_loss_pct=loss, **given))
    for step in range(140):
        down = abs(step % 40 - 20) / 20.0
        phase = "eccentric" if step % 40 < 20 else "concentric"
        x_m = 0.02 * (1.0 - down)
        speed = (-1.0 if phase == "eccentric" else 1.0) * 0.47 * min(1.0, 2.5 * down * (1.0 - down) + 0.1)
        position_m = 0.4 + 0.47 * down
        still.put("rack-1", rack.live(0.1 * step, position_m, velocity_mps=speed, x_m=x_m, phase=phase))
    rates = {"position_m": 100.01, "tether_angle_rad": 88.2}
    still.put("rack-1", rack.health(14.0, frames=1400, frames_lost=9, clock_drift_ppm=12.3, rates_hz=rates))
    other = words("b2")
    still.put("rack-2", other.state(), other.info("deadlift", athlete="ben", load_kg=142.5, target_reps=5))
    for n, speed in enumerate((0.40, 0.41, 0.36, 0.31), start=1):
        still.put(
            "rack-2",
            other.rep(
                n,
                exercise="deadlift",
                mean_concentric_velocity_mps=speed,
                velocity_loss_pct=100.0 * (1.0 - speed / 0.41),
                path_deviation_m=None,
                path_deviation_sigma_m=None,
            ),
        )
    still.put("rack-2", other.live(30.0, 0.2, phase="bottom"))
    cable = words("c3")
    still.put("cable-1", cable.state(), cable.info("cable-pull-through", athlete="chidi", target_reps=12))
    for n in range(1, 13):
        still.put(
            "cable-1",
            cable.rep(
                n, exercise="cable-pull-through", eccentric_s=1.2 if n > 10 else 2.0, bottom_pause_s=0.4
            ),
        )
    partial = cable.rep(
        13, exercise="cable-pull-through", counted=False, reason="range 41 % of the set's median"
    )
    still.put("cable-1", partial, cable.set(1, end_s=55.0), cable.live(82.0))
    last = words("d4")
    still.put("cable-2", last.state(), last.info("cable-row"), last.live(1.0))
    still.put("cable-2", last.health(2.0, link_up=False, problem="/dev/ttyACM0 is gone; plug it in"))


def make(client: Any, **given: Any) -> PlumblineApp:
    """The app, its clock the client's."""
    given = {"today": lambda: date(2026, 3, 31)} | given
    return PlumblineApp(client, all_profiles(), **given)


def run(app: PlumblineApp, size: tuple[int, int], drive: Callable[[Pilot[int]], Any]) -> None:
    """Drive the app headless."""

    async def driven() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await drive(pilot)

    asyncio.run(driven())


@pytest.mark.parametrize("size", SIZES)
def test_the_floor_and_a_station_look_as_reviewed(
    still: Any, words: Any, size: tuple[int, int], looks: Any
) -> None:
    fill(still, words)
    app = make(still)

    async def drive(pilot: Pilot[int]) -> None:
        await looks.settle(pilot)
        check(f"floor-{size[0]}x{size[1]}", screen_text(app))
        await pilot.press("s")
        await looks.settle(pilot)
        check(f"floor-by-name-{size[0]}x{size[1]}", screen_text(app))
        await pilot.press("home", "right", "down", "left", "enter")
        await looks.settle(pilot)
        check(f"station-{size[0]}x{size[1]}", screen_text(app))
        await pilot.press("i")
        await looks.settle(pilot)
        await pilot.press("down")
        await looks.settle(pilot)
        check(f"health-{size[0]}x{size[1]}", screen_text(app))
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert isinstance(app.screen, FloorScreen)

    run(app, size, drive)


@pytest.mark.parametrize("size", SIZES)
def test_the_lifters_screen_looks_as_reviewed(
    still: Any, words: Any, size: tuple[int, int], looks: Any
) -> None:
    fill(still, words)

    async def lifting(pilot: Pilot[int]) -> None:
        await looks.settle(pilot)
        check(f"lifter-{size[0]}x{size[1]}", screen_text(app))

    async def resting(pilot: Pilot[int]) -> None:
        still.put("rack-1", words("a1").set(1, end_s=23.0), words("a1").live(110.0))
        await looks.settle(pilot)
        await pilot.press(*"0042")
        await pilot.pause()
        check(f"lifter-resting-{size[0]}x{size[1]}", screen_text(app))

    for drive in (lifting, resting):
        app = make(still, lifter_at="rack-1")
        run(app, size, drive)
        fill(still, words)


def test_a_lifter_s_screen_without_its_station_says_what_to_look_at(
    still: Any, words: Any, looks: Any
) -> None:
    still.put("rack-2", words().state(), words().info(), words().live(1.0))
    app = make(still, lifter_at="rack-1")

    async def drive(pilot: Pilot[int]) -> None:
        await looks.settle(pilot)
        assert "gym.local:8883 has nothing of it; is this its id, and does its edge run?" in screen_text(app)
        still.connection = ConnectionState(False, "connection refused", 0.0)
        await looks.settle(pilot)
        assert "broker: connection refused; trying again" in screen_text(app)
        still.put("rack-1", words().state(), words().info(), words().live(1.0))
        await looks.settle(pilot)
        assert "waiting for" not in screen_text(app)

    run(app, (80, 24), drive)


@pytest.fixture
def gym(broker: Any, edge: Any, until: Any) -> Iterator[PlumblineApp]:
    """The app on a real broker with the scripted edge."""
    client = Client(Mqtt(host="127.0.0.1", port=broker.port, tls=False))
    client.start()
    until(lambda: client.connection.up)
    yield PlumblineApp(client, all_profiles())
    client.stop()


async def poll(pilot: Pilot[int], true: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Let the app run until something is so."""
    for _ in range(int(timeout_s / 0.02)):
        if true():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"it did not become true in time; on the screen:\n{screen_text(pilot.app)}")  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
def test_a_rep_from_the_broker_is_on_the_tile_first_pending_then_confirmed(
    gym: PlumblineApp, edge: Any, words: Any, size: tuple[int, int]
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(athlete="ana", target_reps=8))

    async def drive(pilot: Pilot[int]) -> None:
        await poll(pilot, lambda: "Romanian deadlift" in screen_text(gym))
        edge.say("rack-1", say.live(1.0), say.rep(1, state="pending", revision=1))
        await poll(pilot, lambda: "pending" in screen_text(gym))
        edge.say("rack-1", say.rep(1, revision=2))
        await poll(pilot, lambda: "pending" not in screen_text(gym))
        assert "23 ± 2 mm" in screen_text(gym)

    run(gym, size, drive)


def test_keys_send_commands_and_the_reply_is_shown(gym: PlumblineApp, edge: Any, words: Any) -> None:
    edge.say("rack-1", words().state(), words().info())

    def asked(name: str) -> Any:
        found = [decode("command", message.payload) for message in edge.heard]
        return next((command for command in found if command.name == name), None)  # type: ignore[union-attr]

    async def drive(pilot: Pilot[int]) -> None:
        await poll(pilot, lambda: isinstance(gym.focused, Tile))
        await pilot.press("t")
        await poll(pilot, lambda: asked("tare"))
        reply = {"event_id": new_id(), "at_utc": now_utc(), "in_reply_to": asked("tare").event_id}
        edge.say("rack-1", ReplyMessage(**reply, ok=True, text="load set to [b]0[/b]"))
        await poll(pilot, lambda: "rack-1: load set to [b]0[/b]" in screen_text(gym))
        await pilot.press("x")
        await poll(pilot, lambda: asked("end-set"))
        await pilot.press("enter")
        await poll(pilot, lambda: isinstance(gym.screen, StationScreen))
        await pilot.press("e")
        await poll(pilot, lambda: "exercise on rack-1" in screen_text(gym))
        await pilot.press("home", "enter")
        await poll(pilot, lambda: asked("set-exercise"))
        assert asked("set-exercise").exercise == "back-squat"
        await pilot.press("escape")
        await poll(pilot, lambda: isinstance(gym.screen, FloorScreen))
        await pilot.press("q")

    run(gym, (80, 24), drive)
    assert gym.return_code == 0


def test_hostile_messages_change_no_cell_but_their_own(gym: PlumblineApp, edge: Any, words: Any) -> None:
    say = words()
    good = words("b2")
    edge.say("rack-2", good.state(), good.info(athlete="ben"))
    athlete = "\x1b[2J\x1b]0;x\x07[/][@click=app.quit]\u202e" + "漢" * 5_000
    edge.say("rack-1", say.state(), say.info(athlete=athlete), say.rep(3, reason="[/]" * 500, counted=False))
    edge.say(
        "rack-1", say.rep(1, mean_concentric_velocity_mps=1e300, path_deviation_m=-1e300, eccentric_s=1e99)
    )
    for payload in (b"[" * 60_000, b'{"schema":"plumbline/rep/1"}', b"\xff\x00"):
        edge.send("plumbline/1/gym/rack-1/rep", payload)

    async def drive(pilot: Pilot[int]) -> None:
        await poll(pilot, lambda: gym.refused == 4 and "rack-1" in screen_text(gym))
        await poll(pilot, lambda: "4 messages unusable" in screen_text(gym))
        lines = screen_text(gym).splitlines()
        assert all(ord(char) >= 32 and not 127 <= ord(char) < 160 for line in lines for char in line)
        head = next(line for line in lines if "rack-2" in line)
        assert re.search(r"rack-2  ben +(starting|no data yet) *$", head), head
        await pilot.press("enter")
        await poll(pilot, lambda: isinstance(gym.screen, StationScreen))
        await poll(pilot, lambda: "not counted: [/][/]" in screen_text(gym))

    run(gym, (80, 24), drive)


def test_the_tile_is_stale_while_the_broker_is_gone_and_live_after(
    gym: PlumblineApp, broker: Any, edge: Any, words: Any
) -> None:
    say = words()
    edge.say("rack-1", say.state(), say.info(), say.live(1.0))

    async def drive(pilot: Pilot[int]) -> None:
        await poll(pilot, lambda: "rack-1" in screen_text(gym) and "broker:" not in screen_text(gym))
        broker.kill()
        await poll(pilot, lambda: "broker: " in screen_text(gym) and "stale" in screen_text(gym))
        broker.start()
        await poll(pilot, lambda: gym.client.connection.up)
        await poll(pilot, lambda: edge.connected)
        await poll(pilot, live_again)

    session_s = itertools.count(9)

    def live_again() -> bool:
        # live values may be dropped, and the first ones are where a subscription is not yet back
        edge.say("rack-1", say.live(float(next(session_s))))
        return "live" in screen_text(gym) and "stale" not in screen_text(gym)

    run(gym, (80, 24), drive)


def test_a_floor_that_comes_before_its_screen_stands_waits_for_it(
    still: Any, words: Any, monkeypatch: pytest.MonkeyPatch, looks: Any
) -> None:
    say = words()
    still.put("rack-1", say.state(), say.info(), say.live(1.0))
    app = make(still)

    async def drive(pilot: Pilot[int]) -> None:
        await poll(pilot, lambda: "rack-1" in screen_text(app))
        with monkeypatch.context() as early:
            early.setattr(PlumblineApp, "screen_stack", [FloorScreen()])  # in front, and not composed
            app.on_floor_changed(FloorChanged(app.floor))
        await looks.settle(pilot)
        assert "rack-1" in screen_text(app)

    run(app, (80, 24), drive)


@pytest.mark.parametrize("count", [1, 9, 60])
def test_many_stations_are_tiles_that_scroll_and_keys_reach_the_last(
    still: Any, words: Any, count: int, looks: Any
) -> None:
    for n in range(count):
        say = words(f"s{n}")
        still.put(f"rack-{n:02d}", say.state(), say.info(), say.live(1.0))
    app = make(still)

    async def drive(pilot: Pilot[int]) -> None:
        await looks.settle(pilot)
        assert "rack-00" in screen_text(app)
        await pilot.press(*["down"] * 5, "end")
        await poll(pilot, lambda: f"rack-{count - 1:02d}" in screen_text(app))

    run(app, (80, 24), drive)


def test_every_state_has_a_glyph_of_its_own_not_only_a_colour() -> None:
    glyphs = [glyph for glyph, _ in LOOK.values()]
    assert len(set(glyphs)) == len(LOOK) == len(Attention)


def test_no_color_leaves_greys_and_every_word(
    still: Any, words: Any, monkeypatch: pytest.MonkeyPatch, looks: Any
) -> None:
    def shown() -> tuple[str, set[tuple[int, int, int]]]:
        app = make(still)
        found: list[tuple[str, set[tuple[int, int, int]]]] = []

        async def drive(pilot: Pilot[int]) -> None:
            await looks.settle(pilot)
            rows = app.screen._compositor.render_strips()
            styles = [segment.style for strip in rows for segment in strip if segment.style]
            colours = {
                tuple(colour.get_truecolor())
                for style in styles
                for colour in (style.color, style.bgcolor)
                if colour is not None
            }
            found.append((screen_text(app), colours))

        run(app, (80, 24), drive)
        return found[0]

    fill(still, words)
    coloured, colours = shown()
    assert any(len(set(colour)) > 1 for colour in colours)
    monkeypatch.setenv("NO_COLOR", "1")
    fill(still, words)
    plain, greys = shown()
    assert plain == coloured
    assert all(max(colour) - min(colour) <= 1 for colour in greys)
