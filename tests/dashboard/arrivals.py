"""A floor that hears its messages one by one."""

from dashboard.floor.state import FloorState, apply_all
from station.messages import AnyMessage
from station.topics import Address


def apply(floor: FloorState, address: Address, message: AnyMessage, received_s: float) -> FloorState:
    """The floor after one more message; the same object if it says nothing about a station.

    `received_s` is when it arrived, on any clock that only goes forward.
    """
    return apply_all(floor, [(address, message, received_s)])
