"""A station's faults, each with what to do about it, worded for an electrician."""

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from dashboard.floor.attention import UNWRITTEN, Recency, channel_words
from dashboard.floor.state import SessionState
from dashboard.floor.views import StationView
from station.messages import HealthMessage, Sensor

LOST_SHARE = 0.001  # of the frames: one in a thousand is a bad cable, fewer is a busy computer
RATE_SHARE = 0.05  # a board's clock is right to 0.01 %; an HX711's own oscillator to a few per cent
DRIFT_PPM = 200.0  # crystals are within 100; beyond is a wrong rate, or no crystal
CALIBRATION_DAYS = 365


_NOT_FRESH: dict[Recency, tuple[str, str]] = {
    "lost": ("the node is gone", "look whether its computer runs and is on the network"),
    "stopped": ("the node was stopped", "start it: systemctl start plumbline-edge"),
    "offline": (
        "no broker",
        "look whether it runs, and at this computer's network; `plumbline doctor` tries it",
    ),
    "sensor": ("{}", "plug it in again; `plumbline doctor` shows the ports"),
    "doubled": (
        "two nodes speak as this station",
        "give one of them another id in its station file, or stop it",
    ),
    "stale": ("no value for a while: {}", "look at the sensor's cable and power"),
    "waiting": ("no data yet", "`plumbline doctor` shows whether the board sends"),
}


class Fault(msgspec.Struct, frozen=True):
    """A fault: what was observed and what to do."""

    what: str
    do: str


def faults(view: StationView, session: SessionState, today: date) -> Iterator[Fault]:
    """Every fault of a station that its messages show, the most urgent first."""
    yield from _freshness(view)
    health, info = session.health, session.info
    sensors = info.sensors if info else []
    if health is not None:
        yield from _of_health(health, sensors)
    if info is not None and info.clock_synchronised is False:
        yield Fault(
            "the node's clock is not set: its sessions are filed by when they arrive",
            "let it reach a time server, or give it a clock that keeps time without power",
        )
    for sensor in sensors:
        age = calibration_age_days(sensor.calibrated, today)
        if age is not None and age > CALIBRATION_DAYS:
            what = f"{channel_words(sensor.channel)}: calibrated {age} days ago"
            yield Fault(what, f"run `plumbline calibrate` once more, for {sensor.channel}")


def _of_health(health: HealthMessage, sensors: Iterable[Sensor]) -> Iterator[Fault]:
    if health.link_up and health.problem:
        yield Fault(health.problem, "see the edge's log; the reps stay in its memory meanwhile")
    for name in health.saturated:
        what = f"{channel_words(name)} is at the end of its range"
        yield Fault(what, "take load off; check the cell's wiring and its zero")
    frames = max(1, health.frames + health.frames_lost)
    if health.frames_lost > LOST_SHARE * frames:
        what = f"{health.frames_lost} frames lost, {100.0 * health.frames_lost / frames:.1f} %"
        yield Fault(what, "a shorter USB cable, no hub; look at the computer's load")
    if health.frames_corrupt > LOST_SHARE * frames:
        what = f"{health.frames_corrupt} frames damaged"
        yield Fault(what, "a shielded cable away from motors; check the port's baud rate")
    if health.shifts:
        yield Fault(
            f"the zero of the lengths has jumped {health.shifts} times, and was put right",
            "look whether the tether slips or the unit is kicked; the path is back once the load has"
            " rested for a second, or with `0` on the coach's screen",
        )
    if health.clock_drift_ppm is not None and abs(health.clock_drift_ppm) > DRIFT_PPM:
        what = f"clock off by {health.clock_drift_ppm:+.0f} ppm"
        yield Fault(what, "compare the configured rate with the board's; replace a board without a crystal")
    if health.outbox_depth >= UNWRITTEN:
        what = f"nobody writes the history: {health.outbox_depth} events wait"
        yield Fault(what, "start `plumbline record`, or look why it cannot write; nothing is lost meanwhile")
    for sensor in sensors:
        measured, asked = health.rates_hz.get(sensor.channel), sensor.rate_hz
        if measured is not None and asked and abs(measured - asked) > RATE_SHARE * asked:
            what = f"{channel_words(sensor.channel)}: {measured:.4g} samples a second, {asked:.4g} configured"
            yield Fault(what, "correct rate_hz in the station file, or the board's setting")


def calibration_age_days(calibrated: str | None, today: date) -> int | None:
    """Days since a calibration; None where there is none, or its date cannot be read."""
    try:
        return (today - date.fromisoformat((calibrated or "")[:10])).days
    except ValueError:
        return None


def _freshness(view: StationView) -> Iterator[Fault]:
    if view.freshness.name in _NOT_FRESH:
        what, do = _NOT_FRESH[view.freshness.name]
        yield Fault(what.format(view.freshness.text), do)
