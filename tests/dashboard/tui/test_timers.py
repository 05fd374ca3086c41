"""Once, after a while: no delay holds a screen up, and no key waits for one that never comes to an end."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest
from textual import events, notifications
from textual.app import ComposeResult
from textual.widgets import Input
from textual.widgets._toast import Toast

import dashboard
from dashboard.tui import keys_in_turn, timers
from dashboard.tui.keys_in_turn import KeysInTurnApp
from dashboard.tui.timers import Notice, after


class Line(KeysInTurnApp):
    """One line to type into."""

    sent = 0

    def compose(self) -> ComposeResult:
        yield Input()

    def on_input_submitted(self) -> None:
        self.sent += 1


def run(drive: Callable[..., Any]) -> None:
    async def shown() -> None:
        app = Line()
        async with app.run_test(notifications=True) as pilot:
            await drive(app, pilot)

    asyncio.run(shown())


@pytest.mark.parametrize("left_s", [0.501, 1.0, 5.0])
@pytest.mark.parametrize("held_up_s", [0.0, 0.5, 60.0])
def test_a_notice_that_is_worth_putting_up_has_something_left_when_it_is(
    monkeypatch: pytest.MonkeyPatch, left_s: float, held_up_s: float
) -> None:
    notice = Notice("load 60 kg", began_s=100.0, timeout=5.0)
    monkeypatch.setattr(timers, "monotonic", lambda: 105.0 - left_s)
    assert not notice.has_expired
    monkeypatch.setattr(timers, "monotonic", lambda: 105.0 - left_s + held_up_s)
    assert notice.time_left > 0.0


def test_a_notice_put_up_late_holds_no_screen_up(monkeypatch: pytest.MonkeyPatch) -> None:
    put_up, given_s = Toast.__init__, []

    def late(self: Toast, notification: Any) -> None:
        passed_s = timers.monotonic() + 60.0  # the machine was busy with something else
        monkeypatch.setattr(timers, "monotonic", lambda: passed_s)
        monkeypatch.setattr(notifications, "time", lambda: time() + 60.0)
        put_up(self, notification)
        given_s.append(self._timeout)

    monkeypatch.setattr(Toast, "__init__", late)

    async def drive(app: Line, pilot: Any) -> None:
        app.notify("load 60 kg")
        while not app.query(Toast):
            await pilot.pause()
        await pilot.press("a")
        assert app.query_one(Input).value == "a"
        assert given_s[0] > 0.0  # with none left the screen stands until the test is given up

    run(drive)


def test_what_is_said_in_passing_goes_by_a_clock_that_nobody_sets() -> None:
    async def drive(app: Line, pilot: Any) -> None:
        app.notify("load 60 kg", timeout=30.0)
        while not app.query(Toast):
            await pilot.pause()
        notice = app.query_one(Toast)._notification
        notice.raised_at = 0.0  # the computer's clock has been set
        assert not notice.has_expired

    run(drive)


@pytest.mark.parametrize("delay_s", [-60.0, -0.009, 0.0, 1e-9])
def test_a_delay_that_has_passed_is_none(delay_s: float) -> None:
    async def drive(app: Line, pilot: Any) -> None:
        done = asyncio.Event()
        after(app, delay_s, done.set)
        await done.wait()

    run(drive)


def test_a_key_that_never_comes_to_an_end_makes_no_screen_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_in_turn, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(KeysInTurnApp, "_follow", lambda *_: None)  # what was to tell its end is lost

    async def drive(app: Line, pilot: Any) -> None:
        await pilot.press("a", "b")
        while app.query_one(Input).value != "ab":
            await pilot.pause()

    run(drive)


def test_who_looks_away_right_after_enter_has_pressed_it() -> None:
    """Textual asks what Enter does when the key has come back from the line: by then the focus is gone."""

    async def drive(app: Line, pilot: Any) -> None:
        for count in range(1, 11):
            app.post_message(events.Key("enter", "\r"))
            app.post_message(events.AppBlur())
            await pilot.press("a")
            while len(app.query_one(Input).value) < count:
                await pilot.pause()
        assert app.sent == 10

    run(drive)


def test_no_screen_waits_by_a_timer_that_may_never_come_back() -> None:
    package = Path(dashboard.__file__).parent
    assert [one.name for one in package.rglob("*.py") if "set_timer(" in one.read_text("utf-8")] == []
