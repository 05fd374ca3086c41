"""A station's settings as made by commands, and how a command changes them."""

from collections.abc import Callable

import msgspec

from station.bounds import beyond_prescription
from station.exercises import Profile
from station.messages import PRESCRIBED, CommandError, CommandMessage, CommandName, ReplyCode, TempoTarget

MAX_ID_CHARS = 64
QUEUE_LIMIT = 4  # two to four athletes share a rack
# What a prescription says of one exercise, and no other one takes over.
OF_ONE_EXERCISE = tuple(name for name in PRESCRIBED if name not in ("athlete", "load_kg", "target_reps"))
# What is an athlete's, and no other one takes over.
_OF_ONE_ATHLETE = ("athlete", "queue", "full_range_m", "usual_range_m", "target_sets")
_TARGET = tuple(name for name in PRESCRIBED if name not in ("athlete", "load_kg", "usual_range_m"))
_AS_IT_WAS = ("target_sets", "full_range_m")  # where the command does not say it
SIGNED_OFF_KEPT = 64  # of a session; the history has all


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings made by commands; None: the exercise's own, or not given."""

    athlete: str | None = None
    load_kg: float | None = None
    target_reps: int | None = None
    target_sets: int | None = None  # of this athlete and this exercise
    tempo_s: TempoTarget | None = None
    velocity_loss_cutoff_pct: float | None = None
    path_limit_m: float | None = None
    velocity_least_mps: float | None = None
    velocity_most_mps: float | None = None
    velocity_best_pct: float | None = None
    rest_s: float | None = None
    full_range_m: float | None = None  # of this athlete at this exercise
    usual_range_m: float | None = None  # likewise, as the record has it: nothing is judged by it
    queue: tuple[str, ...] = ()  # who shares the station, the one lifting first
    acknowledged: str | None = None  # what a coach has seen and needs to hear no more of
    muted: bool = False
    signed_off: tuple[tuple[str, str], ...] = ()  # athlete and exercise


def changed(old: Settings, command: CommandMessage, profile: Profile) -> tuple[Settings, str]:
    """Apply a command; returns the new settings and what was done. Raises CommandError with the reason."""
    change = _CHANGES.get(command.name)
    if change is None:
        raise CommandError(ReplyCode.REFUSED, f"{command.name} sets nothing")
    return change(old, command, profile)


def of_athlete(old: Settings, athlete: str | None) -> Settings:
    """The settings when this athlete lifts: nothing of who lifted before is theirs."""
    queue = old.queue
    if athlete in queue:  # the line moves on: whoever lifts stands first, the others keep their order
        place = queue.index(athlete)
        queue = (*queue[place:], *queue[:place])
    new = msgspec.structs.replace(old, athlete=athlete, queue=queue)
    if athlete != old.athlete:
        new = msgspec.structs.replace(new, full_range_m=None, usual_range_m=None, target_sets=None)
    return new


def back_to_athlete(settings: Settings, before: Settings) -> Settings:
    """The settings with the athlete of `before` and what was theirs; all else as it is."""
    return msgspec.structs.replace(settings, **{name: getattr(before, name) for name in _OF_ONE_ATHLETE})


def in_words(settings: Settings, profile: Profile) -> str:
    """The settings as a line for a log: exercise, athlete, load and target."""
    words = [profile.name]
    if settings.athlete is not None:
        words.append(f"athlete {settings.athlete}")
    if settings.load_kg is not None:
        words.append(f"load {settings.load_kg:g} kg")
    return ", ".join([*words, *_target_words(settings)])


def _load(old: Settings, command: CommandMessage, _: Profile) -> tuple[Settings, str]:
    load_kg = command.load_kg
    check_load(load_kg)
    text = "no load" if load_kg is None else f"load {load_kg:g} kg"
    return msgspec.structs.replace(old, load_kg=load_kg), text


def _queue(old: Settings, command: CommandMessage, _: Profile) -> tuple[Settings, str]:
    queue = tuple(dict.fromkeys(command.queue or ()))
    for athlete in queue:
        check_id(athlete)
    if len(queue) > QUEUE_LIMIT:
        raise _beyond(f"{len(queue)} athletes at one station; {QUEUE_LIMIT} at most")
    text = "here: " + ", ".join(queue) if queue else "nobody waits"
    return msgspec.structs.replace(old, queue=queue), text


def _acknowledge(old: Settings, command: CommandMessage, _: Profile) -> tuple[Settings, str]:
    if not command.attention or len(command.attention) > MAX_ID_CHARS:
        raise CommandError(ReplyCode.MISSING, "the command needs attention: what was seen")
    return msgspec.structs.replace(old, acknowledged=command.attention), "seen"


def _mute(old: Settings, command: CommandMessage, _: Profile) -> tuple[Settings, str]:
    muted = not old.muted if command.muted is None else command.muted
    return msgspec.structs.replace(old, muted=muted), "muted" if muted else "bell and flash on"


