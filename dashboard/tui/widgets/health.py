"""Counters of every station in a line, and one station's sensors and faults in words."""

import textwrap
from collections.abc import Sequence
from datetime import date
from itertools import accumulate

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size

from dashboard.floor.faults import Fault, calibration_age_days, faults
from dashboard.floor.state import SessionState, StationKey
from dashboard.floor.views import StationView
from dashboard.tui.lines import BLUE, BOLD, FAINT, PLAIN, VERMILION, Lines, number

_COLUMNS = (
    ("station", 14),
    ("link", 12),
    ("frames", 9),
    ("lost", 6),
    ("bad", 5),
    ("replug", 7),
    ("drift ppm", 10),
    ("waiting", 8),
    ("age s", 6),
)
_MARK_CELLS = 3
_CHANNEL_CELLS = 24
_BESIDE_CHANNEL_CELLS = 38  # rates and when it was calibrated
_BAD = Style(color=VERMILION, bold=True)


class StationHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A station with its faults."""

    view: StationView
    session: SessionState
    faults: tuple[Fault, ...]
    calibrated: tuple[str, ...]  # per channel, in words


def examine(view: StationView, session: SessionState, today: date) -> StationHealth:
    """Find a station's faults."""
    sensors = session.info.sensors if session.info else []
    ages = [calibration_age_days(sensor.calibrated, today) for sensor in sensors]
    return StationHealth(
        view=view,
        session=session,
        faults=tuple(faults(view, session, today)),
        calibrated=tuple("never here" if days is None else f"{max(0, days)} days ago" for days in ages),
    )


class HealthTable(Lines):
    """A line per station."""

    _stations: Sequence[StationHealth] = ()
    _chosen: StationKey | None = None

    def show(self, stations: Sequence[StationHealth], chosen: StationKey | None) -> None:
        """Show these, one of them marked."""
        changed = len(stations) != len(self._stations)
        self._stations, self._chosen = stations, chosen
        self.draw_anew()
        if changed:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line each, and the heading."""
        return 1 + max(1, len(self._stations))

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The heading and the stations around the chosen one."""
        room, whole = width - _MARK_CELLS, accumulate(cells for _, cells in _COLUMNS)
        columns = sum(end <= room for end in whole)  # on a phone the others stand below in words
        heading = _in_columns([name for name, _ in _COLUMNS], columns)
        keys = [one.view.key for one in self._stations]
        place = keys.index(self._chosen) if self._chosen in keys else 0
        first = max(0, min(place - (height - 1) // 2, len(keys) - (height - 1)))
        rows = [self._row(one, columns) for one in self._stations[first : first + height - 1]]
        return [[Segment(f"   {heading}", FAINT)], *rows]

    def _row(self, one: StationHealth, columns: int) -> list[Segment]:
        health = one.session.health
        fresh = one.view.freshness
        cells = [one.view.name, fresh.text if fresh.name == "stale" else fresh.name]
        if health is not None:
            cells += [
                number(health.frames),
                number(health.frames_lost),
                number(health.frames_corrupt),
                number(health.reconnects),
                "–" if health.clock_drift_ppm is None else f"{health.clock_drift_ppm:+.1f}"[:9],
                number(health.outbox_depth),
                number(health.last_sample_age_s, 1),
            ]
        words = _in_columns(cells, columns)
        mark = "▶" if one.view.key == self._chosen else " "
        state = Segment("✖ ", _BAD) if one.faults else Segment("● ", Style(color=BLUE))
        style = BOLD if one.view.key == self._chosen else PLAIN
        return [Segment(mark, BOLD), state, Segment(words, style)]


def _in_columns(cells: Sequence[str], columns: int) -> str:
    """A line of the table: words at the left of their column, figures at its right."""
    return "".join(
        f"{cell[: size - 1]:<{size}}" if i < 2 else f"{cell:>{size}}"
        for i, (cell, (_, size)) in enumerate(zip(cells, _COLUMNS[:columns], strict=False))
    )


class HealthDetail(Lines):
    """One station whole."""

    _one: StationHealth | None = None

    def show(self, one: StationHealth | None) -> None:
        """Show this station."""
        self._one = one
        self.draw_anew()

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """What is wrong first, then the sensors."""
        if self._one is None:
            return [[Segment(" no station has been heard yet", FAINT)]]
        return detail_lines(self._one, width)[:height]


def detail_lines(one: StationHealth, width: int) -> list[list[Segment]]:
    """A station's faults, sensors, versions and settings; cut by whoever draws."""
    session = one.session
    info, health = session.info, session.health
    found: list[list[Segment]] = [[Segment(f" {one.view.name}", BOLD)]]
    if not one.faults:
        found.append(
            [Segment(" ● ", Style(color=BLUE)), Segment("nothing is wrong that the station can see")]
        )
    for fault in one.faults:
        found += _said(" ✖ ", _BAD, fault.what, BOLD, width)
        found += _said("   → ", FAINT, fault.do, PLAIN, width)
    rates = health.rates_hz if health else {}
    if info is not None and info.sensors:
        found.append([])
        cells = min(_CHANNEL_CELLS, max(8, width - _BESIDE_CHANNEL_CELLS))
        found.append(
            [Segment(f"   {'channel':<{cells}}{'configured':>11}{'measured':>10}  calibrated", FAINT)]
        )
        for sensor, calibrated in zip(info.sensors, one.calibrated, strict=True):
            asked = "as it comes" if sensor.rate_hz is None else f"{sensor.rate_hz:.4g} Hz"
            seen = rates.get(sensor.channel)
            measured = "–" if seen is None else f"{seen:.4g} Hz"
            found.append(
                [Segment(f"   {sensor.channel[: cells - 1]:<{cells}}{asked:>11}{measured:>10}  {calibrated}")]
            )
    if info is not None:
        found.append([])
        versions = " · ".join(
            part for part in (info.software, info.board or "no board named", info.kind) if part
        )
        found += _said("   ", FAINT, versions, FAINT, width)
    if health is not None:
        words = (
            f"{health.samples_rejected} samples refused, {health.bytes_discarded} bytes discarded, "
            f"{health.reconnects} replugs, {health.outbox_depth} events waiting"
        )
        found += _said("   ", FAINT, words, FAINT, width)
    return found


def _said(lead: str, lead_style: Style, words: str, style: Style, width: int) -> list[list[Segment]]:
    lines = textwrap.wrap(words, max(10, width - len(lead) - 1)) or [""]
    return [
        [Segment(lead if n == 0 else " " * len(lead), lead_style), Segment(line, style)]
        for n, line in enumerate(lines)
    ]
