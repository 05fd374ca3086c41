"""One set of the book: its reps, and the events that tell what has changed of it."""

import mmap
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from edge.counting.dispute import Verdict
from edge.counting.judging import Entry, judge
from station.exercises import Profile
from station.records import Rejected, Rep, RepEvent, RepState, SetEvent, sentence
from station.sets import summarise, with_load

SetEvents = list[RepEvent | SetEvent | Rejected]


class Section(msgspec.Struct, eq=False):
    """A stretch of the session by one athlete at one exercise, up to the next command that changes them."""

    number: int
    from_s: float
    profile: Profile
    athlete: str | None
    full_range_m: float | None = None  # of the athlete; without it the set's median is taken for it


# What every packed rep has in it.
_KEYS = b"".join(map(msgspec.msgpack.encode, (*RepEvent.__struct_fields__, *Rep.__struct_fields__)))
_Held = tuple[RepEvent, float, tuple[float, float] | None]


class SetView(NamedTuple):
    """The current state of a set, for subscribers that join."""

    event_id: str
    number: int
    over: bool
    exercise: str
    athlete: str | None
    load_kg: float | None
    reps: list[RepEvent]


class TrackedSet(msgspec.Struct, eq=False):
    """A set with its reps by start, and what was last published of it."""

    number: int
    section: Section
    athlete: str | None
    full_range_m: float | None
    begun_s: float
    ids: int = 0
    over: bool = False
    void_by: str | None = None  # who has restarted it
    continued_s: float = float("-inf")  # when somebody said last that it goes on
    said: SetEvent | None = None
    _entries: list[Entry] = msgspec.field(default_factory=list)
    _packed: memoryview | bytes = b""

    @property
    def entries(self) -> list[Entry]:
        """Its reps by start."""
        if self._packed:
            held, self._packed = zlib.decompressobj(zdict=_KEYS).decompress(self._packed), b""
            for entry, (said, size, ends_sigma_s) in zip(
                self._entries, msgspec.msgpack.decode(held, type=list[_Held]), strict=True
            ):
                # What it was judged to be replaces nothing that it is judged by.
                entry.said, entry.rep, entry.measured = said, said.rep, said.rep
                entry.size, entry.ends_sigma_s = size, ends_sigma_s
        return self._entries

    @entries.setter
    def entries(self, entries: list[Entry]) -> None:
        self._entries, self._packed = entries, b""

    def find(self, event_id: str | None) -> Entry | None:
        """A rep of this set, or the newest; it may be packed."""
        return next((one for one in reversed(self._entries) if event_id in (None, one.event_id)), None)

    @property
    def event_id(self) -> str:
        """The set's id within its session."""
        return f"s{self.number}"

    @property
    def end_s(self) -> float:
        """The end of its last movement that was not rejected."""
        return max(
            (entry.measured.end_s for entry in self.entries if entry.state != "rejected"),
            default=self.begun_s,
        )

    @property
    def gap_from_s(self) -> float:
        """From when on its gap passes."""
        return max(self.end_s, self.continued_s)

    @property
    def reps(self) -> list[Rep]:
        """The reps that are not rejected, as judged last."""
        return [one.rep for one in self.entries if one.standing != "rejected" and one.rep is not None]

    @property
    def load_kg(self) -> float | None:
        """The load of the whole set; None where it was not one load."""
        loads = {entry.load_kg for entry in self.entries if entry.standing != "rejected"}
        return loads.pop() if len(loads) == 1 else None

    def enter(self, rep: Rep, size: float, state: RepState, load_kg: float | None) -> Entry:
        """Append a rep under a new id."""
        self.ids += 1
        entry = Entry(f"{self.event_id}-r{self.ids}", rep, size, state, load_kg)
        self.entries.append(entry)
        return entry

    def add(self, at_s: float, by: str, load_kg: float | None) -> Entry:
        """Append a rep that only a person has seen."""
        fields = dict.fromkeys(Rep.__struct_fields__) | {"start_s": at_s, "end_s": at_s}
        rep = msgspec.convert(fields | {"number": 1, "counted": True}, Rep)
        entry = self.enter(rep, float("nan"), "confirmed", load_kg)
        entry.mark, entry.by = "counted", by
        return entry

    def load(self, load_kg: float | None, *, weighs: bool) -> Callable[[], None]:
        """Set the load of every rep; `weighs`: their forces were computed from it. Returns what undoes it."""
        before = [(entry, entry.load_kg, entry.measured) for entry in self.entries]
        for entry in self.entries:
            if weighs:
                entry.measured = with_load(entry.measured, entry.load_kg, load_kg)
            entry.load_kg = load_kg

        def undo() -> None:
            _ = self.entries  # unpacked: what is put into a packed one would be lost
            for entry, old_kg, measured in before:
                entry.load_kg, entry.measured = old_kg, measured

        return undo

    def end(self) -> None:
        """Confirm what is pending; nothing follows."""
        for entry in self.entries:
            if entry.state == "pending":
                entry.state = "confirmed"
        self.over = True

    def judge(self, known_s: float) -> SetEvents:
        """Judge every rep again; return the events for what has changed."""
        judge(self.entries, self.section.profile, self.full_range_m, over=self.over, void_by=self.void_by)
        events: SetEvents = []
        for entry in self.entries:
            events += self._changes(entry, known_s)
        if self.over and (self.said is not None or self.reps):
            summary = self.summary_event(known_s)
            if self.said is None or _content(summary) != _content(self.said):
                self.said = summary
                events.append(summary)
        return events

    def summary_event(self, known_s: float) -> SetEvent:
        """The set's summary as its next revision."""
        return SetEvent(
            event_id=self.event_id,
            revision=self.said.revision + 1 if self.said else 1,
            exercise=self.section.profile.name,
            athlete=self.athlete,
            load_kg=self.load_kg,
            known_s=known_s,
            summary=summarise(self.number, self.reps, self.begun_s),
        )

    def unfinished(self, known_s: float) -> tuple[list[RepEvent], SetEvent]:
        """The events of ending it now: pending reps as confirmed, and the summary."""
        said = [one.said for one in self.entries if one.said is not None and one.said.state == "pending"]
        confirmed = [
            msgspec.structs.replace(event, state="confirmed", revision=event.revision + 1, known_s=known_s)
            for event in said
        ]
        return confirmed, self.summary_event(known_s)

    def view(self) -> SetView:
        """The set as it stands; its reps by start, those marked false among them."""
        reps = [entry.said for entry in self.entries if entry.said is not None]
        exercise = self.section.profile.name
        return SetView(self.event_id, self.number, self.over, exercise, self.athlete, self.load_kg, reps)

    def verdicts(self) -> list[Verdict]:
        """The reps by start, and people's judgements; the reason's sentence, which may name one, left out."""
        return [
            Verdict(
                event_id=entry.said.event_id,
                set_event_id=self.event_id,
                state=entry.said.state,
                measured_state=entry.state,
                rep=msgspec.structs.replace(entry.said.rep, reason=None),
                mark=entry.mark,
                added=entry.size != entry.size,
            )
            for entry in self.entries
            if entry.said is not None
        ]

    def _changes(self, entry: Entry, known_s: float) -> SetEvents:
        assert entry.rep is not None
        said = entry.said
        event = RepEvent(
            event_id=entry.event_id,
            revision=said.revision if said else 1,
            state=entry.standing,
            exercise=self.section.profile.name,
            set_number=self.number,
            set_event_id=self.event_id,
            athlete=self.athlete,
            load_kg=entry.load_kg,
            known_s=said.known_s if said else known_s,
            rep=entry.rep,
        )
        if event == said:
            return []
        if said is not None:
            event = msgspec.structs.replace(event, revision=said.revision + 1, known_s=known_s)
        entry.said = event
        if entry.state != "rejected" or (said is not None and said.state == "rejected"):
            return [event]
        code = entry.reason_code
        words = sentence(code, load=self.section.profile.load) if code is not None else "no rep"
        return [event, Rejected(entry.rep.start_s, entry.rep.end_s, words, code)]

    def _pack(self) -> memoryview | bytes:
        """Let go of the reps but for their ids and states; what they are restored from."""
        if not self._packed and self._entries:
            packer = zlib.compressobj(4, zdict=_KEYS)
            held = [(one.said, one.size, one.ends_sigma_s) for one in self._entries]
            self._packed = packer.compress(msgspec.msgpack.encode(held)) + packer.flush()
            for entry in self._entries:
                del entry.said, entry.rep, entry.measured, entry.size, entry.ends_sigma_s
        return self._packed


def pack(sets: Sequence[TrackedSet]) -> None:
    """Keep the reps of sets small until somebody asks for them: a seventh of the memory, and in one piece.

    In pages of its own: what stays for an hour among what lives for moments leaves the heap full of holes.
    """
    parts = [a_set._pack() for a_set in sets]
    if not any(parts):
        return
    pages = mmap.mmap(-1, sum(map(len, parts)), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    whole, stop = memoryview(pages), 0
    for part in parts:
        pages.write(part)
    for a_set, part in zip(sets, parts, strict=True):
        start, stop = stop, stop + len(part)
        a_set._packed = whole[start:stop]


def _content(event: SetEvent) -> SetEvent:
    return msgspec.structs.replace(event, revision=1, known_s=0.0)
