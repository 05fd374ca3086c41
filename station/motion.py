"""A rep's curve together with its phases: what is drawn of it."""

from typing import NamedTuple

from station.curve import Curve
from station.records import Phase, Rep


class Span(NamedTuple):
    """A phase of a rep, `[start_s, end_s)` of the session."""

    phase: Phase
    start_s: float
    end_s: float


class Motion(NamedTuple):
    """What a rep looked like."""

    curve: Curve
    spans: tuple[Span, ...]
    on_tension: bool  # the curve's place is a tension, in 100 N

    @property
    def lift_s(self) -> float:
        """Where the concentric begins: reps are laid over each other there."""
        starts_s = [span.start_s for span in self.spans if span.phase == "concentric"]
        return starts_s[0] if starts_s else self.curve.start_s

    def phase_at(self, session_s: float) -> Phase | None:
        """The phase at a time; None before the rep and behind it."""
        return next((one.phase for one in self.spans if one.start_s <= session_s < one.end_s), None)


def motion_of(rep: Rep) -> Motion | None:
    """None for a rep that came without a curve."""
    return None if rep.curve is None else Motion(rep.curve, spans_of(rep), rep.rom_m is None)


def spans_of(rep: Rep) -> tuple[Span, ...]:
    """The phases of a rep within it, in the order they were done; those that were seen whole."""
    concentric = (rep.concentric_start_s, rep.concentric_end_s)
    if rep.start_s == rep.concentric_start_s and rep.concentric_end_s is not None:
        lowered_s = rep.concentric_end_s + (rep.top_pause_s or 0.0)
        pause = (rep.concentric_end_s, lowered_s if rep.top_pause_s else None)
        found: list[tuple[Phase, tuple[float | None, float | None]]] = [
            ("concentric", concentric),
            ("top", pause),
            ("eccentric", (lowered_s, rep.eccentric_end_s)),
        ]
    else:
        found = [
            ("eccentric", (rep.start_s, rep.eccentric_end_s)),
            ("bottom", (rep.eccentric_end_s, rep.concentric_start_s)),
            ("concentric", concentric),
        ]
    return tuple(
        Span(phase, start_s, end_s)
        for phase, (start_s, end_s) in found
        if start_s is not None and end_s is not None and end_s > start_s
    )
