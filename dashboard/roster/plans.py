"""From an athlete to what their station is set to: commands, each of which the edge confirms.

Whoever has plans gets the load and the prescription of the one that fits the station, and nothing of whoever
lifted before; whoever has none takes the station as it is.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from dashboard.roster.names import name_key, same_badge
from dashboard.roster.people import Athlete, Plan
from station.exercises import Profile
from station.exercises.judge import asked_of
from station.messages import (
    PRESCRIBED,
    CommandMessage,
    CommandName,
    InfoMessage,
    TempoTarget,
    new_id,
    now_utc,
)

_ID = re.compile(r"[a-z0-9-]{1,32}")
NONE_DONE: Mapping[str, int] = MappingProxyType({})
# What a plan and `set-target` call the same.
_ALIKE = tuple(name for name in PRESCRIBED if name in Plan.__struct_fields__ and name != "load_kg")
_LOADED_BY = {"barbell": ("mass", "none"), "cable": ("cable",), "band": ("band", "none")}


def assignment(
    athlete: Athlete,
    info: InfoMessage | None,
    profiles: Mapping[str, Profile],
    by: str,
    done: Mapping[str, int] = NONE_DONE,
) -> list[CommandMessage]:
    """The commands that assign a station to an athlete, in order; `info`: its current settings.

    done : sets that the athlete has done today, by exercise
    """
    commands = [_command("set-athlete", by, athlete=athlete.id)]
    if not athlete.plans:
        return commands
    plan = plan_at(athlete, info, profiles, done)
    if plan is not None and (info is None or plan.exercise != info.exercise):
        commands.append(_command("set-exercise", by, exercise=plan.exercise))
    return commands + prescription(plan, by)


def exercise_change(athlete: Athlete | None, exercise: str, by: str) -> list[CommandMessage]:
    """The commands that change a station's exercise, with the athlete's plan for it if there is one."""
    commands = [_command("set-exercise", by, exercise=exercise)]
    if athlete is None or not athlete.plans:
        return commands
    plan = next((plan for plan in athlete.plans if plan.exercise == exercise), None)
    return commands + prescription(plan, by)


def pick(athlete: Athlete, exercise: str, by: str) -> list[CommandMessage]:
    """The commands that assign a station to an athlete for an exercise they have picked."""
    return [_command("set-athlete", by, athlete=athlete.id), *exercise_change(athlete, exercise, by)]


def prescription(plan: Plan | None, by: str) -> list[CommandMessage]:
    """All that a plan says; None: no load, the exercise's own targets."""
    plan = plan or Plan(exercise="")
    return [
        _command("set-load", by, load_kg=plan.load_kg),
        _command(
            "set-target",
            by,
            target_reps=plan.reps,
            target_sets=plan.sets,
            tempo_s=_tempo(plan),
            **{name: getattr(plan, name) for name in _ALIKE},
        ),
    ]


def _own(profile: Profile) -> dict[str, Any]:
    """An exercise's own targets, as `set-target` names them."""
    return {
        "tempo_s": asked_of(profile.tempo),
        "path_limit_m": profile.path_limit_m,
        "velocity_loss_cutoff_pct": profile.velocity_loss_cutoff_pct,
        "velocity_least_mps": profile.velocity.least_mps,
        "velocity_most_mps": profile.velocity.most_mps,
        "velocity_best_pct": profile.velocity.best_pct,
    }


def plan_of_target(
    exercise: str,
    load_kg: float | None,
    target: Mapping[str, Any],
    profile: Profile | None = None,
    old: Plan | None = None,
) -> Plan:
    """The plan that a load and the fields of `set-target` make; a full range stays as it was.

    What is the exercise's own, by its `profile`, is not said once more: it follows the exercise.
    """
    if profile is not None:
        target = {name: value for name, value in target.items() if value != _own(profile).get(name)}
    down, bottom, up, top = target.get("tempo_s") or (None,) * 4
    alike = {name: target.get(name) for name in _ALIKE if name != "full_range_m"}
    return Plan(
        exercise=exercise,
        load_kg=load_kg,
        sets=target.get("target_sets"),
        reps=target.get("target_reps"),
        eccentric_s=down,
        bottom_pause_s=bottom,
        concentric_s=up,
        top_pause_s=top,
        full_range_m=old.full_range_m if old else None,
        **alike,
    )


