"""The athletes' names as displayed. Wire and events carry only the id."""

from collections.abc import Mapping

from dashboard.plaintext import cells, cut

Names = Mapping[str, str]  # by athlete's id


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
