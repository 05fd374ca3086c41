"""What is drawn: any value at any size, and digits one can read."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.color import Color
from rich.segment import Segment

from dashboard.floor.pacing import pace
from dashboard.floor.reps import WHY_NOT
from dashboard.floor.state import FloorState
from dashboard.floor.views import view
from dashboard.plaintext import clean
from dashboard.tui.lifter.view import _say, lifter_lines
from dashboard.tui.lines import PLAIN, YELLOW, number, spread
from dashboard.tui.plots.braille import Braille
from dashboard.tui.plots.trace import path_lines, trace_lines
from dashboard.tui.widgets.coaching import coaching_lines
from dashboard.tui.widgets.digits import ROWS, big, big_width
from dashboard.tui.widgets.health import detail_lines, examine
from dashboard.tui.widgets.reps import rep_lines
from dashboard.tui.widgets.tile import tile_lines
from station.exercises import all_profiles
from station.records import PARTIAL, ReasonCode
from station.topics import Address
from tests.dashboard.arrivals import apply

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
MEASURES = (
    "eccentric_s",
    "bottom_pause_s",
    "concentric_s",
    "top_pause_s",
    "rom_m",
    "mean_concentric_velocity_mps",
    "path_deviation_m",
    "path_deviation_sigma_m",
    "velocity_loss_pct",
    *("slack_s", "heel_pct", "heel_least_pct", "left_pct", "load_measured_kg", "load_measured_sigma_kg"),
)


def _cleaned(told: tuple[str, bool]) -> tuple[str, bool]:
    return clean(told[0]), told[1]


@given(data=st.data(), width=st.integers(1, 130), height=st.integers(1, 40))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_values_are_drawn_at_any_size(words: Any, data: Any, width: int, height: int) -> None:
    say = words()
    messages = [
        say.state(),
        say.info(target_reps=data.draw(st.none() | st.integers())),
        say.set(1, end_s=-1e308),
    ]
    for n in range(1, 4):
        given_ = {name: data.draw(NUMBERS) for name in MEASURES}
        messages.append(say.rep(n, counted=n != 3, set_number=1, **given_))
    for _ in range(4):
        live = {name: data.draw(NUMBERS) for name in ("velocity_mps", "force_n", "x_m")}
        messages.append(say.live(data.draw(NUMBERS) or 0.0, position_m=data.draw(NUMBERS), **live))
    floor = FloorState()
    for message in messages:
        leaf = type(message).__name__.removesuffix("Message").lower()
        floor = apply(floor, Address("gym", "rack-1", leaf), message, 0.0)
    station = floor.stations["gym", "rack-1"]
    shown = view(station, all_profiles(), 0.5)
    trace = station.newest.trace
    asked = data.draw(st.tuples(*[st.none() | st.floats(0.0, 60.0)] * 4))
    followed = pace(trace, asked, data.draw(NUMBERS), data.draw(st.booleans()))
    told = data.draw(st.none() | st.tuples(st.text(max_size=200), st.booleans()).map(_cleaned))
    for lines in (
        tile_lines(shown, width, height),
        lifter_lines(shown, followed, False, "", told, width, height),
        coaching_lines(shown, (), all_profiles(), "kg")[: max(height, 2)],
        detail_lines(examine(shown, station.newest, date(2026, 1, 1)), width)[:height],
        rep_lines(shown, width, height),
        trace_lines(trace, width, height),
        path_lines(trace, width, height, data.draw(NUMBERS)),
    ):
        assert len(lines) <= max(height, 2)
        assert not any("\n" in segment.text for line in lines for segment in line)


def test_digits_have_their_width_and_differ_from_each_other() -> None:
    for scale in (1, 2, 3):
        pictures = {tuple(big(digit, scale)) for digit in "0123456789"}
        assert len(pictures) == 10
        for picture in pictures:
            assert len(picture) == ROWS * scale and {len(row) for row in picture} == {big_width("0", scale)}


def test_the_count_keeps_its_size_from_the_first_rep_of_a_set_to_the_tenth(words: Any) -> None:
    say = words()
    places = set()
    floor = apply(FloorState(), Address("gym", "rack-1", "info"), say.info(target_reps=10), 0.0)
    for message in (say.state(), *(say.rep(n) for n in range(1, 11))):
        leaf = type(message).__name__.removesuffix("Message").lower()
        floor = apply(floor, Address("gym", "rack-1", leaf), message, 0.0)
        lines = tile_lines(view(floor.stations["gym", "rack-1"], all_profiles(), 0.0), 60, 19)
        texts = ["".join(segment.text for segment in line) for line in lines]
        places.add(next(n for n, text in enumerate(texts) if "m/s mean" in text))
    assert len(places) == 1


@pytest.mark.parametrize("confidence", [0.5, 0.9, None])
def test_a_doubtful_rep_has_a_glyph_and_a_colour_wherever_it_is_shown(
    words: Any, confidence: float | None
) -> None:
    say = words()
    floor = apply(FloorState(), Address("gym", "rack-1", "info"), say.info(target_reps=10), 0.0)
    for message in (say.state(), say.rep(1), say.rep(2, confidence=confidence)):
        leaf = type(message).__name__.removesuffix("Message").lower()
        floor = apply(floor, Address("gym", "rack-1", leaf), message, 0.0)
    shown = view(floor.stations["gym", "rack-1"], all_profiles(), 0.0)
    doubtful = confidence == 0.5
    lifters = lifter_lines(shown, pace((), (None,) * 4, None), False, "", None, 80, 24)
    for lines in (tile_lines(shown, 60, 19), lifters, rep_lines(shown, 100, 12)):
        marks = [one for line in lines for one in line if "?" in one.text]
        assert bool(marks) == doubtful
        assert all(one.style is not None and one.style.color == Color.parse(YELLOW) for one in marks)
    drawn = "".join(one.text for line in lifters for one in line)
    assert any(all(row in drawn for row in big("2?", scale)) for scale in range(1, 7)) == doubtful


def test_a_straight_line_of_dots_is_one_braille_cell_per_four_rows() -> None:
    field = Braille(1, 2)
    field.line(0, 0, 0, 7, PLAIN)
    assert [[segment.text for segment in row] for row in field.rows()] == [["⡇"], ["⡇"]]
    field.dot(99, 99, PLAIN)
    field.dot(-1, 0, PLAIN)


def test_numbers_for_people() -> None:
    assert (number(None), number(-0.001, 2), number(0.525, 2), number(23.4)) == ("–", "0.00", "0.53", "23")


def test_the_right_end_of_a_line_is_never_cut() -> None:
    line = spread([Segment("a long name that has no room")], [Segment(" live")], 12)
    assert "".join(segment.text for segment in line) == "a long  live"


def words_of(lines: Any) -> str:
    return "\n".join("".join(segment.text for segment in line) for line in lines)


def test_as_fast_as_possible_is_an_x_wherever_the_prescription_stands(words: Any) -> None:
    say = words()
    floor = FloorState()
    for leaf, message in (
        ("state", say.state()),
        ("info", say.info(tempo_s=[3.0, 1.0, None, 0.0])),
        ("rep", say.rep(1)),
    ):
        floor = apply(floor, Address("gym", "rack-1", leaf), message, 0.0)
    shown = view(floor.stations["gym", "rack-1"], all_profiles(), 0.5)
    assert "for 3-1-x-0" in words_of(tile_lines(shown, 40, 10))
    assert "3    1    x    0" in words_of(rep_lines(shown, 80, 6))
    assert "tempo 3-1-x-0" in words_of(
        lifter_lines(shown, pace((), shown.target_tempo_s, None), False, "", None, 80, 24)
    )


def test_the_sets_before_stand_under_their_exercise_s_title_in_the_coach_s_unit(words: Any) -> None:
    say = words()
    floor = apply(FloorState(), Address("gym", "rack-1", "state"), say.state(), 0.0)
    shown = view(floor.stations["gym", "rack-1"], all_profiles(), 0.5)
    single = say.set(1, load_kg=100.0, counted_reps=1)
    said = words_of(coaching_lines(shown, [single], all_profiles(), "lb"))
    assert "Romanian deadlift" in said and "220.5 lb   1 rep  fastest" in said


@pytest.mark.parametrize("code", sorted({*PARTIAL, ReasonCode.MARKED_FAILED}))
def test_the_lifter_reads_in_five_words_why_a_rep_did_not_count(words: Any, code: ReasonCode) -> None:
    say = words()
    floor = FloorState()
    for message in (say.info(target_reps=3), say.rep(1), say.rep(2, counted=False, reason_code=code)):
        leaf = type(message).__name__.removesuffix("Message").lower()
        floor = apply(floor, Address("gym", "rack-1", leaf), message, 0.0)
    shown = view(floor.stations["gym", "rack-1"], all_profiles(), 0.5)
    assert shown.last is not None and 0 < len(shown.last.not_counted_reason.split()) <= 5
    assert _say(shown, "", None)[0] == shown.last.not_counted_reason


def test_every_reason_has_words_for_the_lifter() -> None:
    assert {code for code in ReasonCode if code not in WHY_NOT} <= {
        *(
            ReasonCode.PICK_UP,
            ReasonCode.SET_DOWN,
            ReasonCode.UNRACK,
            ReasonCode.RE_RACK,
        )  # never shown as reps
    }


def test_what_load_cells_say_stands_in_a_line_of_its_own_and_only_where_there_are_any(words: Any) -> None:
    say = words()
    floor = apply(FloorState(), Address("gym", "rack-1", "state"), say.state(), 0.0)
    cells = {"heel_pct": 55.4, "heel_least_pct": 48.0, "left_pct": 49.6, "slack_s": 0.31}
    weighed = {"load_measured_kg": 60.04, "load_measured_sigma_kg": 0.42}
    for nth, seen in ((1, {}), (2, cells | weighed)):
        said = say.rep(nth, **seen)
        floor = apply(floor, Address("gym", "rack-1", "rep"), said, 0.0)
        shown = view(floor.stations["gym", "rack-1"], all_profiles(), 0.5)
        lines = words_of(coaching_lines(shown, (), all_profiles(), "kg"))
        assert ("cells" in lines) == bool(seen)
    assert "weighed 60 kg ± 0.4 kg" in lines
    assert "on the heels 55 %, least 48   left 50 %   slack 0.3 s" in lines
