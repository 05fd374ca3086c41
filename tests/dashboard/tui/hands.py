"""A coach's hands on the keys of the app, and the ear of the edge on the other side."""

from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from dashboard.tui.app import PlumblineApp
from dashboard.tui.dialogs.ask import AskScreen
from dashboard.tui.dialogs.athlete import AthleteScreen
from station.messages import CommandMessage, ReplyMessage, decode, new_id, now_utc


def screen_text(app: PlumblineApp) -> str:
    width, height = app.size
    strips = app.screen._compositor.render_strips()[:height]
    return "\n".join(strip.crop(0, width).text.rstrip() for strip in strips)


class Coach:
    """The app on a real broker, hands on its keys, and the edge's ear on the other side."""

    def __init__(self, app: PlumblineApp, pilot: Pilot[int], edge: Any) -> None:
        self.app, self.pilot, self.edge = app, pilot, edge

    async def poll(self, true: Callable[[], object], timeout_s: float = 5.0) -> None:
        for _ in range(int(timeout_s / 0.02)):
            if true():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"it did not become true in time; on the screen:\n{screen_text(self.app)}")

    async def command(self, *keys: str, text: str = "") -> CommandMessage:
        """Press keys, type into the form that opens, and wait for what the edge hears; answer it."""
        before = len(self.edge.heard)
        await self.pilot.press(*keys)
        if text:
            await self.poll(lambda: isinstance(self.app.screen, AskScreen | AthleteScreen))
            self.app.screen.query(Input).first().value = text
            await self.pilot.press("enter")
        await self.poll(lambda: len(self.edge.heard) > before)
        command = decode("command", self.edge.heard[-1].payload)
        assert isinstance(command, CommandMessage)
        head = {"event_id": new_id(), "at_utc": now_utc(), "in_reply_to": command.event_id}
        self.edge.say("rack-1", ReplyMessage(**head, ok=True, text=f"reply {before}"))
        await self.poll(lambda: f"rack-1: reply {before}" in screen_text(self.app))
        return command
