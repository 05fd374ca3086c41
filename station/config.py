"""The station file: what a station is, in TOML. Unknown keys are an error that names what would be valid."""

import ipaddress
import math
import os
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from station.errors import ConfigError
from station.ports import CHANNELS, Port, check_ports, suggest
from station.text.encoding import read_text
from station.text.toml import read_toml
from station.topics import NAME

if TYPE_CHECKING:
    import ssl

__all__ = [
    "CHANNELS",
    "Calibration",
    "Geometry",
    "Mqtt",
    "Noise",
    "Port",
    "Stack",
    "StationFile",
    "StationKind",
    "StationTable",
    "certificate_problem",
    "check_host",
    "check_mqtt",
    "decode_toml",
    "is_loopback",
    "load_station",
    "read_password",
    "read_secret",
]

StationKind = Literal["barbell", "cable", "band"]


class StationTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[station]"""

    id: str
    kind: StationKind


class Geometry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[geometry]: surveyed places and ratios, metres."""

    lpt_anchor_m: tuple[float, float] = (0.0, 0.0)
    lpt_2_anchor_m: tuple[float, float] | None = None
    travel_ratio: float = 1.0
    pulley_efficiency: float = 0.98
    free_length_m: float | None = None


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[calibration.CHANNEL]: value = (counts - zero_counts) / counts_per_unit, in the channel's unit."""

    zero_counts: float | None = None  # None, here and below: what the board's hello says
    counts_per_unit: float | None = None
    date: str | None = None  # this and below: how it was found, by `plumbline calibrate`
    points: list[tuple[float, float]] = []  # reference in the channel's unit, counts
    residual: float | None = None  # the largest, in the channel's unit


class Stack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[stack]"""

    plates_kg: list[float]  # what it lifts with the pin at each plate, from the top


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[noise]: one standard deviation of each sensor, for the path's uncertainty."""

    position_m: float = 0.0005
    tether_angle_rad: float = 0.0017  # 0.1 degree
    pulley_n: float = 1.0
    # Errors that all reps of a set have in common
    anchor_m: float = 0.005  # of each coordinate of a surveyed anchor: a tape measure
    zero_m: float = 0.003  # of a tether's zero
    scale: float = 0.002  # of the length of a count or of travel_ratio, relative


class Mqtt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[mqtt]: where the results go."""

    host: str = "localhost"
    port: int = 8883
    site: str = "gym"
    tls: bool = True  # False is accepted for a loopback broker only
    ca_file: str | None = None
    username: str | None = None
    password_file: str | None = None  # mode 0600
    home_assistant: str | None = None  # its discovery prefix, usually "homeassistant"


class StationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole station file."""

    station: StationTable
    geometry: Geometry = Geometry()
    stack: Stack | None = None
    ports: list[Port] = []
    calibration: dict[str, Calibration] = {}
    noise: Noise = Noise()
    mqtt: Mqtt | None = None
    exercise: str | None = None  # what the station starts with
    exercises_dir: str | None = None  # the gym's own profiles
    rezero_at_rest: bool = True  # the load cell's drift is taken out while nothing hangs and nothing moves


_UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"  # what web pages put beside a copied word
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?|[0-9A-Fa-f:]{2,45}(%[\w.-]{1,32})?")
_NOT_YET_VALID, _EXPIRED = 9, 10  # X509_V_ERR_… of OpenSSL's x509_vfy.h
FARTHEST_ANCHOR_M = 5.0  # nobody fixes a unit this far from the bar
MOST_PLATES = 64

_T = TypeVar("_T", bound=msgspec.Struct)


def load_station(path: Path) -> StationFile:
    """Read and check a station file. Raises ConfigError naming the file, the key and what would be valid."""
    station = decode_toml(path, StationFile)
    if not NAME.fullmatch(station.station.id):
        raise ConfigError(
            f"{path}: station.id is {station.station.id!r}; use 1 to 32 of the characters a-z, 0-9 and -"
        )
    for name in station.calibration:
        if name not in CHANNELS:
            raise ConfigError(f"{path}: unknown key calibration.{name}; {suggest(name, CHANNELS)}")
    for key, number in _numbers(station):
        if not math.isfinite(number):
            raise ConfigError(f"{path}: {key} is {number}; it must be a finite number")
    for key in station.noise.__struct_fields__:
        if getattr(station.noise, key) < 0.0:
            raise ConfigError(f"{path}: noise.{key} is {getattr(station.noise, key)}; it must be 0 or above")
    _check_stack(path, station)
    check_ports(path, station.ports)
    if station.mqtt is not None:
        try:
            check_host(station.mqtt.host)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
    _check_geometry(path, station.geometry)
    return station


