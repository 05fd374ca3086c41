"""Once, after a while; and notices that go away after theirs.

Textual's own timers do not serve where a delay is worked out. One that has passed by the time it is set never
gives way again, and the app stands still for ever; one that is short and begun late is passed over.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from textual.app import App
from textual.message_pump import MessagePump
from textual.notifications import Notification, Notify, SeverityLevel

# What a notice has left is the delay of a timer of Textual's: longer than any machine is held up.
_LEAST_NOTICE_S = 0.5


def after(pump: MessagePump, delay_s: float, act: Callable[[], object]) -> asyncio.TimerHandle:
    """Have a screen or widget do something once, after a while, at once where that has passed."""
    return asyncio.get_running_loop().call_later(max(delay_s, 0.0), pump.call_later, act)


@dataclass
class Notice(Notification):
    """One that is over before it has nothing left, by a clock that nobody sets."""

    began_s: float = field(default_factory=monotonic)

    @property
    def time_left(self) -> float:
        """Seconds until it goes, never none: how long a toast is to stand."""
        return max(self._left_s, _LEAST_NOTICE_S)

    @property
    def has_expired(self) -> bool:
        """Whether it is not worth while to put it up any more."""
        return self._left_s <= _LEAST_NOTICE_S

    @property
    def _left_s(self) -> float:
        return self.began_s + self.timeout - monotonic()


class NoticeApp(App[int]):
    """An app that is not held up by what it says in passing."""

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something for some seconds; see App."""
        given_s = self.NOTIFICATION_TIMEOUT if timeout is None else timeout
        self.post_message(Notify(Notice(message, title, severity, given_s, markup)))
