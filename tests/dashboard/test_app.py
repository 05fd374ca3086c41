"""The screens, driven by keys."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dashboard.app import PlumblineApp
from dashboard.screens.floor import FloorScreen
from station.exercises import all_profiles

EXPECTED = Path(__file__).parent / "expected"
SIZES = [(80, 24), (120, 40)]


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
    still.put("rack-1", rack.state(), rack.info(athlete="ana", load_kg=60.0, target_reps=8))
    for n in range(1, 6):
        given = {"state": "pending", "top_pause_s": None} if n == 5 else {}
        speed = 0.56 - 0.012 * n
        loss = 100.0 * (1.0 - speed / 0.548)
        still.put("rack-1", rack.rep(n, mean_concentric_velocity_mps=speed, velocity_loss_pct=loss, **given))
    for step in range(140):
        down = abs(step % 40 - 20) / 20.0
        phase = "eccentric" if step % 40 < 20 else "concentric"
        x_m = 0.02 * (1.0 - down)
        still.put("rack-1", rack.live(0.1 * step, 0.4 + 0.47 * down, velocity_mps=0.3, x_m=x_m, phase=phase))
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
    still.put("cable-1", partial, cable.set(1), cable.live(82.0))
    last = words("d4")
    still.put("cable-2", last.state(), last.info("cable-row"), last.live(1.0))
    still.put("cable-2", last.health(2.0, link_up=False, problem="/dev/ttyACM0 is gone; plug it in"))


def make(client: Any) -> PlumblineApp:
    """The app, its clock the client's."""
    return PlumblineApp(client, all_profiles(), clock=lambda: client.now_s)


async def settle(pilot: Pilot[int]) -> None:
    """Take in what has arrived and draw it."""
    app = pilot.app
    assert isinstance(app, PlumblineApp)
    for _ in range(3):
        app.flush()
        app._flushes = 0
        await pilot.pause()


def run(app: PlumblineApp, size: tuple[int, int], drive: Callable[[Pilot[int]], Any]) -> None:
    """Drive the app headless."""

    async def driven() -> None:
        async with app.run_test(size=size) as pilot:
            await drive(pilot)

    asyncio.run(driven())


@pytest.mark.parametrize("size", SIZES)
def test_the_floor_and_a_station_look_as_reviewed(still: Any, words: Any, size: tuple[int, int]) -> None:
    fill(still, words)
    app = make(still)

    async def drive(pilot: Pilot[int]) -> None:
        await settle(pilot)
        check(f"floor-{size[0]}x{size[1]}", screen_text(app))
        await pilot.press("s")
        await settle(pilot)
        check(f"floor-by-attention-{size[0]}x{size[1]}", screen_text(app))
        await pilot.press("s")
        await settle(pilot)
        await pilot.press("right", "down", "left", "enter")
        await settle(pilot)
        check(f"station-{size[0]}x{size[1]}", screen_text(app))
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, FloorScreen)

    run(app, size, drive)
