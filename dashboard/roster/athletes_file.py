"""The file a coach edits: athletes and their plans, as TOML or CSV, checked with line numbers.

`plumbline athletes --help` shows one of each.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dashboard.roster.names import (
    badge_warnings,
    is_shown,
    name_warning,
    normalize_badge,
    normalize_name,
)
from dashboard.roster.people import PLAN_NUMBERS, PLAN_WHOLE, Athlete, Plan
from dashboard.roster.plans import is_id
from station.bounds import beyond_prescription
from station.errors import ConfigError, TableError
from station.exercises import Profile
from station.text.encoding import SETTINGS_MB, read_text, read_whole
from station.text.tables import Table, text_of
from station.text.toml import parse_toml

_TEMPO = re.compile(r"(\d{1,2}(?:\.\d{1,2})?|[xX])" + r"-(\d{1,2}(?:\.\d{1,2})?|[xX])" * 3)
_PERSON = ("id", "name", "badge", "squad", "note")
_PLAN = ("exercise", "tempo", *PLAN_WHOLE, *PLAN_NUMBERS)
_HEADER = re.compile(r"\s*\[\[\s*athletes\s*(\.\s*plans\s*)?\]\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


class _Entry(NamedTuple):
    """An athlete or a plan as it stands in the file, and the line of each key; "" is the entry itself."""

    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def line(self, key: str) -> int:
        return self.lines.get(key, self.lines[""])


class Roster(NamedTuple):
    """A file's athletes, and warnings for the coach."""

    athletes: tuple[Athlete, ...]
    warnings: tuple[str, ...]


def read_roster(path: Path, profiles: Mapping[str, Profile]) -> Roster:
    """Read and check a file: TOML if it is named so, else a table. Raises ConfigError naming the line."""
    if path.suffix.lower() == ".toml":
        found = _from_toml(path, read_text(path, "a .toml or .csv file"))
    else:
        found = _from_table(path)
    return _Check(path, profiles).roster(found)


def _from_toml(path: Path, text: str) -> list[tuple[_Entry, list[_Entry]]]:
    tables = parse_toml(text, path)
    unknown = [key for key in tables if key != "athletes"]
    people = tables.get("athletes", [])
    if unknown or not isinstance(people, list) or not all(isinstance(one, dict) for one in people):
        raise ConfigError(
            f"{path}: {unknown[0] if unknown else 'athletes'!r}: expected [[athletes]] tables only"
        )
    where = _lines(text)
    found = []
    for number, person in enumerate(people):
        plans = person.pop("plans", [])
        lines = where.get((number, None), {"": 1})
        if not isinstance(plans, list) or not all(isinstance(plan, dict) for plan in plans):
            raise ConfigError(f"{path} line {lines['']}: plans: expected [[athletes.plans]] tables")
        found.append(
            (
                _Entry(person, lines),
                [_Entry(plan, where.get((number, n), lines)) for n, plan in enumerate(plans)],
            )
        )
    return found


def _lines(text: str) -> dict[tuple[int, int | None], dict[str, int]]:
    """Where each athlete's and plan's keys stand; tomllib does not say."""
    found: dict[tuple[int, int | None], dict[str, int]] = {}
    person, plan = -1, -1
    keys: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            if header[1]:
                plan += 1
                keys = found[person, plan] = {"": number}
            else:
                person, plan = person + 1, -1
                keys = found[person, None] = {"": number}
        elif key := _KEY.match(line):
            keys[key[1]] = number
    return found


