"""The book of a session's sets: which rep belongs to which set of which athlete, and each rep's life.

The one memory of sets on the node. Whatever ends a set by a person's word (end of set, next athlete, another
exercise, a restart) draws a line in session time, and a rep belongs to the side it *began* on: one that was
pending, or under way, when the line was drawn is a rep of the set before, however late the kernel says more
of it. Within two lines a pause longer than the profile's gap divides the sets.

A rep is known by its `event_id` for ever; its number and even its set may change with a revision. What
changed is returned as events, each a revision higher than the one before.
"""

from collections.abc import Callable

from edge.counting.dispute import Verdict
from edge.counting.judging import Entry
from edge.counting.tracked_set import Section, SetEvents, SetView, TrackedSet, pack
from station.exercises import Profile
from station.messages import CommandError, Mark, ReplyCode
from station.records import ReasonCode, Rep, RepEvent, RepState, SetEvent

GRACE_S = 2.0  # a rep begun within the set's gap has moved by then
SETS_KEPT = 16  # half an hour at a station that is never idle; the record corrects older ones
SETS_AT_HAND = 3  # the kernel has more to say of the newest reps alone; of older sets somebody corrects a rep

Undo = Callable[[], SetEvents]


class SetBook:
    """The sets of one session. Pure: times come in with the reps and the commands, seconds of the session."""

    def __init__(self, profile: Profile) -> None:
        self._sections = [Section(0, float("-inf"), profile, None)]
        self._loads: list[tuple[float, float | None]] = [(float("-inf"), None)]
        self._sets: list[TrackedSet] = []
        self._numbers = 0
        self._entries: dict[tuple[int, int], tuple[TrackedSet, Entry]] = {}  # by counter and candidate

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
        if (held := self._entries.get(key)) is None:
            a_set, events = self._set_for(rep.start_s, known_s)
            entry = a_set.enter(rep, size, state, self._load_at(rep.start_s))
            a_set.entries.sort(key=lambda one: one.measured.start_s)
            self._entries[key] = a_set, entry
        else:
            a_set, entry = held
        entry.measured, entry.size, entry.ends_sigma_s = rep, size, ends_sigma_s
        if entry.state == "pending":
            entry.state = "confirmed" if a_set.over else state
        return events + a_set.judge(known_s)

    def withdraw(self, key: tuple[int, int], code: ReasonCode, known_s: float) -> SetEvents:
        """Reject an announced rep."""
        held = self._entries.get(key)
        if held is None:
            return []
        a_set, entry = held
        entry.state, entry.reason_code = "rejected", code
        return a_set.judge(known_s)

    # How sets end

    @property
    def running(self) -> bool:
        """Whether a set has begun and not ended."""
        return self._running is not None

    @property
    def set_number(self) -> int:
        """The running set, or the next one to begin."""
        return self._running.number if self._running else self._numbers + 1

    def start_s(self, rep_start_s: float) -> float:
        """The start of the set that a rep belongs or would belong to."""
        _, last, goes_on = self._at(rep_start_s)
        return min(last.begun_s, rep_start_s) if last is not None and goes_on else rep_start_s

    def due(self, now_s: float, busy: bool) -> bool:
        """Whether the set's gap has passed with nothing going on."""
        if busy or (a_set := self._running) is None:
            return False
        return now_s - a_set.gap_from_s > a_set.section.profile.set_gap_s + GRACE_S

    def end(self, known_s: float) -> SetEvents:
        """End the running set: pending reps are confirmed, the summary is published."""
        return self._end(self._running, known_s) if self._running else []

    def begin_section(
        self, at_s: float, known_s: float, *, profile: Profile | None = None, athlete: str | None = None
    ) -> SetEvents:
        """Begin a section at `at_s`, with its own sets, athlete and exercise (None: as before)."""
        events, before = self.end(known_s), self._sections[-1]
        self._sections.append(
            Section(self.section + 1, at_s, profile or before.profile, athlete, before.full_range_m)
        )
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
        before, newest = self._sections[-2:]
        last = self._sets[-1] if self._sets else None
        if last is None or last.section is not before or newest.profile is not before.profile:
            return False
        if now_s - last.gap_from_s > before.profile.set_gap_s:
            return False
        self._sections.pop()
        last.over = False
        return True

    @property
    def load_kg(self) -> float | None:
        """The load lifted now."""
        return self._loads[-1][1]

    def set_load(self, load_kg: float | None, at_s: float) -> None:
        """Set the load lifted from `at_s` on."""
        self._loads = [*self._loads[1 - SETS_KEPT :], (at_s, load_kg)]

    def set_full_range(self, full_range_m: float | None) -> None:
        """Set the athlete's full range: of the running set, and of those that follow in its section."""
        self._sections[-1].full_range_m = full_range_m
        if (a_set := self._running) is not None:
            a_set.full_range_m = full_range_m

    def signed_in(self, athlete: str | None, full_range_m: float | None) -> None:
        """Correct who the newest section is of: the sets that follow in it."""
        self._sections[-1].athlete, self._sections[-1].full_range_m = athlete, full_range_m

    # What a person puts right; each returns what it changed, and what takes it back

    def mark(
        self, event_id: str | None, mark: Mark | None, by: str, known_s: float
    ) -> tuple[SetEvents, Undo]:
        """Mark a rep by a person's judgement, the newest where none is named; None removes the mark."""
        a_set, entry = self._find_rep(event_id)
        before = entry.mark, entry.by
        entry.mark, entry.by = mark, by

        def undo() -> SetEvents:
            entry.mark, entry.by = before
            return a_set.judge(known_s)

        return a_set.judge(known_s), undo

    def add(self, set_event_id: str | None, at_s: float, by: str, known_s: float) -> tuple[SetEvents, Undo]:
        """Add a rep that the station missed, at the end of the running set or of the named one."""
        if set_event_id is None and self._running is None:
            a_set, events = self._set_for(at_s, known_s)
        else:
            a_set, events = self._find_set(set_event_id), []
        at_s = at_s if a_set is self._running else a_set.end_s
        entry = a_set.add(at_s, by, a_set.load_kg if a_set.entries else self._load_at(at_s))

        def undo() -> SetEvents:
            entry.mark = "false"
            return a_set.judge(known_s)

        return events + a_set.judge(known_s), undo

    def give(
        self, set_event_id: str | None, from_event_id: str | None, athlete: str | None, known_s: float
    ) -> tuple[SetEvents, Undo]:
        """Give a set, or the part of it from one of its reps on, to another athlete.

        Nobody knows that athlete's full range: the reps are judged by their own.
        """
        if from_event_id is None:
            a_set = self._find_set(set_event_id)
            return self._give_whole(a_set, athlete, known_s)
        a_set, first = self._find_rep(from_event_id)
        place = a_set.entries.index(first)
        if place == 0:
            return self._give_whole(a_set, athlete, known_s)
        rest = self._part_of(a_set, first)
        rest.athlete, rest.full_range_m, rest.continued_s = athlete, None, a_set.continued_s
        rest.entries, a_set.entries = a_set.entries[place:], a_set.entries[:place]
        rest.over, a_set.over = a_set.over, True
        self._sets.insert(self._sets.index(a_set) + 1, rest)
        self._move(rest)

        def undo() -> SetEvents:
            a_set.entries = sorted([*a_set.entries, *rest.entries], key=lambda one: one.measured.start_s)
            a_set.over, a_set.continued_s = rest.over, rest.continued_s
            rest.entries, rest.over = [], True
            self._sets = [one for one in self._sets if one is not rest]  # or what follows would be of it
            self._move(a_set)
            return a_set.judge(known_s) + rest.judge(known_s)

        return a_set.judge(known_s) + rest.judge(known_s), undo

    def load_set(
        self, set_event_id: str | None, load_kg: float | None, known_s: float, *, weighs: bool
    ) -> tuple[SetEvents, Undo]:
        """Set the load of a whole set. `weighs`: its forces were computed from the entered load."""
        a_set = self._find_set(set_event_id)
        unload = a_set.load(load_kg, weighs=weighs)

        def undo() -> SetEvents:
            unload()
            return a_set.judge(known_s)

        return a_set.judge(known_s), undo

    def restart(self, at_s: float, by: str, known_s: float) -> tuple[int, int, SetEvents, Undo]:
        """Void the running set, pending reps included; returns its number and how many reps it had."""
        a_set = self._running
        if a_set is None:
            raise CommandError(ReplyCode.NO_SET, "no set is running")
        a_set.void_by = by
        count = sum(entry.standing != "rejected" for entry in a_set.entries)
        events = self.begin_section(at_s, known_s, athlete=self._sections[-1].athlete)

        def undo() -> SetEvents:
            a_set.void_by = None
            return a_set.judge(known_s)

        return a_set.number, count, events, undo

    def go_on(self, at_s: float, known_s: float) -> tuple[int, SetEvents, Undo]:
        """Go on with a set that its gap or somebody has ended, and with what has begun since."""
        since, line = self._running, self._line_within()
        section = self._sections[-1] if line is None else self._sections[-2]
        held = [one for one in self._sets if one is not since and one.section is section]
        if not held or (a_set := held[-1]).void_by is not None:
            raise CommandError(ReplyCode.NO_SET, "there is no set to go on with of this athlete and exercise")
        before, continued_s = {id(entry) for entry in a_set.entries}, a_set.continued_s
        a_set.over, a_set.continued_s = False, at_s
        if line is not None:
            self._sections.remove(line)
        if since is not None:
            self._sets.remove(since)
            a_set.entries, since.entries = [*a_set.entries, *since.entries], []
            since.over = since.said is not None  # summed up once: then once more, with none
            self._move(a_set)

        def undo() -> SetEvents:
            if a_set not in self._sets:
                raise CommandError(ReplyCode.TOO_LATE, f"too late: set {a_set.number} is not held any more")
            home = section
            if line is not None and self._sections[-1] is section:
                self._sections.append(home := line)
            was_over, a_set.over, a_set.continued_s = a_set.over, True, continued_s
            later = [entry for entry in a_set.entries if id(entry) not in before]
            if not later:
                return a_set.judge(known_s)
            a_set.entries = [entry for entry in a_set.entries if id(entry) in before]
            rest = since or self._part_of(a_set, later[0])
            rest.section, rest.entries, rest.over = home, later, was_over
            self._sets.insert(self._sets.index(a_set) + 1, rest)
            self._move(rest)
            return a_set.judge(known_s) + rest.judge(known_s)

        events = a_set.judge(known_s) + (since.judge(known_s) if since is not None else [])
        return a_set.number, events, undo

    # What it looks like

    def newest(self) -> SetView | None:
        """The running set, or the one done last; its reps by start, those marked false among them."""
        return self._sets[-1].view() if self._sets else None

    def verdicts(self, set_event_id: str) -> list[Verdict]:
        """The reps of a set with people's judgements, by start; none for a set that is not held any more."""
        return [one for a_set in self._sets if a_set.event_id == set_event_id for one in a_set.verdicts()]

    def unfinished(self, known_s: float) -> tuple[list[RepEvent], SetEvent] | None:
        """The events of ending the session now: pending reps as confirmed, and their set."""
        return a_set.unfinished(known_s) if (a_set := self._running) and a_set.reps else None

    # Inside

    @property
    def _running(self) -> TrackedSet | None:
        last = self._sets[-1] if self._sets else None
        return last if last is not None and not last.over and last.section is self._sections[-1] else None

    def _at(self, start_s: float) -> tuple[Section, TrackedSet | None, bool]:
        """The section in which a rep began, the last set of it, and whether that set goes on with the rep."""
        section = next((one for one in reversed(self._sections) if one.from_s <= start_s), self._sections[0])
        last = next((one for one in reversed(self._sets) if one.section is section), None)
        return section, last, last is not None and start_s - last.gap_from_s <= section.profile.set_gap_s

    def _set_for(self, start_s: float, known_s: float) -> tuple[TrackedSet, SetEvents]:
        """The set of a rep that began at `start_s`; what ended by it."""
        section, last, goes_on = self._at(start_s)
        if last is not None and goes_on:
            return last, []
        events = self._end(last, known_s) if last is not None and not last.over else []
        self._numbers += 1
        a_set = TrackedSet(self._numbers, section, section.athlete, section.full_range_m, begun_s=start_s)
        a_set.over = section is not self._sections[-1]
        self._sets.append(a_set)
        self._forget()
        return a_set, events

    def _line_within(self) -> Section | None:
        """The newest section, where nothing has begun in it and it is of who and what the one before was."""
        if len(self._sections) < 2 or (self._sets and self._sets[-1].section is self._sections[-1]):
            return None
        before, newest = self._sections[-2:]
        return newest if (newest.profile, newest.athlete) == (before.profile, before.athlete) else None

    def _part_of(self, a_set: TrackedSet, first: Entry) -> TrackedSet:
        """A set of its own, for the reps of another from one on."""
        self._numbers += 1
        begun_s = first.measured.start_s
        return TrackedSet(self._numbers, a_set.section, a_set.athlete, a_set.full_range_m, begun_s=begun_s)

    def _forget(self) -> None:
        del self._sets[:-SETS_KEPT]
        pack(self._sets[:-SETS_AT_HAND])
        kept = {id(a_set) for a_set in self._sets[-SETS_AT_HAND:]}
        self._entries = {key: held for key, held in self._entries.items() if id(held[0]) in kept}

    def _move(self, a_set: TrackedSet) -> None:
        """The entries of a set are where they are now."""
        mine = {id(entry) for entry in a_set.entries}
        for key, (_, entry) in self._entries.items():
            if id(entry) in mine:
                self._entries[key] = a_set, entry

    def _end(self, a_set: TrackedSet, known_s: float) -> SetEvents:
        a_set.end()
        return a_set.judge(known_s)

    def _give_whole(self, a_set: TrackedSet, athlete: str | None, known_s: float) -> tuple[SetEvents, Undo]:
        before = a_set.athlete, a_set.full_range_m
        if athlete != a_set.athlete:
            a_set.athlete, a_set.full_range_m = athlete, None

        def undo() -> SetEvents:
            a_set.athlete, a_set.full_range_m = before
            return a_set.judge(known_s)

        return a_set.judge(known_s), undo

    def _find_rep(self, event_id: str | None) -> tuple[TrackedSet, Entry]:
        for a_set in reversed(self._sets):
            if (entry := a_set.find(event_id)) is not None:
                return a_set, entry
        raise CommandError(ReplyCode.UNKNOWN_REP, "there is no such rep in this session")

    def _find_set(self, event_id: str | None) -> TrackedSet:
        for a_set in reversed(self._sets):
            if event_id is None or a_set.event_id == event_id:
                return a_set
        raise CommandError(ReplyCode.UNKNOWN_SET, "there is no such set in this session")

    def _load_at(self, start_s: float) -> float | None:
        return next(load_kg for from_s, load_kg in reversed(self._loads) if from_s <= start_s)
