"""What a coach says about single reps, laid over what the pipeline says.

The pipeline may revise a rep after it was marked (pending, then confirmed). So the node numbers the revisions
itself, one more each time it sends a rep, and lays the mark over every later revision until it is undone.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from station.errors import MessageError
from station.messages import RepMessage, now_utc

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


def _sent(kept: _Kept) -> RepMessage:
    """The next revision of a rep, its mark laid over what was measured."""
    kept.revision = max(kept.revision + 1, kept.measured.revision)
    message = msgspec.structs.replace(kept.measured, revision=kept.revision, at_utc=now_utc())
    if kept.mark is None:
        return message
    reason = f"{kept.mark}, marked by {kept.by}"
    return msgspec.structs.replace(
        message,
        state="rejected" if kept.mark == "false" else message.state,
        rep=msgspec.structs.replace(message.rep, counted=False, reason=reason),
    )
