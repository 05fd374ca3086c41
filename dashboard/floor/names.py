"""The athletes' names as displayed. Wire and events carry only the id."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from dashboard.plaintext import cells, clean, cut

Names = Mapping[str, str]  # by athlete's id


class Person(Protocol):
    """Anything with an athlete's id and name."""

    @property
    def id(self) -> str:
        """The pseudonymous id used on the wire."""

    @property
    def name(self) -> str:
        """The name shown on screens."""


def names_of(people: Sequence[Person]) -> Names:
    """Names by id; the id is appended where several share a name."""
    called = Counter(one.name for one in people)
    return {one.id: clean(one.name if called[one.name] == 1 else f"{one.name} {one.id}") for one in people}


def name_of(athlete: str | None, names: Names) -> str | None:
    """The athlete's name, or the id where no name is known."""
    return None if athlete is None else names.get(athlete) or athlete


def shortened(name: str, room: int) -> str:
    """`name` in at most so many cells: whole, as "Ana O.", as initials, else cut.

    >>> [shortened("Ana Maria Okoro", room) for room in (15, 12, 6, 3, 2)]
    ['Ana Maria Okoro', 'Ana O.', 'Ana O.', 'AMO', 'A…']
    """
    if cells(name) <= room:
        return name
    words = name.split()
    first_and_initial = f"{words[0]} {words[-1][0]}." if len(words) > 1 else name
    initials = "".join(word[0] for word in words) if len(words) > 1 else name
    return next((one for one in (first_and_initial, initials) if cells(one) <= room), cut(name, room))
