"""What screens show and ask: the broker of a gym, or the floors of several through a chain."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

import msgspec

from dashboard.broker.inbox import Inbox
from station.messages import BadgeMessage, CommandMessage, ReplyMessage

LEAVE_S = 3.0


class ConnectionState(msgspec.Struct, frozen=True):
    """Whether the other end is there, in words; `since_s` is when that began."""

    up: bool
    text: str
    since_s: float


class PendingCommand(msgspec.Struct, frozen=True):
    """A command or a badge that nobody has answered yet."""

    request: CommandMessage | BadgeMessage
    station: str
    deadline_s: float
    leaf: str  # badge and correction are the record's to answer

    @property
    def name(self) -> str:
        """What was asked for."""
        return "badge" if isinstance(self.request, BadgeMessage) else self.request.name


class FloorSource(ABC):
    """Where the stations' messages come from and, in their own gym, commands go to.

    A network thread fills `inbox`; whoever shows it is never held up.
    """

    brings_live: bool  # whether every station's live values come by themselves; else those of the `watched`
    unsent: str  # why `send` has sent nothing, in words

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`name` is the thread's."""
        self.inbox = Inbox()
        self.connection = ConnectionState(False, "connecting", clock())
        self.flooded: list[str] = []  # topics that are not listened to for a while
        self.watched: tuple[str, str] | None = None  # site and id of the station whose screen is open
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once, whether the other end is there or not."""
        self._thread.start()

    def stop(self) -> None:
        """End connection and thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(LEAVE_S)

    @property
    def heard_until_s(self) -> float:
        """Until when everything that came is in the inbox."""
        return self._clock()

    def send(
        self,
        site: str,
        station: str,
        request: CommandMessage | BadgeMessage,
        tracked: bool = True,
        leaf: str = "command",
    ) -> bool:
        """Ask a station or the record; False where that cannot be."""
        return False

    def answered(self, reply: ReplyMessage) -> PendingCommand | None:
        """The command of ours this reply answers."""
        return None

    def unanswered(self) -> list[PendingCommand]:
        """Commands whose time is up."""
        return []

    @abstractmethod
    def _run(self) -> None:
        """Fill the inbox until `_stopping`."""
