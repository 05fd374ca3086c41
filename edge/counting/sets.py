"""The book of a session's sets: which rep belongs to which set of which athlete, and each rep's life.

The one memory of sets on the node. Whatever ends a set by a person's word (end of set, next athlete, another
exercise, a restart) draws a line in session time, and a rep belongs to the side it *began* on: one that was
pending, or under way, when the line was drawn is a rep of the set before, however late the kernel says more
of it. Within two lines a pause longer than the profile's gap divides the sets.

A rep is known by its `event_id` for ever; its number and even its set may change with a revision. What
changed is returned as events, each a revision higher than the one before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from edge.counting.dispute import Verdict, verdict
from edge.counting.judging import Entry, judge
from station.exercises import Profile
from station.messages import CommandError, Mark, ReplyCode
from station.records import ReasonCode, Rejected, Rep, RepEvent, RepState, SetEvent, sentence
from station.sets import summarise, with_load

GRACE_S = 2.0  # a rep begun within the set's gap has moved by then
SETS_KEPT = 64  # corrections on the node concern this day; the record corrects older ones

SetEvents = list[RepEvent | SetEvent | Rejected]
Undo = Callable[[], SetEvents]


@dataclass(eq=False)
class _Section:
    """A stretch of the session by one athlete at one exercise, up to the next command that changes them."""

    number: int
    from_s: float
    profile: Profile
    athlete: str | None


@dataclass(eq=False)
class _Set:
    number: int
    section: _Section
    athlete: str | None
    full_range_m: float | None
    entries: list[Entry] = field(default_factory=list)  # by start
    ids: int = 0
    over: bool = False
    void_by: str | None = None  # who has restarted it
    said: SetEvent | None = None
    begun_s: float = 0.0

    @property
    def event_id(self) -> str:
        return f"s{self.number}"

    @property
    def end_s(self) -> float:
        """Of its last movement that stands."""
        return max(
            (entry.measured.end_s for entry in self.entries if entry.state != "rejected"),
            default=self.begun_s,
        )


class SetView(NamedTuple):
    """A set as it stands, for whoever joins."""

    event_id: str
    number: int
    over: bool
    exercise: str
    athlete: str | None
    load_kg: float | None
    reps: list[RepEvent]


class SetBook:
    """The sets of one session. Pure: times come in with the reps and the commands, seconds of the session."""

    def __init__(self, profile: Profile) -> None:
        self.full_range_m: float | None = None  # of the athlete; without it the set's median is taken for it
        self._sections = [_Section(0, float("-inf"), profile, None)]
        self._loads: list[tuple[float, float | None]] = [(float("-inf"), None)]
        self._sets: list[_Set] = []
        self._numbers = 0
        self._entries: dict[tuple[int, int], tuple[_Set, Entry]] = {}  # by counter and candidate
        self._said: dict[str, RepEvent] = {}

    # What the kernel says

    def rep(
        self,
        key: tuple[int, int],
        rep: Rep,
        size: float,
        state: RepState,
        known_s: float,
        *,
        ends_sigma_s: tuple[float, float] | None = None,
    ) -> SetEvents:
        """Take a measured rep, new or again.

        `key`: which counter's, and its candidate; `size`: its range; `ends_sigma_s`: the sigmas of its start
        and its end.
        """
        events: SetEvents = []
        held = self._entries.get(key)
        if held is None:
            a_set, events = self._set_for(rep.start_s, known_s)
            a_set.ids += 1
            entry = Entry(f"{a_set.event_id}-r{a_set.ids}", rep, size, state, self._load_at(rep.start_s))
            a_set.entries.append(entry)
            a_set.entries.sort(key=lambda one: one.measured.start_s)
            self._entries[key] = a_set, entry
        else:
            a_set, entry = held
        entry.measured, entry.size, entry.ends_sigma_s = rep, size, ends_sigma_s
        if entry.state == "pending":
            entry.state = "confirmed" if a_set.over else state
        return events + self._judge(a_set, known_s)

    def withdraw(self, key: tuple[int, int], code: ReasonCode, known_s: float) -> SetEvents:
        """An announced rep turned out to be none."""
        held = self._entries.get(key)
        if held is None:
            return []
        a_set, entry = held
        entry.state, entry.reason_code = "rejected", code
        return self._judge(a_set, known_s)

    # How sets end

    @property
    def running(self) -> bool:
        """Whether a set has begun and not ended."""
        return self._running is not None

    @property
    def set_number(self) -> int:
        """The running set, or the next one to begin."""
        return self._running.number if self._running else self._numbers + 1

    def due(self, now_s: float, busy: bool) -> bool:
        """Whether the set's gap has passed with nothing going on."""
        a_set = self._running
        return not busy and a_set is not None and now_s - a_set.end_s > self._gap_s(a_set) + GRACE_S

    def end(self, known_s: float) -> SetEvents:
        """The set is over: what is pending is confirmed, the summary is said."""
        return self._end(self._running, known_s) if self._running else []

    def begin_section(
        self, at_s: float, known_s: float, *, profile: Profile | None = None, athlete: str | None = None
    ) -> SetEvents:
        """What begins from `at_s` on is another set, of this athlete and this exercise (None: as before)."""
        events = self.end(known_s)
        profile = profile or self._sections[-1].profile
        self._sections.append(_Section(self.section + 1, at_s, profile, athlete))
        del self._sections[:-SETS_KEPT]
        return events

    @property
    def section(self) -> int:
        """The number of the newest section, to undo it by."""
        return self._sections[-1].number

    def undo_section(self, section: int, now_s: float) -> bool:
        """Go on with the set before a section; False where that is not the newest, another set has begun
        since, or the set's gap has passed."""
        if len(self._sections) < 2 or section != self.section:
            return False
        newest, before = self._sections[-1], self._sections[-2]
        last = self._sets[-1] if self._sets else None
        if last is None or last.section is not before or now_s - last.end_s > self._gap_s(last):
            return False
        if newest.profile is not before.profile:
            return False
        self._sections.pop()
        last.over = False
        return True

    @property
    def load_kg(self) -> float | None:
        """What is lifted now."""
        return self._loads[-1][1]

    def set_load(self, load_kg: float | None, at_s: float) -> None:
        """What is lifted from `at_s` on."""
        self._loads = [*self._loads[1 - SETS_KEPT :], (at_s, load_kg)]

    def signed_in(self, athlete: str | None) -> None:
        """Who has lifted since the newest line, where the wrong one was entered."""
        self._sections[-1].athlete = athlete

    # What a person puts right; each returns what it changed, and what takes it back

    def mark(
        self, event_id: str | None, mark: Mark | None, by: str, known_s: float
    ) -> tuple[SetEvents, Undo]:
        """Judge a rep oneself, the newest where none is named; None: as it was measured."""
        a_set, entry = self._find_rep(event_id)
        before = entry.mark, entry.by
        entry.mark, entry.by = mark, by

        def undo() -> SetEvents:
            entry.mark, entry.by = before
            return self._judge(a_set, known_s)

        return self._judge(a_set, known_s), undo

    def add(self, set_event_id: str | None, at_s: float, by: str, known_s: float) -> tuple[SetEvents, Undo]:
        """A rep that the station missed: in the running set it is the newest, in another its last."""
        if set_event_id is None and self._running is None:
            a_set, events = self._set_for(at_s, known_s)
        else:
            a_set, events = self._find_set(set_event_id), []
        at_s = at_s if a_set is self._running else a_set.end_s
        fields = dict.fromkeys(Rep.__struct_fields__) | {"start_s": at_s, "end_s": at_s}
        rep = msgspec.convert(fields | {"number": 1, "counted": True}, Rep)
        a_set.ids += 1
        entry = Entry(f"{a_set.event_id}-r{a_set.ids}", rep, float("nan"), "confirmed", _load_of(a_set))
        if not a_set.entries:
            entry.load_kg = self._load_at(at_s)
        entry.mark, entry.by = "counted", by
        a_set.entries.append(entry)

        def undo() -> SetEvents:
            entry.mark = "false"
            return self._judge(a_set, known_s)

        return events + self._judge(a_set, known_s), undo

    def give(
        self, set_event_id: str | None, from_event_id: str | None, athlete: str | None, known_s: float
    ) -> tuple[SetEvents, Undo]:
        """A set, or what of it comes from one of its reps on, is another athlete's."""
        if from_event_id is None:
            a_set = self._find_set(set_event_id)
            return self._give_whole(a_set, athlete, known_s)
        a_set, first = self._find_rep(from_event_id)
        place = a_set.entries.index(first)
        if place == 0:
            return self._give_whole(a_set, athlete, known_s)
        self._numbers += 1
        rest = _Set(self._numbers, a_set.section, athlete, None, begun_s=first.measured.start_s)
        rest.entries, a_set.entries = a_set.entries[place:], a_set.entries[:place]
        was_over, rest.over, a_set.over = a_set.over, a_set.over, True
        self._sets.insert(self._sets.index(a_set) + 1, rest)
        self._move(rest)

        def undo() -> SetEvents:
            a_set.entries = sorted([*a_set.entries, *rest.entries], key=lambda one: one.measured.start_s)
            rest.entries, a_set.over = [], was_over if rest is self._sets[-1] else True
            rest.over = True
            self._move(a_set)
            return self._judge(a_set, known_s) + self._judge(rest, known_s)

        return self._judge(a_set, known_s) + self._judge(rest, known_s), undo

    def load_set(
        self, set_event_id: str | None, load_kg: float | None, known_s: float, *, weighs: bool
    ) -> tuple[SetEvents, Undo]:
        """What a whole set was lifted with. `weighs`: its forces were worked out from the load entered."""
        a_set = self._find_set(set_event_id)
        before = [(entry, entry.load_kg, entry.measured) for entry in a_set.entries]
        for entry in a_set.entries:
            if weighs:
                entry.measured = with_load(entry.measured, entry.load_kg, load_kg)
            entry.load_kg = load_kg

        def undo() -> SetEvents:
            for entry, old_kg, measured in before:
                entry.load_kg, entry.measured = old_kg, measured
            return self._judge(a_set, known_s)

        return self._judge(a_set, known_s), undo

    def restart(self, at_s: float, by: str, known_s: float) -> tuple[int, int, SetEvents, Undo]:
        """The running set does not count, nor what of it is still to come: its number, and how many reps."""
        a_set = self._running
        if a_set is None:
            raise CommandError(ReplyCode.NO_SET, "no set is running")
        a_set.void_by = by
        count = sum(entry.standing != "rejected" for entry in a_set.entries)
        events = self.begin_section(at_s, known_s, athlete=self._sections[-1].athlete)

        def undo() -> SetEvents:
            a_set.void_by = None
            return self._judge(a_set, known_s)

        return a_set.number, count, events, undo

    # What it looks like

    def newest(self) -> SetView | None:
        """The running set, or the one done last; its reps by start, those marked false among them."""
        a_set = self._sets[-1] if self._sets else None
        if a_set is None:
            return None
        return SetView(
            a_set.event_id,
            a_set.number,
            a_set.over,
            a_set.section.profile.name,
            a_set.athlete,
            _load_of(a_set),
            [self._said[entry.event_id] for entry in a_set.entries if entry.event_id in self._said],
        )

    def verdicts(self, set_event_id: str) -> list[Verdict]:
        """The reps of a set and what persons said of them, by start; none for a set that is not kept."""
        found = [entry for a_set in self._sets if a_set.event_id == set_event_id for entry in a_set.entries]
        return [
            verdict(said, entry.state, entry.mark, added=entry.size != entry.size)
            for entry in found
            if (said := self._said.get(entry.event_id)) is not None
        ]

    def summaries(self) -> list[SetEvent]:
        """Of the sets that are over, oldest first."""
        return [a_set.said for a_set in self._sets if a_set.over and a_set.said is not None]

    def unfinished(self, known_s: float) -> tuple[list[RepEvent], SetEvent] | None:
        """What would be said if the session ended now: the pending reps as confirmed, and their set."""
        a_set = self._running
        if a_set is None or not self._standing(a_set):
            return None
        pending = [self._said[one.event_id] for one in a_set.entries if one.event_id in self._said]
        pending = [event for event in pending if event.state == "pending"]
        confirmed = [
            msgspec.structs.replace(event, state="confirmed", revision=event.revision + 1, known_s=known_s)
            for event in pending
        ]
        return confirmed, self._set_event(a_set, known_s)

    # Inside

    @property
    def _running(self) -> _Set | None:
        last = self._sets[-1] if self._sets else None
        return last if last is not None and not last.over and last.section is self._sections[-1] else None

    def _gap_s(self, a_set: _Set) -> float:
        return a_set.section.profile.set_gap_s

    def _set_for(self, start_s: float, known_s: float) -> tuple[_Set, SetEvents]:
        """The set of a rep that began at `start_s`; what ended by it."""
        section = next((one for one in reversed(self._sections) if one.from_s <= start_s), self._sections[0])
        of_section = [one for one in self._sets if one.section is section]
        if of_section and start_s - of_section[-1].end_s <= section.profile.set_gap_s:
            return of_section[-1], []
        events = self._end(of_section[-1], known_s) if of_section and not of_section[-1].over else []
        self._numbers += 1
        a_set = _Set(self._numbers, section, section.athlete, self.full_range_m, begun_s=start_s)
        a_set.over = section is not self._sections[-1]
        self._sets.append(a_set)
        self._forget()
        return a_set, events

    def _forget(self) -> None:
        for old in self._sets[:-SETS_KEPT]:
            for entry in old.entries:
                self._said.pop(entry.event_id, None)
        del self._sets[:-SETS_KEPT]
        kept = {id(a_set) for a_set in self._sets}
        self._entries = {key: held for key, held in self._entries.items() if id(held[0]) in kept}

    def _move(self, a_set: _Set) -> None:
        """The entries of a set are where they are now."""
        mine = {id(entry) for entry in a_set.entries}
        for key, (_, entry) in self._entries.items():
            if id(entry) in mine:
                self._entries[key] = a_set, entry

    def _end(self, a_set: _Set, known_s: float) -> SetEvents:
        for entry in a_set.entries:
            if entry.state == "pending":
                entry.state = "confirmed"
        a_set.over = True
        return self._judge(a_set, known_s)

    def _give_whole(self, a_set: _Set, athlete: str | None, known_s: float) -> tuple[SetEvents, Undo]:
        before, a_set.athlete = a_set.athlete, athlete

        def undo() -> SetEvents:
            a_set.athlete = before
            return self._judge(a_set, known_s)

        return self._judge(a_set, known_s), undo

    def _find_rep(self, event_id: str | None) -> tuple[_Set, Entry]:
        for a_set in reversed(self._sets):
            for entry in reversed(a_set.entries):
                if event_id is None or entry.event_id == event_id:
                    return a_set, entry
        raise CommandError(ReplyCode.UNKNOWN_REP, "there is no such rep in this session")

    def _find_set(self, event_id: str | None) -> _Set:
        for a_set in reversed(self._sets):
            if event_id is None or a_set.event_id == event_id:
                return a_set
        raise CommandError(ReplyCode.UNKNOWN_SET, "there is no such set in this session")

    def _load_at(self, start_s: float) -> float | None:
        return next(load_kg for from_s, load_kg in reversed(self._loads) if from_s <= start_s)

    def _standing(self, a_set: _Set) -> list[Rep]:
        return [one.rep for one in a_set.entries if one.standing != "rejected" and one.rep is not None]

    def _judge(self, a_set: _Set, known_s: float) -> SetEvents:
        """Judge a set anew, and say what changed."""
        full_range_m = self.full_range_m if a_set is self._running else a_set.full_range_m
        a_set.full_range_m = full_range_m
        judge(a_set.entries, a_set.section.profile, full_range_m, over=a_set.over, void_by=a_set.void_by)
        events: SetEvents = []
        for entry in a_set.entries:
            said = self._said.get(entry.event_id)
            assert entry.rep is not None
            event = RepEvent(
                event_id=entry.event_id,
                revision=said.revision if said else 1,
                state=entry.standing,
                exercise=a_set.section.profile.name,
                set_number=a_set.number,
                set_event_id=a_set.event_id,
                athlete=a_set.athlete,
                load_kg=entry.load_kg,
                known_s=said.known_s if said else known_s,
                rep=entry.rep,
            )
            if event == said:
                continue
            if said is not None:
                event = msgspec.structs.replace(event, revision=said.revision + 1, known_s=known_s)
            self._said[entry.event_id] = event
            events.append(event)
            if entry.state == "rejected" and (said is None or said.state != "rejected"):
                code = entry.reason_code
                words = sentence(code, load=a_set.section.profile.load) if code is not None else "no rep"
                events.append(Rejected(entry.rep.start_s, entry.rep.end_s, words, code))
        if a_set.over and (a_set.said is not None or self._standing(a_set)):
            summary = self._set_event(a_set, known_s)
            if a_set.said is None or _content(summary) != _content(a_set.said):
                a_set.said = summary
                events.append(summary)
        return events

    def _set_event(self, a_set: _Set, known_s: float) -> SetEvent:
        return SetEvent(
            event_id=a_set.event_id,
            revision=a_set.said.revision + 1 if a_set.said else 1,
            exercise=a_set.section.profile.name,
            athlete=a_set.athlete,
            load_kg=_load_of(a_set),
            known_s=known_s,
            summary=summarise(a_set.number, self._standing(a_set), a_set.begun_s),
        )


def _load_of(a_set: _Set) -> float | None:
    """What the whole set was lifted with; None where it was not one load."""
    loads = {entry.load_kg for entry in a_set.entries if entry.standing != "rejected"}
    return loads.pop() if len(loads) == 1 else None


def _content(event: SetEvent) -> SetEvent:
    return msgspec.structs.replace(event, revision=1, known_s=0.0)