def plan_at(
    athlete: Athlete,
    info: InfoMessage | None,
    profiles: Mapping[str, Profile],
    done: Mapping[str, int] = NONE_DONE,
) -> Plan | None:
    """The next plan for a station: of its exercise, else the first of its kind; what is done comes last.

    done : sets that the athlete has done today, by exercise
    """
    if info is None:
        return next(iter(athlete.plans), None)
    kind = exercises_at(info.kind, profiles)
    fits = [
        plan
        for plan in athlete.plans
        if plan.exercise == info.exercise or profiles.get(plan.exercise) in kind
    ]

    def order(plan: Plan) -> tuple[bool, bool]:
        is_done = plan.sets is not None and done.get(plan.exercise, 0) >= plan.sets
        return is_done, plan.exercise != info.exercise

    return min(fits, key=order, default=None)


def exercises_at(kind: str, profiles: Mapping[str, Profile]) -> list[Profile]:
    """The exercises that a station of this kind can count."""
    return [one for one in profiles.values() if one.load in _LOADED_BY.get(kind, ())]


def part_of(event_id: str, number: int) -> str:
    """The id of the n-th command of a badge: the same however often it is answered."""
    return f"{event_id}.{number}"


def identify(
    people: Sequence[Athlete], word: str, by: Sequence[str] = ("badge", "id", "name")
) -> Athlete | None:
    """The athlete with exactly this badge, id or name; None for none or several.

    A badge that a spreadsheet has maimed is forgiven where one athlete alone can be meant.
    """
    wanted = name_key(word)
    for known_as in by:
        found = [one for one in people if name_key(getattr(one, known_as) or "") == wanted]
        if wanted and found:
            return found[0] if len(found) == 1 else None
    if "badge" in by and wanted:
        found = [one for one in people if one.badge is not None and same_badge(one.badge, wanted)]
        return found[0] if len(found) == 1 else None
    return None


def matching(people: Sequence[Athlete], word: str) -> list[Athlete]:
    """The athletes matching a word: exactly by badge, id or name, else by a prefix of id or name."""
    exact = identify(people, word)
    if exact is not None:
        return [exact]
    wanted = name_key(word)
    return [
        one
        for one in people
        if one.id.startswith(wanted) or any(part.startswith(wanted) for part in _from_each_word(one.name))
    ]


def _from_each_word(name: str) -> list[str]:
    """Both "okoro" and "maria okoro" are to find Ana Maria Okoro."""
    words = name_key(name).split()
    return [" ".join(words[place:]) for place in range(len(words))]


def is_id(word: str) -> bool:
    """Whether a word can be an id: a name has capitals or spaces, and has no place on a topic."""
    return _ID.fullmatch(word) is not None


def in_words(athlete: Athlete, plan: Plan | None, profiles: Mapping[str, Profile]) -> str:
    """The new assignment as text for the station's screen: with the id, never the name."""
    if plan is None:
        return athlete.id
    title = profiles[plan.exercise].title if plan.exercise in profiles else plan.exercise
    load = "" if plan.load_kg is None else f", {plan.load_kg:g} kg"
    return f"{athlete.id}: {title}{load}" + ("" if plan.reps is None else f", {plan.reps} reps")


def _tempo(plan: Plan) -> TempoTarget | None:
    tempo = (plan.eccentric_s, plan.bottom_pause_s, plan.concentric_s, plan.top_pause_s)
    return None if tempo == (None,) * 4 else tempo


def _command(name: CommandName, by: str, **given: Any) -> CommandMessage:
    request = {"event_id": new_id(), "at_utc": now_utc(), "name": name, "by": by, **given}
    return msgspec.convert(request, CommandMessage)
