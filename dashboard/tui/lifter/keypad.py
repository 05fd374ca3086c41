"""What a keypad or a badge reader means: a badge, a number, or one of four keys. Pure.

+ yes, - no or back, * another exercise, / end the set, where nothing has been typed before; a badge may have
such signs inside. A number of one digit and Enter takes a choice while there are any: a reader types more.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from dashboard.floor.reps import RepView
from dashboard.floor.views import StationView
from dashboard.roster.plans import exercises_at
from station.exercises import Profile
from station.messages import Mark
from station.records import PARTIAL, Rep

MAX_BADGE = 32
CHOICES = 4  # exercises to pick from: what can be read from three metres
LINE = 15  # characters of a line of large letters, beside its number
REJECTED_IN_A_ROW = 3  # reps not counted for their range: half reps are one or two
GO_ON_S, GO_ON_REPS = 120.0, 3  # after a pause that ended a set, and into the set after it
# Of the athlete's range at the exercise: more is no deeper rep of it, and less, three times, is no rep of it
# or a half one, which is worth asking as well.
SHORT_SHARE, LONG_SHARE = 0.72, 1.3
MOVEMENTS_REJECTED = 5  # in a row: taking a bar up and putting it down are one or two


class Key(Enum):
    """A key that acts by itself."""

    YES = "+"
    NO = "-"
    CHOOSE = "*"
    END = "/"


class Typed(NamedTuple):
    """A line that Enter has ended."""

    text: str

    @property
    def number(self) -> int | None:
        """The one digit it is; None for a badge."""
        return int(self.text) if len(self.text) == 1 and self.text.isdecimal() else None


class Keypad:
    """Gathers what is typed."""

    def __init__(self) -> None:
        self.text = ""

    def take(self, key: str, character: str | None) -> Key | Typed | None:
        """What a key completes."""
        if key == "enter":
            text, self.text = self.text, ""
            return Typed(text) if text else None
        if key == "backspace":
            self.text = self.text[:-1]
        elif character and not self.text and character in "+-*/":
            return Key(character)
        elif character and (character.isalnum() or character in "-_"):
            self.text = (self.text + character)[-MAX_BADGE:]
        return None


class Choice(NamedTuple):
    """What a number takes: an exercise, or else the next athlete."""

    words: str
    exercise: str | None = None
    athlete: str | None = None


def choices(view: StationView, kind: str, profiles: Mapping[str, Profile]) -> list[Choice]:
    """Who is next at the rack, if anybody waits, and four exercises of this kind of station.

    First what the progression leads to from the one that is counted, then the others by title.
    """
    here = exercises_at(kind, profiles)
    order: list[Profile] = []
    step = profiles.get(view.exercise or "")
    while step is not None and step not in order:
        order.append(step)
        step = profiles.get(step.leads_to or "")
    known = [one for one in order if one in here]
    known += sorted((one for one in here if one not in known), key=lambda one: one.title)
    athlete, waiting = view.next_athlete, view.waiting
    first = Choice(waiting[0], athlete=athlete) if athlete is not None and waiting else Choice("")
    return [first, *(Choice(_words(one), exercise=one.name) for one in known[:CHOICES])]


def _words(profile: Profile) -> str:
    """An exercise in a line of large letters at 80 columns."""
    return profile.title if len(profile.title) <= LINE else profile.short_title


def doubtful_rep(view: StationView) -> RepView | None:
    """The newest rep of the set that nobody can be sure of."""
    return next((rep for rep in reversed(view.valid_reps) if rep.doubtful), None)


def mark_of(rep: RepView, counts: bool) -> Mark:
    """The mark that settles a doubtful rep."""
    if counts:
        return "counted"
    return "partial" if rep.measured.reason_code in PARTIAL else "false"


def goes_on(view: StationView) -> bool:
    """Whether the lifter may mean that a set which a long pause has ended goes on."""
    if view.set_over:
        return bool(view.reps) and (view.rest_s or 0.0) < GO_ON_S
    return view.set_number is not None and view.set_number > 1 and 0 < len(view.reps) <= GO_ON_REPS


class Doubt:
    """Whether another exercise seems to be done than the one that is counted; asked once in a set.

    open: whether the question waits for its answer; whoever answers it clears it
    """

    def __init__(self) -> None:
        self.open = False
        self._of: object = None
        self._rejected = 0  # at the last rep that counted, or at the set's begin
        self._asked = False

    def arises(self, of: object, reps: Sequence[Rep], rejected: int, range_m: float | None = None) -> bool:
        """Whether to ask now.

        of : which set it is of what
        reps : its reps, oldest first, without those that a person has struck
        rejected : movements that were no rep, since the session's begin
        range_m : the athlete's range at the exercise that is counted, where it is known
        """
        last = reps[-REJECTED_IN_A_ROW:]
        many = len(last) == REJECTED_IN_A_ROW
        shares = [rep.rom_m / range_m for rep in last if rep.rom_m is not None and range_m is not None]
        other = len(shares) == REJECTED_IN_A_ROW and (max(shares) < SHORT_SHARE or min(shares) > LONG_SHARE)
        if self._of is None or of != self._of or (reps and reps[-1].counted and not other):
            self._of, self._rejected, self._asked, self.open = of, rejected, False, False
            return False
        if self._asked:
            return False
        short = many and all(rep.reason_code in PARTIAL for rep in last)
        self._asked = self.open = other or short or rejected - self._rejected >= MOVEMENTS_REJECTED
        return self._asked