def _check_geometry(path: Path, geometry: Geometry) -> None:
    for key in ("lpt_anchor_m", "lpt_2_anchor_m"):
        anchor = getattr(geometry, key)
        if anchor is not None and max(map(abs, anchor)) > FARTHEST_ANCHOR_M:
            raise ConfigError(
                f"{path}: geometry.{key} is {list(anchor)}, farther than {FARTHEST_ANCHOR_M:g} m;"
                " give x and y in metres, with a decimal point"
            )
    for key, value in (("travel_ratio", geometry.travel_ratio), ("free_length_m", geometry.free_length_m)):
        if value is not None and not 0.0 < value < 100.0:
            raise ConfigError(f"{path}: geometry.{key} is {value}; it must be above 0 and below 100")
    if not 0.5 <= geometry.pulley_efficiency <= 1.0:
        raise ConfigError(
            f"{path}: geometry.pulley_efficiency is {geometry.pulley_efficiency};"
            " per sheave it lies in 0.5 to 1"
        )


def _check_stack(path: Path, station: StationFile) -> None:
    if station.stack is None:
        return
    if station.station.kind != "cable":
        raise ConfigError(
            f"{path}: [stack] belongs to a cable station, not to a {station.station.kind} station"
        )
    plates_kg = station.stack.plates_kg
    if not 0 < len(plates_kg) <= MOST_PLATES:
        raise ConfigError(f"{path}: stack.plates_kg has {len(plates_kg)} plates; give 1 to {MOST_PLATES}")
    for before_kg, plate_kg in pairwise([0.0, *plates_kg]):
        if not before_kg < plate_kg <= 1000.0:  # NaN is not
            raise ConfigError(
                f"{path}: stack.plates_kg has {plate_kg:g} after {before_kg:g}; give what the stack lifts"
                " with the pin at each plate, rising, up to 1000"
            )


def _numbers(station: StationFile) -> Iterator[tuple[str, float]]:
    """The dotted key and value of every number in [geometry] and [noise]."""
    for name, table in (("geometry", station.geometry), ("noise", station.noise)):
        for key in table.__struct_fields__:
            value = getattr(table, key)
            for number in value if isinstance(value, tuple) else (value,):
                if number is not None:
                    yield f"{name}.{key}", number


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(host: str) -> None:
    """Raise ConfigError for a broker's host that is no name and no address."""
    if _HOST.fullmatch(host) and _is_host(host):
        return
    bare = re.sub(r"^\s*[a-z0-9+]*:?//", "", host, flags=re.IGNORECASE).strip().partition("/")[0].strip("[]")
    bare = bare.rpartition("@")[2]
    name, _, port = bare.partition(":") if bare.count(":") == 1 else (bare, "", "")
    hint = ""
    if name != host and _HOST.fullmatch(name) and _is_host(name):
        hint = f': host = "{name}"' + (f", port = {port}" if port.isdigit() else "")
    elif not host.strip():
        hint = ', for example "localhost"'
    shown = "…@" + host.rpartition("@")[2] if "@" in host else host  # what stands before it may be a password
    raise ConfigError(
        f"mqtt.host is {shown[:80]!r}; give a name or address alone, without scheme, port or blanks{hint}"
    )


def _is_host(host: str) -> bool:
    """Whether it is an address, or a name, which has no colon, and parts of 1 to 63 letters (RFC 1035)."""
    if ":" not in host:
        return all(0 < len(part) <= 63 for part in host.removesuffix(".").split("."))
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def check_mqtt(mqtt: Mqtt) -> None:
    """Raise ConfigError for a broker that may not or cannot be used as written."""
    check_host(mqtt.host)
    if not NAME.fullmatch(mqtt.site):
        raise ConfigError(f"mqtt.site is {mqtt.site!r}; use 1 to 32 of the characters a-z, 0-9 and -")
    if not 0 < mqtt.port < 65_536:
        raise ConfigError(f"mqtt.port is {mqtt.port}; a port is 1 to 65535")
    if not mqtt.tls and not is_loopback(mqtt.host):
        raise ConfigError(
            f"mqtt.tls is false and mqtt.host is {mqtt.host!r}; without TLS only a broker on this machine"
            " is accepted (localhost, 127.0.0.1, ::1)"
        )
    if mqtt.home_assistant is not None and not re.fullmatch(r"[A-Za-z0-9_/-]{1,64}", mqtt.home_assistant):
        raise ConfigError(f"mqtt.home_assistant is {mqtt.home_assistant!r}; give its discovery prefix")
    if mqtt.password_file is not None and mqtt.username is None:
        raise ConfigError("mqtt.password_file is given without mqtt.username; give both or neither")
    if mqtt.ca_file is not None and not Path(mqtt.ca_file).is_file():
        raise ConfigError(f"mqtt.ca_file {mqtt.ca_file}: no such file; give the CA's certificate (PEM)")