def _from_table(path: Path) -> list[tuple[_Entry, list[_Entry]]]:
    try:
        table = Table(text_of(read_whole(path, SETTINGS_MB)))
        columns = [name.lower() for name in table.header]
        head = f"{path} line {table.header_line}"
        for column in filter(None, columns):
            if column not in (*_PERSON, *_PLAN):
                raise ConfigError(f"{head}: {_unknown(column, (*_PERSON, *_PLAN))}")
        named = [column for column in columns if column]
        if "id" not in named or len(set(named)) < len(named):
            raise ConfigError(f"{head}: expected each column once, and a column id; see --help")
        mark = table.decimal_mark([at for at, column in enumerate(columns) if column in PLAN_NUMBERS])
        found: dict[str, tuple[_Entry, list[_Entry]]] = {}
        for line, cells in table.rows():
            filled = {
                key: cell for key, cell in zip(columns, cells, strict=True) if key and normalize_name(cell)
            }
            filled["id"] = normalize_name(filled.get("id", ""))
            if mark == ",":
                filled |= {key: filled[key].replace(",", ".") for key in PLAN_NUMBERS.keys() & filled.keys()}
            _add_row(path, found, {key: cell for key, cell in filled.items() if cell}, line)
    except TableError as error:
        raise ConfigError(f"{path}: {error}") from error
    except (OSError, ValueError) as error:  # ValueError: a path no file can have
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read ({reason}); give a .toml or .csv file") from error
    return list(found.values())


def _add_row(
    path: Path, found: dict[str, tuple[_Entry, list[_Entry]]], filled: Mapping[str, str], line: int
) -> None:
    """Add a row of a table, which is a person, a plan of theirs, or both."""
    lines = {"": line}
    person = {key: cell for key, cell in filled.items() if key in _PERSON}
    plan = {key: cell for key, cell in filled.items() if key in _PLAN}
    held, plans = found.setdefault(filled.get("id", ""), (_Entry(person, lines), []))
    for key, cell in person.items():
        if normalize_name(held.values.get(key, cell)) != normalize_name(cell):
            raise ConfigError(
                f"{path} line {line}: {key} of {filled.get('id')} is {cell!r},"
                f" and {held.values[key]!r} in line {held.line('')}; one of them is wrong"
            )
    if plan:
        plans.append(_Entry(plan, lines))


