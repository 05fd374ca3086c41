"""`plumbline calibrate`: from known loads or lengths to the numbers in the station file."""

import contextlib
import math
import os
import select
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.link.drivers import make_driver
from edge.link.listening import Listener
from edge.tools.rewrite import with_calibration, write_atomically
from station.calibration import Fit, Point, fit_scale
from station.config import CHANNELS, Calibration, Port, StationFile, load_station
from station.errors import CalibrationError, ConfigError
from station.ports import port_channels
from station.program.usage import command_parser
from station.text.encoding import encoding_of, read_text

G_MPS2 = 9.80665  # standard gravity, CGPM 1901; local g differs by < 0.5 %, as does the mass of a plate
# What people set up, by the ending of a channel's name: unit, factor to SI, how to ask for zero and for more.
ASKED = {
    "n": ("kg", G_MPS2, "take everything off it, and let it rest", "put {} on it, and let it rest"),
    "m": ("m", 1.0, "let the tether go in all the way", "pull exactly {} and hold it there"),
    "rad": ("degrees", math.pi / 180.0, "hold the tether upright", "tilt the tether by {} to the front"),
}
SETTLE_S = 0.5
FIRST_READING_S = 5.0
PLOT_WIDTH = 41


def calibrate(argv: Sequence[str]) -> int:
    """Calibrate one channel of a station, and write it to the station file."""
    parser = command_parser(
        "calibrate",
        "Calibrate one channel: walks through the tare and known loads (kg), lengths (m) or angles\n"
        "(degrees), fits a line, and writes it with its date and residual to the station file; the rest\n"
        "of the file, comments included, stays as it is. Where the readings support no calibration it\n"
        "says why and writes nothing. End a running node first: a port has one reader.",
        """\
examples:
  plumbline calibrate --station rack-1.toml --channel force_n
      asks for the loads one by one; two plates that differ are enough, a third checks the line
  plumbline calibrate --station rack-1.toml --channel position_m --points 0,1
      the tether: all the way in, then pulled exactly 1.000 m
  yes '' | plumbline calibrate --station rack-1.toml --channel force_n --points 0,20,40 --for 2
      takes each point when a line comes on stdin
""",
    )
    parser.add_argument("--station", type=Path, required=True, metavar="STATION.toml")
    parser.add_argument("--channel", required=True, metavar="NAME", help="for example force_n or position_m")
    parser.add_argument("--points", metavar="0,A,B", help="the loads, lengths or angles, the tare first")
    parser.add_argument(
        "--for", type=float, default=3.0, dest="seconds", metavar="SECONDS", help="per reading (default 3)"
    )
    parser.add_argument(
        "--reversed", action="store_true", help="accept a sensor whose counts fall when the load rises"
    )
    args = parser.parse_args(argv)
    if args.channel not in CHANNELS:
        raise ConfigError(f"--channel is {args.channel!r}; channels are {', '.join(CHANNELS)}")
    if not 0.2 <= args.seconds <= 600.0:
        raise ConfigError(f"--for is {args.seconds:g}; a reading takes 0.2 to 600 seconds")
    station = load_station(args.station)
    unit = args.channel.rsplit("_", 1)[1]
    asked = _points(args.points, ASKED[unit][0]) if args.points is not None else None
    lines, points = InputLines(), list[Point]()
    with _open(station, args.channel) as reader:
        while (value := _next_value(reader, lines, asked, len(points), unit)) is not None:
            points.append(_take(reader, value, unit, args.seconds))
            if len(points) > 1:  # refuse where it goes wrong, not at the end
                fit_scale(points, unit, 0 if args.reversed else reader.sign)
        fit = fit_scale(points, unit, 0 if args.reversed else reader.sign)
    print(_report(points, fit, unit))
    entry = Calibration(
        zero_counts=_short(fit.scale.zero_counts),
        counts_per_unit=_short(fit.scale.counts_per_unit),
        date=datetime.now(UTC).date().isoformat(),
        points=[(_short(p.reference), _short(float(c))) for p, c in zip(points, fit.counts, strict=True)],
        residual=_short(float(np.abs(fit.residuals).max())),
    )
    # Read again: an editor may have been at it meanwhile.
    encoding = encoding_of(args.station.read_bytes())
    text = read_text(args.station)
    write_atomically(args.station, with_calibration(text, args.channel, entry), encoding)
    print(
        f"{args.station}: [calibration.{args.channel}] zero_counts = {entry.zero_counts!r},"
        f" counts_per_unit = {entry.counts_per_unit!r}"
    )
    return 0


class InputLines:
    """Lines of standard input, taken without waiting for them."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._text = b""
        self._over = False

    def take(self) -> str | None:
        """The next line if there is one. Raises CalibrationError when the input has ended."""
        while b"\n" not in self._text and not self._over:
            if not select.select([self._descriptor], [], [], 0.0)[0]:
                return None
            data = os.read(self._descriptor, 4096)
            self._over = not data
            self._text += data
        line, found, self._text = self._text.partition(b"\n")
        if not found and not line:
            raise CalibrationError("the input ended before the last point was taken; nothing was written")
        return line.decode("utf-8", "replace").strip()


class Readings(NamedTuple):
    """counts: float64, shape (n,), NaN = no value; saturated: how many lay at the range's end."""

    counts: NDArray[np.float64]
    saturated: int


