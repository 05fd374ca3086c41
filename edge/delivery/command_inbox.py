"""Rate-limits the commands that arrive for one station.

An acknowledgement behind ten thousand commands waits for seconds, or is dropped. So a station that is flooded
stops listening to commands for a while. The key of a coach would not be heard among them either; health
counts what is refused, and says so.
"""

from collections import deque
from collections.abc import Callable

from station.errors import MessageError
from station.messages import CommandMessage, decode
from station.program.flood import Flood

MAX_COMMANDS = 64  # waiting; more than a person can give
MAX_COMMAND_BYTES = 4096  # the longest that a screen sends has some 600
COMMANDS_PER_S = 10.0  # on average; what comes faster is no person
MANY = 200  # refused in a row


class CommandInbox:
    """Rate-limits the commands that arrive for one station: no more than a person gives.

    They come on the publishing thread and are taken by the thread that obeys.

    Parameters
    ----------
    clock : seconds, monotonic
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.refused = 0  # malformed, too long or too many
        self.problem: str | None = None
        self._clock = clock
        self._waiting: deque[CommandMessage] = deque()
        self._allowance = float(MAX_COMMANDS)
        self._allowance_at = clock()
        self._in_a_row = 0
        self._flood = Flood()

    def arrived(self, payload: bytes) -> None:
        """Check, put aside for the other threads, nothing more."""
        now_s = self._clock()
        earned = (now_s - self._allowance_at) * COMMANDS_PER_S
        self._allowance, self._allowance_at = min(MAX_COMMANDS, self._allowance + earned), now_s
        full = self._allowance < 1.0 or len(self._waiting) >= MAX_COMMANDS
        try:
            message = None if full or len(payload) > MAX_COMMAND_BYTES else decode("command", payload)
        except MessageError:
            message = None
        if isinstance(message, CommandMessage):
            self._waiting.append(message)
            self._allowance -= 1.0
            self._in_a_row = 0
        else:
            self.refused += 1
            self._in_a_row += 1

    def take(self) -> list[CommandMessage]:
        """What has come since the last call, oldest first."""
        found: list[CommandMessage] = []
        while self._waiting:  # asked with every read, and mostly there is none
            found.append(self._waiting.popleft())
        return found

    def listens(self, now_s: float) -> bool:
        """Whether commands are to be listened to now."""
        if self._in_a_row >= MANY:
            self._in_a_row = 0
            self._flood.noticed(now_s)
        left = self._flood.is_left(now_s)
        self.problem = f"a flood of commands, {self._flood}; see who sends them" if left else None
        return not left
