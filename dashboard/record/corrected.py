"""Applies people's corrections to a session's sets; pure.

The station's own rows go in, and the corrections in the order they were made; out come the rows that every
reader is to see. A correction that no longer finds its rep or set (it was erased) changes nothing.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from station.messages import CommandMessage
from station.records import MARKED, ReasonCode, Rep, sentence
from station.sets import PARTIAL_SHARE, numbered, summarise, with_load
from station.weighing import median

Row = dict[str, Any]
_REP = Rep.__struct_fields__


def corrected(
    reps: Sequence[Row], sets: Sequence[Row], corrections: Sequence[CommandMessage]
) -> tuple[list[Row], list[Row]]:
    """The corrected reps and sets of one session by event id; the given rows are not changed."""
    book = _Book(reps, sets)
    for correction in corrections:
        book.put_right(correction)
    return book.result()


def set_number_of(event_id: str | None, reps: Sequence[Row], sets: Sequence[Row]) -> int | None:
    """The number of a set in its session, by its event id; None where there is no such set."""
    for row in sets:
        if row["event_id"] == event_id:
            return int(row["number"])
    numbers = {row["set_number"] for row in reps if f"{row['session']}-s{row['set_number']}" == event_id}
    return numbers.pop() if numbers else None


class _Book:
    def __init__(self, reps: Sequence[Row], sets: Sequence[Row]) -> None:
        self._measured = {row["event_id"]: dict(row) for row in reps}
        self._reps = {row["event_id"]: dict(row) for row in reps}
        self._sets = {int(row["number"]): dict(row) for row in sets}
        self._changed: set[int] = set()

    def put_right(self, command: CommandMessage) -> None:
        match command.name:
            case "mark-rep":
                self._mark(command)
            case "add-rep":
                self._add(command)
            case "give-set":
                self._give(command)
            case "load-set":
                for row in self._of_set(command.set_event_id):
                    _lift_with(row, command.load_kg)
                    self._changed.add(row["set_number"])

    def result(self) -> tuple[list[Row], list[Row]]:
        for number in self._changed:
            self._count_again(number)
        return list(self._reps.values()), list(self._sets.values())

    def _of_set(self, event_id: str | None) -> list[Row]:
        number = set_number_of(event_id, list(self._reps.values()), list(self._sets.values()))
        return self._numbered(number)

    def _numbered(self, number: int | None) -> list[Row]:
        rows = [row for row in self._reps.values() if row["set_number"] == number]
        return sorted(rows, key=lambda row: (row["start_s"], row["event_id"]))

    def _mark(self, command: CommandMessage) -> None:
        row = self._reps.get(command.rep_event_id or "")
        if row is None:
            return
        self._changed.add(row["set_number"])
        measured = self._measured.get(row["event_id"], row)
        if command.mark is None:
            kept = ("state", "counted", "reason", "reason_code")
            row.update({key: measured[key] for key in kept})
        elif command.mark == "counted":
            row.update(state="confirmed", counted=True, reason=None, reason_code=None)
        else:
            code = MARKED[command.mark]
            state = "rejected" if command.mark == "false" else "confirmed"
            reason = sentence(code, by=command.by)
            row.update(state=state, counted=False, reason_code=str(code), reason=reason)

    def _add(self, command: CommandMessage) -> None:
        rows = self._of_set(command.set_event_id)
        if not rows:
            return
        last = rows[-1]
        self._changed.add(last["set_number"])
        nothing: Row = dict.fromkeys(_REP)
        nothing |= {"number": last["number"], "counted": True, "state": "confirmed", "revision": 1}
        at_s = max(row["end_s"] for row in rows)
        event_id = f"{last['session']}-{command.event_id}"
        self._reps[event_id] = {**last, **nothing, "event_id": event_id, "start_s": at_s, "end_s": at_s}

    def _give(self, command: CommandMessage) -> None:
        first = self._reps.get(command.rep_event_id or "")
        if first is None:
            rows = self._of_set(command.set_event_id)
        else:
            whole = self._numbered(first["set_number"])
            rows = whole[whole.index(first) :]
            if len(rows) < len(whole):
                self._split(rows, command)
        for row in rows:
            measured = self._measured.get(row["event_id"], row)
            if row["athlete"] != command.athlete and measured["reason_code"] == ReasonCode.SHORT_OF_ATHLETE:
                by_set = _by_the_sets_range(row["rom_m"], self._numbered(row["set_number"]))
                if row["reason_code"] == measured["reason_code"]:  # no person has said otherwise
                    row.update(by_set)
                measured.update(by_set)
            row["athlete"] = command.athlete
            self._changed.add(row["set_number"])
        for number in {row["set_number"] for row in rows}:
            if number in self._sets:
                self._sets[number]["athlete"] = command.athlete

    def _split(self, rows: Sequence[Row], command: CommandMessage) -> None:
        """These reps are a set of their own from now on, numbered behind the session's others."""
        old = rows[0]["set_number"]
        new = max([*self._sets, *(row["set_number"] for row in self._reps.values())]) + 1
        self._changed.add(old)
        for row in rows:
            row["set_number"] = new
        if old in self._sets:
            event_id = f"{rows[0]['session']}-{command.event_id}"
            self._sets[new] = {**self._sets[old], "event_id": event_id, "number": new, "revision": 1}

    def _count_again(self, number: int) -> None:
        """Number a set's reps anew, and sum them up."""
        rows = [row for row in self._numbered(number) if row["state"] != "rejected"]
        for row, rep in zip(rows, numbered(_rep(row) for row in rows), strict=True):
            row.update(number=rep.number, velocity_loss_pct=rep.velocity_loss_pct)
        a_set = self._sets.get(number)
        if a_set is not None:
            summary = summarise(number, [_rep(row) for row in rows], a_set["start_s"])
            a_set.update(msgspec.structs.asdict(summary))
            loads = {row["load_kg"] for row in rows}
            a_set["load_kg"] = loads.pop() if len(loads) == 1 else None


def _by_the_sets_range(rom_m: float, rows: Sequence[Row]) -> Row:
    """Whether a rep counts by the set's own range: what it fell short of was somebody else's."""
    ranges_m = (row["rom_m"] for row in rows if row["state"] != "rejected")
    typical = median(one for one in ranges_m if one is not None)
    if rom_m >= PARTIAL_SHARE * typical:
        return {"counted": True, "reason": None, "reason_code": None}
    code = ReasonCode.SHORT_OF_SET
    reason = sentence(code, share_pct=100.0 * rom_m / typical)
    return {"counted": False, "reason": reason, "reason_code": str(code)}


def _rep(row: Row) -> Rep:
    fields = {name: row[name] for name in _REP}
    return msgspec.convert(fields | {"counted": bool(row["counted"]), "curve": None}, Rep)


def _lift_with(row: Row, load_kg: float | None) -> None:
    """A rep's load, and what was worked out from the load entered; what a cell had measured stays."""
    old_kg = row["load_kg"]
    force_n, weight_n = row["mean_force_n"], (old_kg or 0.0) * 9.80665
    # Entered: the mean force of a whole lift is the weight to within what its start and end add to it.
    if force_n is not None and weight_n and abs(force_n / weight_n - 1.0) < 0.25:
        rep = msgspec.structs.asdict(with_load(_rep(row), old_kg, load_kg))
        row.update({name: rep[name] for name in _REP if name.endswith(("force_n", "power_w", "work_j"))})
    row["load_kg"] = load_kg
