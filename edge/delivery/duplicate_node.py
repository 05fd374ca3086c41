"""Detects another node that publishes under a station's id, before this node takes the id.

Two nodes with one station id would push each other off the broker, and two lifters' reps would land in one
station. So a node first listens under a name of its own. What the broker has kept of another session may be
of a node that is dead; health that comes while one listens is of a node that lives. Pure: times come in.
"""

from station.messages import AnyMessage, HealthMessage, StateMessage

LEAVES = ("state", "health")  # what is listened to
SETTLE_S = 0.5  # the broker sends what it has kept at once; a machine that is busy reads it later
SUSPECT_S = 2.5  # health comes every second
GONE_S = 20.0  # longer than a broker takes to notice that a node is dead


class DuplicateNode:
    """What has been observed of other nodes with one station's id.

    Parameters
    ----------
    session : our own
    """

    def __init__(self, session: str) -> None:
        self._session = session
        self._since_s: float | None = None  # listening
        self._kept: str | None = None  # another session that the broker has kept as running
        self._lives: str | None = None  # one that was heard
        self._heard_s = 0.0
        self._ended: str | None = None  # one that has said that it ends; its last health may come after that

    def subscribed(self, now_s: float) -> None:
        """The subscription is active; earlier observations are kept."""
        self._since_s = now_s

    def disconnected(self) -> None:
        """The connection is lost."""
        self._since_s = None

    def message_arrived(self, message: AnyMessage, retained: bool, now_s: float) -> None:
        """A `state` or `health` message of the station has arrived."""
        if not isinstance(message, StateMessage | HealthMessage) or message.session == self._session:
            return
        if isinstance(message, HealthMessage) and not retained and message.session != self._ended:
            self._lives, self._heard_s = message.session, now_s
        elif isinstance(message, StateMessage):
            running = message.state in ("starting", "ready")
            self._kept = message.session if running else None
            self._ended = None if running else message.session
            if self._lives == self._ended:
                self._lives = None

    def session(self, now_s: float) -> str | None:
        """The session of the live node with the station's id; None where there is none."""
        return self._lives if self._lives is not None and now_s - self._heard_s < GONE_S else None

    def is_absent(self, now_s: float) -> bool:
        """Whether no other node is alive, so that the id may be taken."""
        if self._since_s is None or self.session(now_s) is not None:
            return False
        return now_s - self._since_s >= (SETTLE_S if self._kept is None else SUSPECT_S)