def _sign_off(old: Settings, command: CommandMessage, profile: Profile) -> tuple[Settings, str]:
    if old.athlete is None:
        raise CommandError(ReplyCode.NO_ATHLETE, "nobody lifts here; say who first")
    done = (old.athlete, command.exercise or profile.name)
    if len(done[1]) > MAX_ID_CHARS:
        raise _beyond(f"an exercise's name has at most {MAX_ID_CHARS} characters")
    if done in old.signed_off:
        raise CommandError(ReplyCode.ALREADY, f"{done[1]} is signed off for {done[0]} already")
    further = f"; next: {profile.leads_to}" if profile.leads_to and done[1] == profile.name else ""
    new = msgspec.structs.replace(old, signed_off=(*old.signed_off, done)[-SIGNED_OFF_KEPT:])
    return new, f"{done[1]} signed off for {done[0]}{further}"


def _athlete(old: Settings, command: CommandMessage, _: Profile) -> tuple[Settings, str]:
    athlete = command.athlete
    if athlete is not None:
        check_id(athlete)
    return of_athlete(old, athlete), f"athlete {athlete}" if athlete else "no athlete"


def _target(old: Settings, command: CommandMessage, _: Profile) -> tuple[Settings, str]:
    for name in _TARGET:
        for value in (command.tempo_s or ()) if name == "tempo_s" else (getattr(command, name),):
            _check(name, value)
    least, most = command.velocity_least_mps, command.velocity_most_mps
    if least is not None and most is not None and most <= least:
        raise _beyond(f"a velocity from {least:g} to {most:g} m/s; give the lower one first")
    asked = {name: getattr(command, name) for name in _TARGET}
    kept = {name: getattr(old, name) for name in _AS_IT_WAS if asked[name] is None}
    new = msgspec.structs.replace(old, **(asked | kept))
    return new, ", ".join(_target_words(new))


def _usual_range(old: Settings, command: CommandMessage, profile: Profile) -> tuple[Settings, str]:
    if (command.athlete, command.exercise) != (old.athlete, profile.name) or command.athlete is None:
        raise CommandError(ReplyCode.REFUSED, "that is not who lifts here, or not what is counted")
    _check("usual_range_m", command.usual_range_m)
    return msgspec.structs.replace(old, usual_range_m=command.usual_range_m), "usual range known"


def _target_words(settings: Settings) -> list[str]:
    words = ["no target" if settings.target_reps is None else f"target {settings.target_reps} reps"]
    if settings.target_sets is not None:
        words.append(f"{settings.target_sets} sets")
    if settings.tempo_s is not None:
        words.append("tempo " + "-".join("x" if s is None else f"{s:g}" for s in settings.tempo_s))
    if settings.velocity_loss_cutoff_pct is not None:
        words.append(f"cut-off {settings.velocity_loss_cutoff_pct:g} %")
    if settings.path_limit_m is not None:
        words.append(f"path within {1000 * settings.path_limit_m:g} mm")
    words += _velocity_words(settings)
    if settings.rest_s is not None:
        words.append(f"rest {settings.rest_s:g} s")
    if settings.full_range_m is not None:
        words.append(f"full range {100 * settings.full_range_m:g} cm")
    return words


def _velocity_words(settings: Settings) -> list[str]:
    words = []
    if settings.velocity_least_mps is not None:
        words.append(f"{settings.velocity_least_mps:g} m/s or more")
    if settings.velocity_most_mps is not None:
        words.append(f"{settings.velocity_most_mps:g} m/s at most")
    if settings.velocity_best_pct is not None:
        words.append(f"{settings.velocity_best_pct:g} % of the best velocity")
    return words


def _beyond(text: str) -> CommandError:
    return CommandError(ReplyCode.OUT_OF_BOUNDS, text)


def _check(name: str, value: float | None) -> None:
    wrong = beyond_prescription(name, value)
    if wrong is not None:
        raise _beyond(wrong)


def check_load(load_kg: float | None) -> None:
    """Raise CommandError for a load out of bounds."""
    _check("load_kg", load_kg)


def check_id(athlete: str) -> None:
    """Raise CommandError for an invalid athlete id."""
    if not 0 < len(athlete) <= MAX_ID_CHARS:
        raise _beyond(f"an athlete's id has 1 to {MAX_ID_CHARS} characters")


_CHANGES: dict[CommandName, Callable[[Settings, CommandMessage, Profile], tuple[Settings, str]]] = {
    "set-athlete": _athlete,
    "set-load": _load,
    "set-target": _target,
    "set-usual-range": _usual_range,
    "set-queue": _queue,
    "acknowledge": _acknowledge,
    "mute": _mute,
    "sign-off": _sign_off,
}
