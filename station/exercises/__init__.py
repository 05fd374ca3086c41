"""Exercises as data: one TOML each. A gym adds its own without code.

judge     the one judge of a rep: tempo, path, whether it was partial
surety    which numbers are approximate, their decimals, when a limit is passed
coaching  from what was measured of a set to a cue, and to mastery
"""

from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import msgspec

from station.config import StationFile, decode_toml
from station.errors import ConfigError

SHIPPED = Path(__file__).parent


class Tempo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Target seconds of each phase in the order eccentric, bottom, concentric, top; None is "as it comes"."""

    eccentric_s: float | None = None
    bottom_pause_s: float | None = None
    concentric_s: float | None = None
    top_pause_s: float | None = None
    tolerance_pct: float = 20.0
    tolerance_s: float = 0.25  # at least this much: nobody times a half-second pause to a tenth


class VelocityTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Target mean concentric velocity: a minimum, a zone, or a share of the best of the last sessions.

    That best is the athlete's own at the load that is on; where it is not known, nothing is judged by it.
    """

    least_mps: float | None = None
    most_mps: float | None = None
    best_pct: float | None = None  # of the best at this load; takes the place of least_mps


# What of a rep stands large on a screen.
Headline = Literal["mean-velocity", "peak-velocity", "mean-power", "peak-power", "tempo", "range", "path"]

Fault = Literal[
    "eccentric-rushed",
    "top-rushed",
    "no-lockout",
    "range-shrinking",
    "partial",
    "path-off",
    "slack",
    "on-toes",
]


class Cue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence for the lifter, shown when the named measure is outside its limit."""

    when: Fault  # see station.exercises.coaching
    say: str


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Beyond these a measure is a fault."""

    lockout_m: float = (
        0.03  # below the height the set began at: 20 degrees of hip flexion; sway is under 1 cm
    )
    range_loss_pct: float = 15.0  # of the set's first reps; a steady lifter varies by 1 to 3 per cent
    slack_s: float = 0.1  # without tension; shorter is the stack rocking in its guide
    # Of the load, on the rear cells: 3 cm in front of the middle of a platform whose cells are 0.6 m apart;
    # standing sway is about a centimetre.
    heel_pct: float = 45.0


class Mastery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the pattern is mastered at this stage; the coach signs off."""

    sets: int
    reps_per_set: int
    tempo_adherence_pct: float
    range_cv_pct: float
    min_load_kg: float | None = None  # the stage's load; None: any


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One exercise as the station needs to know it."""

    name: str
    title: str
    aliases: list[str] = []
    starts_with: Literal["eccentric", "concentric"]
    load: Literal["mass", "cable", "band", "none"]
    min_rom_m: float
    v0_mps: float = 0.02
    set_gap_s: float = 12.0
    tempo: Tempo = Tempo()
    headline: Headline = "mean-velocity"
    velocity: VelocityTarget = VelocityTarget()
    path_limit_m: float | None = None
    velocity_loss_cutoff_pct: float | None = None  # None: nobody has prescribed one
    cues: list[Cue] = []
    limits: Limits = Limits()
    mastery: Mastery | None = None
    leads_to: str | None = None

    @property
    def short_title(self) -> str:
        """Its title, or the shortest of what it is called besides."""
        return min((self.title, *self.aliases), key=len)

    @property
    def racked(self) -> bool:
        """Whether it is taken from a rack: not a handle, a band or a stick, nor a bar on the floor."""
        return self.load == "mass" and self.starts_with == "eccentric"


def own_exercises(path: Path, station: StationFile) -> Path | None:
    """The gym's own exercises by the station file at `path`; a relative folder is beside it."""
    return path.parent / station.exercises_dir if station.exercises_dir else None


def load_profile(name: str, own_dir: Path | None = None) -> Profile:
    """The exercise called `name` (or by one of its aliases).

    Raises ConfigError naming the nearest exercise when there is none.
    """
    wanted = name.strip().lower()
    if own_dir is None and (found := _shipped(wanted)) is not None:
        return found
    profiles = all_profiles(own_dir)
    if wanted in profiles:  # a name goes before another's alias
        return profiles[wanted]
    for profile in reversed(profiles.values()):  # the gym's own before the shipped
        if wanted in profile.aliases:
            return profile
    words = [word for profile in profiles.values() for word in (profile.name, *profile.aliases)]
    import difflib  # noqa: PLC0415

    near = difflib.get_close_matches(wanted, words, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ConfigError(f"no exercise {name!r}; {hint}there are {', '.join(sorted(profiles))}")


@cache
def all_profiles(own_dir: Path | None = None) -> dict[str, Profile]:
    """Every exercise by name; a gym's own profile replaces a shipped one of the same name.

    Raises ConfigError naming the file and what is wrong in it.
    """
    if own_dir is not None and not own_dir.is_dir():
        raise ConfigError(f"{own_dir}: no such folder; give the one with the gym's own exercises (*.toml)")
    profiles: dict[str, Profile] = {}
    for folder in (SHIPPED, *([own_dir] if own_dir else [])):
        for path in sorted(folder.glob("*.toml")):
            profile = _read(path)
            profiles[profile.name] = profile
    for profile in profiles.values():
        if profile.leads_to is not None and profile.leads_to not in profiles:
            raise ConfigError(
                f"exercise {profile.name}: leads_to is {profile.leads_to!r};"
                f" there are {', '.join(sorted(profiles))}"
            )
    return profiles


@lru_cache(64)  # of names that come from outside
def _shipped(wanted: str) -> Profile | None:
    """The shipped exercise of that name or alias, read without the others: a node starts with one."""
    written = f'"{wanted}"'
    paths = [path for path in sorted(SHIPPED.glob("*.toml")) if written in path.read_text(encoding="utf-8")]
    profiles = [_read(path) for path in paths]
    named = (one for one in profiles if one.name == wanted)
    return next(named, next((one for one in reversed(profiles) if wanted in one.aliases), None))


@cache
def _read(path: Path) -> Profile:
    profile = decode_toml(path, Profile)
    if path.stem != profile.name:
        raise ConfigError(f"{path}: name is {profile.name!r}; it must be the file's own, {path.stem!r}")
    for key, value in (
        ("min_rom_m", profile.min_rom_m),
        ("v0_mps", profile.v0_mps),
        ("set_gap_s", profile.set_gap_s),
    ):
        if not 0.0 < value < 1000.0:
            raise ConfigError(f"{path}: {key} is {value}; it must be above 0")
    return profile
