"""What a coach says about single reps, laid over what the pipeline says.

The pipeline may revise a rep after it was marked (pending, then confirmed). So the node numbers the revisions
itself, one more each time it sends a rep, and lays the mark over every later revision until it is undone.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from station.errors import MessageError
from station.messages import RepMessage, now_utc
from station.records import Rep

Mark = Literal["false", "partial", "failed"]
REPS_KEPT = 256  # marks concern the set just done, or the one before


@dataclass
class _Kept:
    measured: RepMessage  # as the pipeline said it last
    revision: int = 0
    mark: Mark | None = None
    by: str = ""


class Marks:
    """The session's newest reps with their marks. Bounded memory; no I/O."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._done: list[tuple[str, Mark | None, str]] = []  # what each mark replaced, for undo

    def revise(self, measured: RepMessage) -> RepMessage:
        """What to send for a rep that the pipeline has made or revised."""
        kept = self._kept.setdefault(measured.event_id, _Kept(measured))
        kept.measured = measured
        if len(self._kept) > REPS_KEPT:
            del self._kept[next(iter(self._kept))]
        return _sent(kept)

    def mark(self, event_id: str | None, mark: Mark, by: str) -> RepMessage:
        """Mark a rep, the newest where none is named. Raises MessageError when there is no such rep."""
        event_id = event_id if event_id is not None else next(reversed(self._kept), None)
        kept = self._kept.get(event_id or "")
        if event_id is None or kept is None:
            raise MessageError("there is no such rep in this session")
        self._done = [*self._done[1 - REPS_KEPT :], (event_id, kept.mark, kept.by)]
        kept.mark, kept.by = mark, by
        return _sent(kept)

    def undo(self) -> RepMessage:
        """Take the newest mark back. Raises MessageError when there is none."""
        while self._done:
            event_id, mark, by = self._done.pop()
            kept = self._kept.get(event_id)
            if kept is not None:
                kept.mark, kept.by = mark, by
                return _sent(kept)
        raise MessageError("there is nothing to undo")

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
