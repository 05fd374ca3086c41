"""What a coach says about single reps, laid over what the pipeline says.

The pipeline may revise a rep after it was marked (pending, then confirmed). So the node numbers the revisions
itself, one more each time it sends a rep, and lays the mark over every later revision until it is undone.
"""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from station.errors import MessageError
from station.messages import Mark, RepMessage, now_utc
from station.records import Rep

REPS_KEPT = 256  # marks concern the set just done, or the one before


@dataclass
class _Kept:
    measured: RepMessage  # as the pipeline said it last
    revision: int = 0
    mark: Mark | None = None
    by: str = ""


class Before(NamedTuple):
    """A rep's mark before it got another."""

    event_id: str
    mark: Mark | None
    by: str


class Marks:
    """The session's newest reps with their marks. Bounded memory; no I/O."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def revise(self, measured: RepMessage) -> RepMessage:
        """What to send for a rep that the pipeline has made or revised."""
        kept = self._kept.setdefault(measured.event_id, _Kept(measured))
        kept.measured = measured
        if len(self._kept) > REPS_KEPT:
            del self._kept[next(iter(self._kept))]
        return _sent(kept)

    def mark(self, event_id: str | None, mark: Mark, by: str) -> tuple[RepMessage, "Before"]:
        """Mark a rep, the newest where none is named; what to send, and what `restore` needs to undo it.

        Raises MessageError when there is no such rep.
        """
        event_id = event_id if event_id is not None else next(reversed(self._kept), None)
        kept = self._kept.get(event_id or "")
        if event_id is None or kept is None:
            raise MessageError("there is no such rep in this session")
        before = Before(event_id, kept.mark, kept.by)
        kept.mark, kept.by = mark, by
        return _sent(kept), before

    def restore(self, before: "Before") -> RepMessage:
        """Take a mark back. Raises MessageError for a rep that is too long ago."""
        kept = self._kept.get(before.event_id)
        if kept is None:
            raise MessageError("that rep is too long ago")
        kept.mark, kept.by = before.mark, before.by
        return _sent(kept)

    def of_set(self, set_number: int) -> list[str]:
        """The event ids of a set's reps that stand, in the order they came."""
        return [
            event_id
            for event_id, kept in self._kept.items()
            if kept.measured.set_number == set_number and _marked(kept).state != "rejected"
        ]

    def reps(self, set_number: int) -> list[Rep]:
        """The reps of a set as they stand now, the rejected ones left out."""
        of_set = [kept for kept in self._kept.values() if kept.measured.set_number == set_number]
        now = [message for message in map(_marked, of_set) if message.state != "rejected"]
        return sorted((message.rep for message in now), key=lambda rep: rep.start_s)


def _marked(kept: _Kept) -> RepMessage:
    """What was measured, its mark laid over it."""
    if kept.mark is None:
        return kept.measured
    return msgspec.structs.replace(
        kept.measured,
        state="rejected" if kept.mark == "false" else kept.measured.state,
        rep=msgspec.structs.replace(
            kept.measured.rep, counted=False, reason=f"{kept.mark}, marked by {kept.by}"
        ),
    )


def _sent(kept: _Kept) -> RepMessage:
    """The next revision of a rep."""
    kept.revision = max(kept.revision + 1, kept.measured.revision)
    return msgspec.structs.replace(_marked(kept), revision=kept.revision, at_utc=now_utc())
