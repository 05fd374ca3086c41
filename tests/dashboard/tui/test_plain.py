"""Plain mode: each rep and each set in one line."""

import io
import re
import threading
from typing import Any

import pytest

from dashboard.broker.events import Arrival
from dashboard.tui.plain import Reporter, run_plain
from station.exercises import all_profiles
from station.topics import Address


class Ear:
    """Hears messages of one station and keeps the lines."""

    def __init__(self, station: str = "rack-1") -> None:
        self._address = Address("gym", station, "rep")
        self.reporter = Reporter(all_profiles())

    def hear(self, *messages: Any) -> list[str]:
        return [line for _, line in self.reporter.lines([Arrival(self._address, m, 0.0) for m in messages])]


@pytest.fixture
def ear() -> Ear:
    """A reporter that has heard nothing yet."""
    return Ear()


REP_1 = (
    "rack-1     Romanian deadlift   set 1 rep 1  0.52 m/s  tempo 2.1-0.0-0.9-1.1  path 23 ± 2 mm  loss 8 %"
)


def test_a_rep_is_one_line_when_its_last_pause_is_known(ear: Ear, words: Any) -> None:
    say = words()
    assert ear.hear(say.rep(1, state="pending", revision=1, top_pause_s=None)) == []
    assert ear.hear(say.rep(1, revision=2, top_pause_s=None)) == []
    assert ear.hear(say.rep(1, revision=3)) == [REP_1]
    assert ear.hear(say.rep(1, revision=3), say.rep(1, revision=2, top_pause_s=None)) == []


def test_the_next_rep_or_the_sets_end_says_what_waited(ear: Ear, words: Any) -> None:
    say = words()
    assert ear.hear(say.rep(1, top_pause_s=None)) == []
    (first,) = ear.hear(say.rep(2, top_pause_s=None))
    assert "rep 1 " in first and "2.1-0.0-0.9-·" in first
    last, over = ear.hear(say.set(1, counted_reps=2, partial_reps=1))
    assert "rep 2 " in last
    assert (
        over
        == "rack-1     Romanian deadlift   set 1 over: 2 reps, 1 partial, fastest 0.56 m/s, velocity loss 8 %"
    )


def test_a_refined_pause_is_no_news_and_a_changed_count_is(ear: Ear, words: Any) -> None:
    say = words()
    assert len(ear.hear(say.rep(1))) == 1
    assert ear.hear(say.rep(1, revision=2, top_pause_s=1.2)) == []
    (corrected,) = ear.hear(say.rep(1, revision=3, counted=False, reason="marked partial"))
    assert corrected.endswith("not counted: marked partial  corrected")


def test_a_rejected_rep_is_withdrawn_and_a_partial_one_not_counted(ear: Ear, words: Any) -> None:
    say = words()
    (partial,) = ear.hear(say.rep(1, counted=False, reason="range 40 % of the set's median"))
    assert partial.endswith("set 1 rep 1  not counted: range 40 % of the set's median")
    ear.hear(say.rep(2, state="pending"))
    (withdrawn,) = ear.hear(say.rep(2, state="rejected", revision=2, reason="re-rack"))
    assert withdrawn.endswith("set 1 rep 2  withdrawn: re-rack")


def test_what_is_not_measured_is_said_so(ear: Ear, words: Any) -> None:
    (line,) = ear.hear(
        words().rep(1, path_deviation_m=None, mean_concentric_velocity_mps=None, velocity_loss_pct=None)
    )
    assert "rep 1  –  tempo" in line and "path not measured" in line and line.endswith("loss –")


def test_what_is_pending_at_the_end_is_said_at_the_end(ear: Ear, words: Any) -> None:
    ear.hear(words().rep(3, state="pending", top_pause_s=None))
    ((_, line),) = ear.reporter.rest()
    assert line.endswith("pending")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "no_color", "coloured"), [(Terminal, "", True), (Terminal, "1", False), (io.StringIO, "", False)]
)
def test_colour_only_on_a_terminal_that_wants_it(
    still: Any, words: Any, monkeypatch: pytest.MonkeyPatch, out: Any, no_color: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    still.put("rack-1", words().state(), words().rep(1))
    written = out()
    run_plain(still, all_profiles(), written, stop=threading.Event(), seconds=0.05)
    assert "rack-1" in written.getvalue() and ("\033[" in written.getvalue()) is coloured


def test_plain_mode_says_trouble_when_it_comes_and_when_it_changes(still: Any) -> None:
    said = iter([None, "edge ended", "edge ended", None])
    written = io.StringIO()
    stop = threading.Event()

    def trouble() -> str | None:
        try:
            return next(said)
        except StopIteration:
            stop.set()
            return None

    run_plain(still, all_profiles(), written, stop=stop, trouble=trouble)
    assert written.getvalue().count("edge ended") == 1


def test_the_first_line_says_the_day_and_by_which_clock(still: Any, clock_in: Any) -> None:
    clock_in("NST+03:30")
    written = io.StringIO()
    run_plain(still, all_profiles(), written, stop=threading.Event(), seconds=0.0)
    first = written.getvalue().splitlines()[0]
    assert re.fullmatch(r"\d\d:\d\d:\d\d dashboard  \d{4}-\d\d-\d\d, times are NST", first)
