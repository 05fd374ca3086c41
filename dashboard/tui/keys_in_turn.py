"""Keys in turn: each is given when what the one before it set off is done, to the screen that is there then.

Textual gives a key to whatever has the focus when it is read. Where that comes before a dialog is open (on a
busy machine, from a paste or a badge reader), letters for its line would be keys of the screen behind it.
"""

from asyncio import TimerHandle
from collections import deque

from textual import events
from textual.message_pump import MessagePump
from textual.screen import ModalScreen

from dashboard.tui.timers import NoticeApp, after

# A key sets off three steps: the key itself, what the focused widget says of it (a line that Enter has sent),
# and what a dialog gives to the screen that asked.
_STEPS = 3
_PATIENCE_S = 5.0  # with a key that does not come to an end: no screen may become deaf
_POLL_S = 0.02
_MOST_POLLS = 100  # then a key is given to a screen that still reads
_NEVER_WAIT = ("escape", "ctrl+c")
_IN_TURN = (events.Key, events.Paste, events.AppFocus, events.AppBlur)


class KeysInTurnApp(NoticeApp):
    """An app in which no key overtakes a screen that is opening or closing."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[events.Event] = deque()
        self._acting = False  # the key before them is not done with
        self._patience: TimerHandle | None = None
        self._polls = 0

    @property
    def screen_reads(self) -> bool:
        """Whether the screen still reads what its keys are about."""
        return False

    async def on_event(self, event: events.Event) -> None:
        """Keys, what is pasted and a look elsewhere, which takes the focus, wait for their turn; see App."""
        if isinstance(event, _IN_TURN) and not event.is_forwarded:
            self._waiting.append(event)
            await self._give_next()
        else:
            await super().on_event(event)

    async def _give_next(self) -> None:
        if self._acting or not self._waiting:
            return
        self._acting = True
        first = self._waiting[0]
        if self.screen_reads and self._polls < _MOST_POLLS and getattr(first, "key", "") not in _NEVER_WAIT:
            self._polls += 1
            after(self, _POLL_S, self._done)
            return
        self._polls = 0
        if not isinstance(first, events.AppBlur):
            self.app_focus = True  # whoever types is here; without it a dialog's first line has no focus
            screen = self.screen
            if screen.focused is None and isinstance(screen, ModalScreen):
                screen.focus_next()
        self._patience = after(self, _PATIENCE_S, self._done)
        await super().on_event(self._waiting.popleft())
        self._follow(_STEPS)

    def _follow(self, steps: int) -> None:
        """Go the way of a key, behind it: through the queue of the focused widget and of each around it."""
        self._pass(self.focused or self.screen, steps)

    def _pass(self, pump: MessagePump, steps: int) -> None:
        while pump is not self:
            around = pump._parent or self
            if pump.call_later(self._pass, around, steps):
                return
            pump = around  # that one has gone
        self.call_later(self._passed, steps, self.screen)

    async def _passed(self, steps: int, screen: object) -> None:
        if steps > 1 or screen is not self.screen:
            self._follow(max(steps - 1, 1))
            return
        await self._done()

    async def _done(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._acting = False
        await self._give_next()