class CountsReader:
    """The counts of one channel, from the port that gives it. A context manager."""

    def __init__(self, port: Port, station: StationFile, channel: str) -> None:
        bare = {name: entry for name, entry in station.calibration.items() if name != channel}
        counting = bare | {channel: Calibration(zero_counts=0.0, counts_per_unit=1.0)}
        self._listener = Listener(port, msgspec.structs.replace(station, calibration=counting))
        # The same bytes by the device's own scale: it knows which way that goes.
        self._own = make_driver(port, msgspec.structs.replace(station, calibration=bare))
        self._channel = channel

    def __enter__(self) -> Self:
        self._listener.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.__exit__(*exc)

    @property
    def sign(self) -> int:
        """The sign of the device's own scale, +1 or -1; 0 where it has none."""
        own = [sensor.counts_per_unit for sensor in self._own.sensors if sensor.channel == self._channel]
        return int(np.sign(own[0])) if own and own[0] is not None else 0

    @property
    def gives(self) -> list[str]:
        """The channels received so far."""
        return [sensor.channel for sensor in self._listener.driver.sensors]

    def listen(self, duration_s: float) -> Readings:
        """Collect the channel's counts for some seconds."""
        stats = self._listener.driver.stats
        before, end_s = stats.saturated.get(self._channel, 0), time.monotonic() + duration_s
        counts: list[NDArray[np.float64]] = [np.empty(0)]
        while time.monotonic() < end_s:
            given = self._listener.step()
            self._own.feed(self._listener.data, time.monotonic())
            counts += [part.value for part in given if part.channel == self._channel]
        return Readings(np.concatenate(counts), stats.saturated.get(self._channel, 0) - before)


@contextlib.contextmanager
def _open(station: StationFile, channel: str) -> Iterator[CountsReader]:
    """The port that gives the channel, open. Raises CalibrationError where none does."""
    named = [port for port in station.ports if channel in port_channels(port)]
    # A board names its channels itself.
    ports = named or [port for port in station.ports if not port_channels(port)]
    seen: list[str] = []
    for port in ports:
        with CountsReader(port, station, channel) as reader:
            end_s = time.monotonic() + FIRST_READING_S
            while channel not in reader.gives and time.monotonic() < end_s:
                reader.listen(0.1)
            if channel in reader.gives:
                yield reader
                return
            seen.append(f"{port.url} gives {', '.join(reader.gives) or 'nothing that can be read'}")
    raise CalibrationError(
        f"no port of the station gives {channel}: {'; '.join(seen) or 'none of them has it'};"
        " name the device in [[ports]], then try `plumbline doctor`"
    )


def _points(text: str, unit: str) -> list[float]:
    """The points of the command line."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) < 2 or values[0] != 0.0 or not all(map(math.isfinite, values)):
        raise ConfigError(
            f"--points is {text!r}; give two or more numbers in {unit}, the tare first: 0,20,40"
        )
    return values


def _next_value(
    reader: CountsReader, lines: InputLines, asked: list[float] | None, number: int, unit: str
) -> float | None:
    """The next point in people's units, when it is there to be read; None when there are enough."""
    name, _, at_zero, at_more = ASKED[unit]
    if asked is not None:
        if number == len(asked):
            return None
        value: float | None = asked[number]
    elif number == 0:
        value = 0.0
    else:
        enough = ", or Enter alone when that was all" if number > 1 else ""
        value = None
        while value is None:
            print(f"how many {name} next{enough}? ", end="", flush=True)
            said = _line(reader, lines)
            if not said and number > 1:
                return None
            with contextlib.suppress(ValueError):
                value = float(said.replace(",", "."))
    assert value is not None
    what = at_zero if value == 0.0 else at_more.format(_label(value, unit))
    print(f"{what}, then press Enter ", end="", flush=True)
    _line(reader, lines)
    return value


def _line(reader: CountsReader, lines: InputLines) -> str:
    """Wait for a line of input, reading the port meanwhile: a device does not wait."""
    while (line := lines.take()) is None:
        reader.listen(0.05)
    return line


def _take(reader: CountsReader, value: float, unit: str, seconds: float) -> Point:
    """Read the channel for a while at one point."""
    reader.listen(SETTLE_S)
    counts, saturated = reader.listen(seconds)
    label = _label(value, unit)
    seen = counts[~np.isnan(counts)]
    if len(seen):
        print(f"  {label}: {np.median(seen):.1f} counts, {len(seen)} readings", flush=True)
    return Point(value * ASKED[unit][1], label, counts, saturated)


def _report(points: Sequence[Point], fit: Fit, unit: str) -> str:
    """The residuals as numbers, and where they lie beside the line."""
    name, factor = ASKED[unit][:2]
    residuals = fit.residuals / factor
    largest = max(float(np.abs(residuals).max()), 1e-12)
    middle = PLOT_WIDTH // 2
    rows = [f"{'point':>14} {'counts':>14} {'residual':>12}  {'-':<{middle}}0{'+':>{middle}}"]
    for point, counts, residual in zip(points, fit.counts.tolist(), residuals.tolist(), strict=True):
        bar = [" "] * PLOT_WIDTH
        bar[middle] = "|"
        bar[middle + round(residual / largest * middle)] = "*"
        rows.append(f"{point.label:>14} {counts:>14.1f} {residual:>+12.4f}  {''.join(bar).rstrip()}")
    rows.append(
        f"{fit.scale.counts_per_unit * factor:.6g} counts per {name}; a reading varies by"
        f" {fit.noise / factor:.2g} {name}, the largest residual is {largest:.2g} {name}"
    )
    if len(points) == 2:
        rows.append("two points always lie on a line; a third would check it")
    return "\n".join(rows)


def _label(value: float, unit: str) -> str:
    return f"{value:.3f} m" if unit == "m" else f"{value:g} {ASKED[unit][0]}"


def _short(number: float) -> float:
    """Nine digits: more than any sensor has, and a file people can read."""
    return float(f"{number:.9g}")
