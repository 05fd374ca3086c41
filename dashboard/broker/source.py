"""What screens show and ask: the broker of a gym, or the floors of several through a chain."""

from typing import Protocol

from dashboard.broker.client import ConnectionState, PendingCommand
from dashboard.broker.inbox import Inbox
from station.messages import BadgeMessage, CommandMessage, ReplyMessage


class FloorSource(Protocol):
    """Where the stations' messages come from and commands go to; see `dashboard.broker.client.Client`."""

    inbox: Inbox
    connection: ConnectionState
    flooded: list[str]
    watched: tuple[str, str] | None  # site and id of the station whose screen is open

    @property
    def brings_live(self) -> bool:
        """Whether every station's live values come by themselves; else those of the one `watched` do."""

    @property
    def unsent(self) -> str:
        """Why `send` has sent nothing, in words."""

    @property
    def heard_until_s(self) -> float:
        """Until when everything that came is in the inbox."""

    def start(self) -> None:
        """Begin to connect."""

    def stop(self) -> None:
        """End the connection."""

    def send(
        self,
        site: str,
        station: str,
        request: CommandMessage | BadgeMessage,
        tracked: bool = True,
        leaf: str = "command",
    ) -> bool:
        """Ask a station or the record; False where that cannot be."""

    def answered(self, reply: ReplyMessage) -> PendingCommand | None:
        """The command of ours this reply answers."""

    def unanswered(self) -> list[PendingCommand]:
        """Commands whose time is up."""