def read_password(mqtt: Mqtt) -> str | None:
    """The broker's password; None where there is none. Raises ConfigError as `read_secret`."""
    if mqtt.password_file is None:
        return None
    try:
        return read_secret(Path(mqtt.password_file))
    except ConfigError as error:
        raise ConfigError(f"mqtt.password_file {error}") from error


def read_secret(path: Path) -> str:
    """The first line of a file, without blanks round it.

    Raises ConfigError where others than its owner may read it, and where nothing stands in it.
    """
    try:
        mode = path.stat().st_mode & 0o777
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read ({reason}); give the file with the password") from error
    # What systemd hands over is its service's alone, by an ACL that looks like a group's right.
    handed_over = path.parent == Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nowhere"))
    if mode & 0o077 and not handed_over:
        raise ConfigError(f"{path}: has mode {mode:04o}, others may read it; run chmod 600 {path}")
    lines = read_text(path, "a file with the password in its first line").splitlines()
    word = lines[0].strip().strip(_UNSEEN) if lines else ""
    if not word:
        raise ConfigError(f"{path}: no password in its first line; write it there")
    return word


def certificate_problem(error: "ssl.SSLCertVerificationError", now: datetime) -> tuple[str, str]:
    """What a broker's certificate was refused for, and what to do: renewing it, or setting a clock."""
    seen, here = f"certificate: {error.verify_message}", f"this machine's clock says {now:%Y-%m-%d %H:%M}"
    if error.verify_code == _EXPIRED:
        todo = (
            f"{here}: if that is right, renew it (`plumbline broker renew` on the broker), else set the clock"
        )
        return seen, todo
    if error.verify_code == _NOT_YET_VALID:
        return seen, f"{here}: set it; only if it is right was the certificate made by a clock that was wrong"
    return seen, "give the broker's CA in mqtt.ca_file, and in mqtt.host the name its certificate has"


def decode_toml(path: Path, kind: type[_T]) -> _T:
    """Read a TOML file into a record. Raises ConfigError in one line."""
    raw = read_toml(path)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error), kind)}") from error


def _explain(text: str, kind: type[msgspec.Struct]) -> str:
    """msgspec's sentence in the words of the file: the dotted key, and the keys that would be valid."""
    unknown = re.search(r"unknown field `([^`]+)`", text)
    where = re.search(r" - at `\$\.?([^`]*)`", text)
    place = where.group(1).replace("[...]", ".*") if where else ""  # any key of a table of tables
    found = _type_at(kind, place)
    if unknown is not None:
        key = f"{place}.{unknown.group(1)}" if place else unknown.group(1)
        return f"unknown key {key}; {suggest(unknown.group(1), _fields(found))}"
    reason = text.split(" - at ", maxsplit=1)[0]
    missing = re.fullmatch(r"Object missing required field `([^`]+)`", reason)
    if missing is not None:
        key = f"{place}.{missing[1]}" if place else missing[1]
        needed = _type_at(kind, key)
        is_table = isinstance(needed, type) and issubclass(needed, msgspec.Struct)
        return f"no {f'[{key}] table' if is_table else key}; it is needed"
    word = re.fullmatch(r"Invalid enum value '(.*)'", reason)
    if word is not None and get_origin(found) is Literal:
        return f"{place} is {word.group(1)!r}; {suggest(word.group(1), get_args(found))}"
    return f"{place or 'the file'}: {reason[0].lower()}{reason[1:]}{_remedy(reason)}"


_REMEDIES = (
    (r"Expected `array` of length \d+, got \d+", "decimals are written with a point, [0.13, 0.0]"),
    (
        r"Expected `(float|int)( \| null)?`, got `str`",
        "write the number without quotation marks, with a decimal point",
    ),
    (r"Expected `int( \| null)?`, got `float`", "write a whole number without a mark, 115200"),
    (r"Expected `bool`, got `(str|int)`", "write true or false, without quotation marks"),
    (r"Expected `str( \| null)?`, got `(int|float)`", "put it in quotation marks"),
    (r"Expected `array`, got `object`", "write its header with two brackets, [[…]]"),
)


def _remedy(reason: str) -> str:
    """What to do about a value of the wrong type or number."""
    return next((f"; {todo}" for seen, todo in _REMEDIES if re.fullmatch(seen, reason)), "")


def _type_at(kind: Any, place: str) -> Any:
    """The type a dotted place leads to. Which entry of a list or table of tables makes no difference."""
    for part in [p for p in re.sub(r"\[[0-9]+\]", "", place).split(".") if p not in ("", "*")]:
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return None
        info = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        kind = _table_in(info.get(part))
    return kind


def _fields(kind: Any) -> tuple[str, ...]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return tuple(field.encode_name for field in msgspec.structs.fields(kind))
    return ()


def _table_in(annotation: Any) -> Any:
    """The Struct inside `X | None`, `list[X]` or `dict[str, X]`, or the annotation itself."""
    for inner in getattr(annotation, "__args__", ()):
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return inner
    return annotation
