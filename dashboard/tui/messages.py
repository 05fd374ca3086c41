"""What the app tells its screens."""

from dataclasses import dataclass

from textual.message import Message

from dashboard.floor.state import FloorState


class Urgent(Message):
    """Something has come that a person waits for: it is shown before the next tenth of a second."""


@dataclass
class FloorChanged(Message):
    """The new floor, whole. One message for all stations, so that a newer one replaces one still waiting."""

    floor: FloorState

    def can_replace(self, message: Message) -> bool:
        """Whether this may stand in for a message still in the queue."""
        return isinstance(message, FloorChanged)
