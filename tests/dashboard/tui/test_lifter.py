"""What a lifter does without a coach: each task of the table in docs/screens.md, and what can be read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.floor.pacing import Pace
from dashboard.floor.state import FloorState
from dashboard.floor.views import StationView, view
from dashboard.tui.app import PlumblineApp
from dashboard.tui.lifter.keypad import Choice, choices
from dashboard.tui.lifter.view import NOTHING_ASKED, Ask, lifter_lines
from dashboard.tui.preferences import Preferences, save_preferences
from dashboard.tui.widgets.digits import ROWS, big
from dashboard.tui.widgets.themes import THEMES
from station.exercises import all_profiles
from station.topics import Address
from tests.dashboard.arrivals import apply
from tests.dashboard.colours import faint, grey, strange
from tests.dashboard.sizes import SIZES

PROFILES = all_profiles()
DOCS = Path(__file__).parents[3] / "docs" / "screens.md"
KEYS = {
    words: keys.split()
    for words, keys in re.findall(r"^\| ([^|]+?) \| [^|]+ \| `([^`]+)` \|$", DOCS.read_text("utf-8"), re.M)
}
ANA = {"athlete": "ana", "queue": ["ana", "ben"], "target_reps": 8, "load_kg": 60.0}
# A 10-inch panel of 16:10 is 135 mm high.
PANEL_MM = 135.0


class Lifter:
    """The screen beside a rack, hands on its keypad, and what goes out."""

    def __init__(self, still: Any, looks: Any, say: Any, preferences: Path | None = None) -> None:
        self.sent: list[Any] = []
        self.still, self.looks, self.say = still, looks, say
        still.send = lambda _site, _station, request, tracked=True, leaf="": self.sent.append(request) or True
        still.put("rack-1", say.state(), say.info(**ANA), say.live(1.0))
        self.app = PlumblineApp(still, PROFILES, lifter_at="rack-1", by="rack-1", preferences=preferences)

    async def hear(self, pilot: Any, *said: Any) -> None:
        self.still.now_s += 0.1
        self.still.put("rack-1", *said)
        await self.looks.settle(pilot)

    async def press(self, pilot: Any, keys: list[str]) -> None:
        names = {"⏎": "enter", "*": "asterisk", "/": "slash", "+": "plus", "-": "minus", "F2": "f2"}
        await pilot.press(*(names.get(key, key) for key in keys))
        await self.looks.settle(pilot)

    def said(self) -> tuple[Any, ...]:
        """The newest of what went out: its name, or the badge with what was picked."""
        one = self.sent[-1]
        if hasattr(one, "badge"):
            return ("badge", one.badge, one.exercise)
        return (one.name, one.rep_event_id, one.mark) if one.name == "mark-rep" else (one.name, one.exercise)


async def a_set(lifter: Lifter, pilot: Any, **newest: Any) -> None:
    """Two reps, the second as given."""
    say = lifter.say
    await lifter.hear(pilot, say.rep(1, athlete="ana"), say.rep(2, athlete="ana", **newest), say.live(12.0))


async def ended(lifter: Lifter, pilot: Any) -> None:
    await a_set(lifter, pilot)
    await lifter.hear(pilot, lifter.say.set(1, athlete="ana", end_s=11.0), lifter.say.live(13.0))


async def paused(lifter: Lifter, pilot: Any) -> None:
    await ended(lifter, pilot)
    await lifter.hear(pilot, lifter.say.live(40.0))


async def doubtful(lifter: Lifter, pilot: Any) -> None:
    await lifter.press(pilot, [*"0042", "⏎"])
    await a_set(lifter, pilot, confidence=0.6)


async def three_halves(lifter: Lifter, pilot: Any) -> None:
    half = {"counted": False, "reason_code": "short-of-athlete", "athlete": "ana"}
    await lifter.hear(pilot, *(lifter.say.rep(n, **half) for n in (1, 2, 3)), lifter.say.live(16.0))


async def picked(lifter: Lifter, pilot: Any) -> None:
    await lifter.press(pilot, ["*", "2", "⏎"])


async def nothing(lifter: Lifter, pilot: Any) -> None:
    del lifter, pilot


REP = "a1-s1-r2"
TASKS: dict[str, tuple[Callable[..., Any], tuple[Any, ...] | None]] = {
    "say who lifts, and begin the plan's next exercise here": (nothing, ("badge", "0042", None)),
    "pick another of four exercises": (nothing, ("badge", "ana", "back-squat")),
    "the next athlete of the rack lifts": (ended, ("badge", "ben", None)),
    "end the set": (a_set, ("end-set", None)),
    "go on with a set that was ended": (ended, ("undo", None)),
    "go on with a set that a long pause has ended": (paused, ("continue-set", None)),
    "a doubtful rep counts": (doubtful, ("mark-rep", REP, "counted")),
    "a doubtful rep was none": (doubtful, ("mark-rep", REP, "false")),
    "a doubtful rep counts, by badge": (doubtful, ("mark-rep", REP, "counted")),
    "it is still the exercise that is counted": (three_halves, None),
    "it is another one": (three_halves, ("badge", "ana", "romanian-deadlift")),
    "take back what was chosen": (picked, ("undo", None)),
    "choose the sound": (nothing, None),
}


def test_the_table_has_every_task_and_no_other() -> None:
    assert set(KEYS) >= set(TASKS)


@pytest.mark.parametrize("task", list(TASKS))
def test_a_lifter_s_task_takes_the_keys_of_the_table(still: Any, looks: Any, words: Any, task: str) -> None:
    lifter = Lifter(still, looks, words())
    before, goes_out = TASKS[task]

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        await before(lifter, pilot)
        sent, seen = len(lifter.sent), looks.text(pilot.app)
        await lifter.press(pilot, KEYS[task])
        if goes_out is None:
            assert len(lifter.sent) == sent and looks.text(pilot.app) != seen
        else:
            assert (len(lifter.sent), lifter.said()) == (sent + 1, goes_out)

    looks.run(lifter.app, (80, 24), drive)


def test_the_question_goes_when_it_is_answered_and_a_badge_of_somebody_else_signs_in(
    still: Any, looks: Any, words: Any
) -> None:
    lifter = Lifter(still, looks, words())

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        await doubtful(lifter, pilot)
        assert "+ yes" in looks.text(pilot.app)
        await lifter.press(pilot, [*"0077", "⏎"])
        assert lifter.said() == ("badge", "0077", None)
        await lifter.hear(pilot, lifter.say.rep(2, revision=2, athlete="ana", confidence=1.0))
        assert "+ yes" not in looks.text(pilot.app)

    looks.run(lifter.app, (80, 24), drive)


def test_nobody_is_asked_of_another_exercise_after_two_half_reps_or_a_rep_that_counts(
    still: Any, looks: Any, words: Any
) -> None:
    lifter, say = Lifter(still, looks, words()), words()

    async def drive(pilot: Any) -> None:
        half = {"counted": False, "reason_code": "short-of-set", "athlete": "ana"}
        await looks.settle(pilot)
        await lifter.hear(pilot, say.rep(1, athlete="ana"), say.rep(2, **half), say.rep(3, **half))
        assert "+ yes" not in looks.text(pilot.app)
        await lifter.hear(pilot, say.health(20.0, movements_rejected=4))
        assert "+ yes" not in looks.text(pilot.app)
        await lifter.hear(pilot, say.health(21.0, movements_rejected=9))
        assert "+ yes" in looks.text(pilot.app)
        await lifter.press(pilot, ["+"])
        await lifter.hear(pilot, say.health(22.0, movements_rejected=19))
        assert "+ yes" not in looks.text(pilot.app)  # asked once

    looks.run(lifter.app, (80, 24), drive)


@pytest.mark.parametrize("known", [{"full_range_m": 0.3}, {"usual_range_m": 0.3}], ids=["plan", "record"])
@pytest.mark.parametrize("rom_m", [0.45, 0.2])
def test_three_reps_far_from_the_athletes_range_are_asked_about_though_they_count(
    known: dict[str, float], rom_m: float, still: Any, looks: Any, words: Any
) -> None:
    lifter = Lifter(still, looks, words())

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        await lifter.hear(pilot, lifter.say.info(athlete="ana", **known))
        await lifter.hear(pilot, lifter.say.rep(1, athlete="ana", rom_m=0.3))
        for n, still_fits in ((2, True), (3, True), (4, False)):
            await lifter.hear(pilot, lifter.say.rep(n, athlete="ana", rom_m=rom_m))
            assert ("+ yes" in looks.text(pilot.app)) is not still_fits
        await lifter.press(pilot, ["+"])
        await lifter.hear(pilot, lifter.say.rep(5, athlete="ana", rom_m=rom_m))
        assert "+ yes" not in looks.text(pilot.app)  # asked once

    looks.run(lifter.app, (80, 24), drive)


@pytest.mark.parametrize("name", [*THEMES, "NO_COLOR"])
@pytest.mark.parametrize("size", [(80, 24), (55, 37)])
def test_all_that_a_lifter_is_shown_is_read_in_every_theme(
    still: Any, looks: Any, words: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, name: str,
    size: tuple[int, int],
) -> None:  # fmt: skip
    if name == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    preferences = tmp_path / "preferences.toml"
    save_preferences(preferences, Preferences(theme="dark" if name == "NO_COLOR" else name))  # type: ignore[arg-type]
    lifter = Lifter(still, looks, words(), preferences)
    say = lifter.say

    async def drive(pilot: Any) -> None:
        async def hears(words: str, *said: Any) -> None:
            await lifter.hear(pilot, *said)
            assert words in looks.text(pilot.app)
            assert not faint(pilot.app), f"{words}: {faint(pilot.app)[:9]}"
            assert name != "dark" or not strange(pilot.app), f"{words}: {strange(pilot.app)}"
            assert name != "NO_COLOR" or grey(pilot.app), words

        await looks.settle(pilot)
        await hears("* exercise")
        await lifter.press(pilot, ["*"])
        await hears("number ⏎")
        await lifter.press(pilot, ["-"])
        for phase in ("eccentric", "concentric"):
            await hears("/ end the set", say.rep(1, athlete="ana"), say.live(12.0, phase=phase))
        half = {"counted": False, "reason_code": "short-of-set"}
        await hears("/ end the set", say.rep(2, athlete="ana", **half), say.live(16.0))
        await hears("+ yes", say.rep(3, athlete="ana", confidence=0.6), say.live(20.0))
        sure = say.rep(3, athlete="ana", revision=2, confidence=0.9)
        await hears("* exercise", sure, say.set(1, athlete="ana", end_s=20.0), say.live(60.0))
        await hears("lost", say.state("lost"))

    looks.run(lifter.app, size, drive)


def test_an_end_by_keypad_with_no_set_and_a_take_back_of_nothing_say_so(
    still: Any, looks: Any, words: Any
) -> None:
    lifter = Lifter(still, looks, words())

    async def drive(pilot: Any) -> None:
        await looks.settle(pilot)
        for key, told in (("/", "no set is running"), ("-", "nothing to take back")):
            await lifter.press(pilot, [key])
            assert lifter.app.screen._told == (told, False)  # type: ignore[attr-defined]
        assert lifter.sent == []

    looks.run(lifter.app, (80, 24), drive)


def seen(*said: Any) -> StationView:
    floor = FloorState()
    for message in said:
        leaf = type(message).__name__.removesuffix("Message").lower()
        floor = apply(floor, Address("gym", "rack-1", leaf), message, 0.0)
    return view(floor.stations["gym", "rack-1"], PROFILES, 0.5)


def drawn(shown: StationView, pace: Pace | None = None, ask: Ask = NOTHING_ASKED) -> str:
    rows = lifter_lines(shown, pace or Pace(), False, "", None, 80, 24, ask)
    return "\n".join("".join(part.text for part in row) for row in rows)


LEGIBLE = 200.0  # distance over height: the usual rule for signs


def legible_to_m(scale: int, panel_height_mm: float, screen_rows: int) -> float:
    """From how far a character of this scale can be read, metres, on a panel that shows so many rows."""
    return ROWS * scale * panel_height_mm / screen_rows * LEGIBLE / 1000.0


def is_large(text: str, words: str) -> bool:
    """Whether words stand at 80 × 24 in letters that can be read from three metres on the panel."""
    rows = text.split("\n")
    for scale in range(1, 7):
        picture = [row.rstrip() for row in big(words.upper(), scale)]
        for at in range(len(rows) - len(picture) + 1):
            block = rows[at : at + len(picture)]
            for start in range(len(block[0])):
                if all(row[start:].startswith(part) for row, part in zip(block, picture, strict=True)):
                    return legible_to_m(scale, PANEL_MM, 24) >= 3.0
    return False


def test_the_smallest_letters_can_be_read_from_three_metres_on_a_ten_inch_panel() -> None:
    assert legible_to_m(1, PANEL_MM, 24) >= 3.0
    assert legible_to_m(2, PANEL_MM, 40) >= 3.0
    assert legible_to_m(1, 299.0, 60) >= 2.9  # 24 inches of 16:9


RESTING = {"athlete": "ana", "load_kg": 60.0, "target_reps": 8, "target_sets": 4, "rest_s": 180.0}


def test_who_what_load_plates_and_rest_are_large_between_two_sets(words: Any) -> None:
    say = words()
    reps = [say.rep(n, athlete="ana", at_utc="2026-01-01T00:00:00.000Z") for n in (1, 2)]
    over = say.set(1, athlete="ana", end_s=15.0)
    shown = seen(say.state(), say.info(**RESTING), *reps, over, say.live(102.0))
    text = drawn(shown)
    for large in ("ana rdl", "60 kg x 8", "20 a side", "rest 1:27 of 3:00"):
        assert is_large(text, large), large


def test_what_is_on_the_bar_is_said_large_where_it_is_not_what_was_asked(words: Any) -> None:
    say = words()
    running = say.current(say.rep(1), say.rep(2), athlete="ana", load_kg=60.0, lifted_kg=62.0)
    shown = seen(say.state(), say.info(**RESTING), running, say.live(12.0))
    text = drawn(shown)
    assert all(is_large(text, large) for large in ("ana rdl 62 kg!", "62 kg on the", "bar, 60 asked"))


@pytest.mark.parametrize(("asked_s", "large"), [(1.0, "up 0.7"), (1.5, "up 1.2"), (3.0, "up 3")])
def test_a_phase_of_about_a_second_is_followed_in_tenths(words: Any, asked_s: float, large: str) -> None:
    say = words()
    shown = seen(say.state(), say.info(**RESTING), say.rep(1), say.live(12.0))
    pace = Pace(phase="concentric", elapsed_s=0.3, asked_s=asked_s, rep_began_s=9.0, rep_s=3.0)
    assert is_large(drawn(shown, pace), large)


@pytest.mark.parametrize("exercise", ["broomstick-hinge", "banded-hinge"])
def test_a_drill_has_seconds_and_no_velocity_nor_load(words: Any, exercise: str) -> None:
    say = words()
    reps = [say.rep(n, exercise=exercise, mean_concentric_velocity_mps=0.5) for n in (1, 2)]
    shown = seen(say.state(), say.info(exercise, athlete="ana", target_reps=8), *reps, say.live(12.0))
    hold = Pace(phase="bottom", elapsed_s=0.1, asked_s=0.5, rep_began_s=9.0, rep_s=3.0)
    text = drawn(shown, hold)
    assert "m/s" not in text and "s hold" in text
    assert is_large(text, "hold 0.4") and is_large(text, "0.4")


def test_the_choices_are_the_next_athlete_and_four_exercises_of_the_station_large(words: Any) -> None:
    say = words()
    shown = seen(
        say.state(), say.info("broomstick-hinge", athlete="ana", queue=["ana", "ben"]), say.live(1.0)
    )
    found = choices(shown, "barbell", PROFILES)
    assert found[0] == Choice("ben", athlete="ben")
    assert [one.exercise for one in found[1:]] == [
        "broomstick-hinge", "romanian-deadlift", "back-squat", "bench-press",
    ]  # fmt: skip
    text = drawn(shown, ask=Ask(choices=tuple(one.words for one in found)))
    assert all(is_large(text, large) for large in ("0 ben", "3 back squat", "4 bench press"))


@pytest.mark.parametrize("size", SIZES)
def test_the_screens_of_a_lifter_look_as_reviewed(words: Any, looks: Any, size: tuple[int, int]) -> None:
    say = words()
    waiting = seen(say.state(), say.info(**RESTING, queue=["ana", "ben"]), say.live(1.0))
    drill = seen(
        say.state(),
        say.info("broomstick-hinge", athlete="ana", target_reps=8),
        say.rep(1, exercise="broomstick-hinge"),
        say.live(12.0),
    )
    running = say.current(say.rep(1), say.rep(2), athlete="ana", load_kg=60.0, lifted_kg=62.0)
    other_load = seen(say.state(), say.info(**RESTING), running, say.live(12.0))
    half = say.rep(2, counted=False, reason_code="short-of-set")
    doubtful = seen(say.state(), say.info(**RESTING), say.rep(1), say.rep(2, confidence=0.6), say.live(12.0))
    partial = seen(say.state(), say.info(**RESTING), say.rep(1), half, say.live(12.0))
    up = Pace(
        phase="concentric", elapsed_s=0.3, asked_s=1.0, place=0.4, target=0.5, rep_began_s=9.0, rep_s=3.0
    )
    hold = Pace(phase="bottom", elapsed_s=0.1, asked_s=0.5, place=0.0, target=0.0, rep_began_s=9.0, rep_s=2.1)
    offered = tuple(one.words for one in choices(waiting, "barbell", PROFILES))
    for name, shown, pace, ask in (
        ("waiting", waiting, Pace(), NOTHING_ASKED),
        ("choices", waiting, Pace(), Ask(choices=offered)),
        ("other-load", other_load, up, NOTHING_ASKED),
        ("doubtful", doubtful, up, Ask("count rep 2?")),
        ("partial", partial, up, NOTHING_ASKED),
        ("drill", drill, hold, NOTHING_ASKED),
    ):
        rows = lifter_lines(shown, pace, False, "", None, *size, ask)
        text = "".join("".join(part.text for part in row).rstrip() + "\n" for row in rows)
        looks.check(f"lifter-{name}-{size[0]}x{size[1]}", text)
