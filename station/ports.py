"""The ports of a station: which device is on each, what it gives, and what may be said of it."""

import re
from pathlib import Path
from typing import Literal

import msgspec

from station.errors import ConfigError

DriverName = Literal[
    "plumbline",
    "chronojump-encoder",
    "chronojump-force",
    "chronojump-encoder-force",
    "openscale",
    "hx711",
    "csv",
]


# The channels of a recording (docs/formats.md); also the names a board's hello and a calibration use.
CHANNELS = (
    "position_m",
    "position_2_m",
    "tether_angle_rad",
    "force_n",
    "pulley_x_n",
    "pulley_y_n",
    "platform_front_left_n",
    "platform_front_right_n",
    "platform_rear_left_n",
    "platform_rear_right_n",
)


# What a driver gives without being told; a board says it itself, csv by its columns.
DRIVER_CHANNELS: dict[DriverName, tuple[str, ...]] = {
    "chronojump-encoder": ("position_m",),
    "chronojump-force": ("force_n",),
    "chronojump-encoder-force": ("position_m", "force_n"),
    "openscale": ("force_n",),
    "hx711": ("force_n",),
}
TIME_UNITS = {"time_s": 1e6, "time_ms": 1e3, "time_us": 1.0}  # µs in one
MAX_PATTERN_CHARS = 200
_SOCKET = re.compile(r"socket://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")


class Port(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[[ports]]: a serial port of this station and the driver that understands it.

    The first port of a station sets the session's clock; what the others measure is put on it.
    """

    url: str  # /dev/serial/by-id/…, socket://host:port, or a pty
    driver: DriverName = "plumbline"
    baud: int = 115_200
    channel: str | None = None  # what a device with one value measures, where not the usual
    pattern: str | None = None  # hx711: a line, as a regular expression with the groups value, time_ms, …
    columns: list[str] = []  # csv: channels, time_s, time_ms or time_us; "" is passed over
    rate_hz: float | None = None  # what the device is set to send, where it does not say so itself
    decimal: Literal[".", ","] | None = None  # csv, hx711: what a comma in a line without units is


def port_channels(port: Port) -> tuple[str, ...]:
    """The channels a port gives; empty for a board, which says so itself."""
    usual = DRIVER_CHANNELS.get(port.driver, ())
    if port.driver == "csv":
        return tuple(name for name in port.columns if name and name not in TIME_UNITS)
    if port.pattern is not None:
        groups = re.compile(port.pattern).groupindex
        value = (port.channel or usual[0],) if "value" in groups else ()
        return value + tuple(name for name in groups if name in CHANNELS)
    return (port.channel,) if port.channel is not None else usual


def check_ports(path: Path, ports: list[Port]) -> None:
    """Raise ConfigError for a port that names what its driver does not have, or a channel twice."""
    given: dict[str, int] = {}
    urls: dict[str, int] = {}
    for index, port in enumerate(ports):
        if urls.setdefault(port.url, index) != index:
            raise ConfigError(
                f"{path}: ports[{urls[port.url]}] and ports[{index}] both are {port.url}; each has its own."
                " Adapters without a serial number (CH340) share one name under /dev/serial/by-id:"
                " name them by where they are plugged in, under /dev/serial/by-path"
            )
        try:
            check_port(port)
        except ConfigError as error:
            raise ConfigError(f"{path}: ports[{index}].{error}") from error
        for name in port_channels(port):
            if name in given:
                raise ConfigError(
                    f"{path}: ports[{given[name]}] and ports[{index}] both give {name};"
                    ' name another with channel = "…"'
                )
            given[name] = index


def check_port(port: Port) -> None:
    """Raise ConfigError, beginning with the key, for a port that names what its driver does not have."""
    problem = _url_problem(port.url) or _port_problem(port)
    if problem is not None:
        raise ConfigError(problem)


def _url_problem(url: str) -> str | None:
    """What is wrong with where a port is said to be."""
    socket = _SOCKET.fullmatch(url)
    if (url and "://" not in url) or (socket is not None and 0 < int(socket[1]) < 65_536):
        return None
    return f"url is {url!r}; give a path, best one under /dev/serial/by-id/, or socket://host:port"


def _port_problem(port: Port) -> str | None:  # noqa: PLR0911 - one reason a line
    """What is wrong with a port: the key, what was seen, what is valid."""
    one_value = port.driver in DRIVER_CHANNELS and len(DRIVER_CHANNELS[port.driver]) == 1
    if not 300 <= port.baud <= 4_000_000:
        return f"baud is {port.baud}; it lies in 300 to 4000000"
    if port.rate_hz is not None and not 0.0 < port.rate_hz <= 10_000.0:
        return f"rate_hz is {port.rate_hz}; it must be above 0 and at most 10000"
    if port.channel is not None and port.channel not in CHANNELS:
        return f"channel is {port.channel!r}; {suggest(port.channel, CHANNELS)}"
    if port.channel is not None and not one_value:
        return f"channel is given, but a {port.driver} device names its channels itself; leave it out"
    if port.decimal is not None and (port.pattern is not None or port.driver not in ("csv", "hx711")):
        return "decimal is given; it belongs to csv, and to hx711 without a pattern: leave it out"
    if port.pattern is not None:
        return _pattern_problem(port)
    if port.columns and port.driver != "csv":
        return f"columns is given, but driver is {port.driver!r}; columns belong to csv"
    if port.driver != "csv":
        return None
    valid = (*CHANNELS, *TIME_UNITS, "")
    for name in port.columns:
        if name not in valid:
            return f"columns has {name!r}; {suggest(name, valid)}"
    names = [name for name in port.columns if name]
    if len(set(names)) < len(names) or sum(name in TIME_UNITS for name in names) > 1:
        return f"columns is {port.columns}; each channel and the time may stand there once"
    if not port_channels(port):
        return 'columns names no channel; say what a line holds, for example ["time_ms", "force_n"]'
    return None


def _pattern_problem(port: Port) -> str | None:  # noqa: PLR0911
    """What is wrong with the pattern of a port."""
    assert port.pattern is not None
    if port.driver != "hx711":
        return f"pattern is given, but driver is {port.driver!r}; a pattern belongs to hx711"
    if len(port.pattern) > MAX_PATTERN_CHARS:
        return f"pattern has {len(port.pattern)} characters; at most {MAX_PATTERN_CHARS}"
    try:
        groups = re.compile(port.pattern).groupindex
    except (re.error, RecursionError, OverflowError) as error:
        return rf"pattern is no regular expression ({error}); mend it, for example (?P<value>-?\d+)"
    valid = ("value", *CHANNELS, *TIME_UNITS)
    for name in groups:
        if name not in valid:
            return f"pattern has a group {name!r}; {suggest(name, valid)}"
    if sum(name in TIME_UNITS for name in groups) > 1:
        return "pattern has more than one time; keep one of time_s, time_ms, time_us"
    channels = port_channels(port)
    if not channels or len(set(channels)) < len(channels):
        return r"pattern needs each value once, as a named group, for example ^(?P<value>-?\d+)$"
    return None


def suggest(name: str, valid: tuple[str, ...]) -> str:
    """Name the nearest valid word, and all of them."""
    import difflib  # noqa: PLC0415

    near = difflib.get_close_matches(name, valid, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}valid are {', '.join(valid)}" if valid else "nothing is valid here"