class _Check:
    """From entries to athletes. What is wrong is collected, so that one run names every line."""

    def __init__(self, path: Path, profiles: Mapping[str, Profile]) -> None:
        self._path = path
        self._profiles = profiles
        self._wrong: list[tuple[int, str]] = []
        self._warnings: list[str] = []

    def roster(self, found: Iterable[tuple[_Entry, list[_Entry]]]) -> Roster:
        people: list[Athlete] = []
        lines: dict[str, int] = {}
        for entry, plans in found:
            person = self._person(entry, plans)
            for word, key in ((person.id, "id"), (f"badge {person.badge}" if person.badge else "", "badge")):
                if word in lines and word:
                    self._say(entry, key, f"{entry.values[key]!r} is in line {lines[word]} already")
                lines.setdefault(word, entry.line(key))
            people.append(person)
        maimed = badge_warnings(one.badge for one in people if one.badge is not None)
        for one in people:
            if one.badge in maimed:
                line = lines.get(f"badge {one.badge}", 0)
                self._warnings.append(
                    f"{self._path} line {line}: badge {one.badge} of {one.id}: {maimed[one.badge]}"
                )
        if not people and not self._wrong:
            raise ConfigError(
                f"{self._path}: no athlete in it; expected [[athletes]] tables or lines with an id"
            )
        if self._wrong:
            (line, what), *others = sorted(self._wrong)
            more = f"\nand in line {', '.join(str(n) for n, _ in others[:20])}" if others else ""
            raise ConfigError(f"{self._path} line {line}: {what}{more}")
        return Roster(tuple(people), tuple(self._warnings))

    def _person(self, entry: _Entry, plans: list[_Entry]) -> Athlete:
        self._known(entry, _PERSON)
        athlete = self._text(entry, "id", 32)
        name = self._text(entry, "name", 80)
        if athlete and not is_id(athlete):
            self._say(entry, "id", f"{athlete!r}; use 1 to 32 of the characters a-z, 0-9 and -")
        for key in ("id", "name"):
            if key not in entry.values and set(entry.values) <= set(_PERSON):  # else it is misspelt
                self._say(entry, key, "missing; every athlete has an id and a name")
        parts = {part for part in re.split(r"[\W_]+", (name or "").casefold()) if len(part) > 2}
        if parts & set(re.split(r"[^a-z]+", athlete or "")):
            self._warnings.append(
                f"{self._path} line {entry.line('id')}: id {athlete!r} gives the name away;"
                " ids travel to stations and screens, names do not: rather a-17"
            )
        if name and (maimed := name_warning(name)):
            self._warnings.append(f"{self._path} line {entry.line('name')}: name {name!r}: {maimed}")
        done = [self._plan(plan) for plan in plans]
        for number, plan in enumerate(done):
            if plan.exercise in [other.exercise for other in done[:number]]:
                self._say(plans[number], "exercise", f"{plan.exercise!r} is planned twice for {athlete}")
        return Athlete(
            id=athlete or "",
            name=name or "",
            badge=self._text(entry, "badge", 32),
            squad=self._text(entry, "squad", 32),
            note=self._text(entry, "note", 200),
            plans=tuple(done),
        )

    def _plan(self, entry: _Entry) -> Plan:
        self._known(entry, _PLAN)
        word = (self._text(entry, "exercise", 64) or "").lower()
        named = [one for one in self._profiles.values() if word in (one.name, *one.aliases)]
        if not named:
            self._say(entry, "exercise", _unknown(word, tuple(self._profiles)) if word else "missing")
        phases: list[float | None] = [None] * 4
        tempo = self._text(entry, "tempo", 32)
        if tempo is not None:
            match = _TEMPO.fullmatch(tempo)
            if match is None:
                self._say(entry, "tempo", f"{tempo!r}; expected four numbers of seconds such as 3-1-X-0")
            else:
                phases = [None if part in "xX" else float(part) for part in match.groups()]
        for wrong in filter(None, (beyond_prescription("tempo_s", seconds) for seconds in phases)):
            self._say(entry, "tempo", wrong)
        plan = Plan(
            exercise=named[-1].name if named else word,
            eccentric_s=phases[0],
            bottom_pause_s=phases[1],
            concentric_s=phases[2],
            top_pause_s=phases[3],
            **{key: self._number(entry, key, *bounds, whole=True) for key, bounds in PLAN_WHOLE.items()},
            **{key: self._number(entry, key, *bounds) for key, bounds in PLAN_NUMBERS.items()},
        )
        least, most = plan.velocity_least_mps, plan.velocity_most_mps
        if least is not None and most is not None and most <= least:
            self._say(
                entry, "velocity_most_mps", f"{most:g}; expected more than velocity_least_mps, {least:g}"
            )
        return plan

    def _text(self, entry: _Entry, key: str, most: int) -> str | None:
        value = entry.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._say(entry, key, f"{value!r} is no text; put it between quotes")
            return None
        text = normalize_badge(value) if key == "badge" else normalize_name(value)
        if not is_shown(text) or not 0 < len(text) <= most:
            self._say(entry, key, f"{text[:40]!r}; expected 1 to {most} printable characters")
            return None
        return text

    def _number(self, entry: _Entry, key: str, least: float, most: float, whole: bool = False) -> Any:
        value = entry.values.get(key)
        if value is None:
            return None
        try:
            number = int(value) if whole else float(value)
            if isinstance(value, bool) or not least <= number <= most or (whole and number != float(value)):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            kind = "a whole number" if whole else "a number"
            self._say(entry, key, f"{str(value)[:40]!r}; expected {kind} from {least:g} to {most:g}")
            return None
        return number

    def _known(self, entry: _Entry, keys: tuple[str, ...]) -> None:
        for key in entry.values:
            if key not in keys:
                self._wrong.append((entry.line(key), _unknown(key, keys)))

    def _say(self, entry: _Entry, key: str, what: str) -> None:
        self._wrong.append((entry.line(key), f"{key}: {what}"))


def _unknown(word: str, words: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, words, n=1)
    return f"unknown {word[:40]!r}; " + (
        f"did you mean {near[0]}?" if near else f"there are {', '.join(words)}"
    )
