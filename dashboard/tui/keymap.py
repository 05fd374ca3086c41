"""The coach's keys by task: what each does, which key it is now, and another in its place.

A binding's id is its own word, such as `tare`; the file of preferences names keys by it. Keys that move
about, select, or leave stay as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from textual.binding import Binding, BindingType

Keys = Mapping[str, str]  # by id

TASKS: Mapping[str, tuple[str, ...]] = {
    "Begin a set": ("athlete", "exercise", "load", "plan", "group", "next"),
    "During a set": ("end", "restart", "go on", "seen", "mute"),
    "Put right": ("count", "false", "half", "failed", "missed", "whose", "set's load", "undo"),
    "Sensors": ("tare", "zero"),
    "Look": ("find", "sort", "gym", "large", "health", "history", "kg/lb", "colours"),
    "The record": ("sign", "measure", "compare", "filter", "board", "days", "page", "export", "read"),
    "Everything": ("help", "quit"),
}


def named(bindings: Iterable[BindingType]) -> list[BindingType]:
    """The bindings, those that do something for a coach with an id."""
    return [
        replace(one, id=one.description.lower()) if isinstance(one, Binding) and one.tooltip else one
        for one in bindings
    ]


def by_id(bindings: Iterable[BindingType]) -> dict[str, Binding]:
    """Those that have an id, by it."""
    return {one.id: one for one in bindings if isinstance(one, Binding) and one.id}


def taken_by(key: str, task: str, screens: Sequence[Mapping[str, Binding]], keys: Keys) -> str | None:
    """Whose key it is already on a screen that has the task; None: it is free. `screens`: each by id."""
    for screen in screens:
        for other, binding in screen.items() if task in screen else ():
            if other != task and key in keys.get(other, binding.key).split(","):
                return binding.description
    return None
