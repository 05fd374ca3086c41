"""The station file: what a station is, in TOML. Unknown keys are an error that names what would be valid."""

import difflib
import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from station.errors import ConfigError

StationKind = Literal["barbell", "cable", "band"]
DriverName = Literal["plumbline"]

# The channels of a recording, CONTRACT "Recording"; also the names a board's hello and a calibration use.
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


class Port(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[[ports]]: a serial port of this station and the driver that understands it."""

    url: str  # /dev/serial/by-id/…, socket://host:port, or a pty
    driver: DriverName = "plumbline"
    baud: int = 115_200


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[calibration.CHANNEL]: value = (counts - zero_counts) / counts_per_unit, in the channel's unit."""

    zero_counts: float | None = None  # None, here and below: what the board's hello says
    counts_per_unit: float | None = None


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[noise]: one standard deviation of each sensor, for the path's uncertainty."""

    position_m: float = 0.0005
    tether_angle_rad: float = 0.0017  # 0.1 degree
    pulley_n: float = 1.0


class Mqtt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[mqtt]: where the results go."""

    host: str = "localhost"
    port: int = 8883
    site: str = "gym"
    tls: bool = True  # False is accepted for a loopback broker only
    ca_file: str | None = None
    username: str | None = None
    password_file: str | None = None  # mode 0600


class StationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole station file."""

    station: StationTable
    geometry: Geometry = Geometry()
    ports: list[Port] = []
    calibration: dict[str, Calibration] = {}
    noise: Noise = Noise()
    mqtt: Mqtt | None = None
    exercise: str | None = None  # what the station starts with
    exercises_dir: str | None = None  # the gym's own profiles


_T = TypeVar("_T", bound=msgspec.Struct)
_UNKNOWN_KEY = re.compile(r"unknown field `(?P<key>[^`]+)`(?: - at `\$(?P<where>[^`]*)`)?")


def load_station(path: Path) -> StationFile:
    """Read and check a station file. Raises ConfigError naming the file, the key and what would be valid."""
    station = decode_toml(path, StationFile)
    if not re.fullmatch(r"[a-z0-9-]{1,32}", station.station.id):
        raise ConfigError(
            f"{path}: station.id is {station.station.id!r}; use 1 to 32 of the characters a-z, 0-9 and -"
        )
    for name in station.calibration:
        if name not in CHANNELS:
            raise ConfigError(f"{path}: unknown key calibration.{name}; {_suggest(name, CHANNELS)}")
    geometry = station.geometry
    for key, value in (("travel_ratio", geometry.travel_ratio), ("free_length_m", geometry.free_length_m)):
        if value is not None and not 0.0 < value < 100.0:
            raise ConfigError(f"{path}: geometry.{key} is {value}; it must be above 0 and below 100")
    if not 0.5 <= geometry.pulley_efficiency <= 1.0:
        raise ConfigError(
            f"{path}: geometry.pulley_efficiency is {geometry.pulley_efficiency}; per sheave it lies in 0.5 to 1"
        )
    return station


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_mqtt(mqtt: Mqtt) -> None:
    """Raise ConfigError for a broker that may not or cannot be used as written."""
    if not re.fullmatch(r"[a-z0-9-]{1,32}", mqtt.site):
        raise ConfigError(f"mqtt.site is {mqtt.site!r}; use 1 to 32 of the characters a-z, 0-9 and -")
    if not 0 < mqtt.port < 65_536:
        raise ConfigError(f"mqtt.port is {mqtt.port}; a port is 1 to 65535")
    if not mqtt.tls and not is_loopback(mqtt.host):
        raise ConfigError(
            f"mqtt.tls is false and mqtt.host is {mqtt.host!r}; without TLS only a broker on this machine"
            " is accepted (localhost, 127.0.0.1, ::1)"
        )
    if mqtt.password_file is not None and mqtt.username is None:
        raise ConfigError("mqtt.password_file is given without mqtt.username; give both or neither")
    if mqtt.ca_file is not None and not Path(mqtt.ca_file).is_file():
        raise ConfigError(f"mqtt.ca_file {mqtt.ca_file}: no such file; give the CA's certificate (PEM)")


def read_password(mqtt: Mqtt) -> str | None:
    """The first line of the password file. Raises ConfigError where others than its owner may read it."""
    if mqtt.password_file is None:
        return None
    path = Path(mqtt.password_file)
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise ConfigError(f"{path}: has mode {mode:04o}, others may read it; run chmod 600 {path}")
        return path.read_text(encoding="utf-8").split("\n", 1)[0]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"mqtt.password_file {path}: cannot be read ({error})") from error


def decode_toml(path: Path, kind: type[_T]) -> _T:
    """Read a TOML file into a record. Raises ConfigError in one line."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give the path of a TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error), kind)}") from error


def _explain(text: str, kind: type[msgspec.Struct]) -> str:
    """msgspec's sentence in the words of the file: the dotted key, and the keys that would be valid."""
    unknown = re.search(r"unknown field `([^`]+)`", text)
    where = re.search(r" - at `\$\.?([^`]*)`", text)
    place = re.sub(r"\[\.\.\.\]", "", where.group(1)) if where else ""
    if unknown is None:
        reason = text.split(" - at ")[0]
        return f"{place or 'the file'}: {reason[0].lower()}{reason[1:]}"
    key = f"{place}.{unknown.group(1)}" if place else unknown.group(1)
    table = re.sub(r"\[[0-9]+\]", "", place)  # which entry of a list does not change its keys
    return f"unknown key {key}; {_suggest(unknown.group(1), _fields_at(kind, table))}"


def _fields_at(kind: Any, place: str) -> tuple[str, ...]:
    """The field names of the table a dotted place leads to."""
    for part in [p for p in place.split(".") if p]:
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            break
        info = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        kind = _table_in(info.get(part))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return tuple(field.encode_name for field in msgspec.structs.fields(kind))
    return ()


def _table_in(annotation: Any) -> Any:
    """The Struct inside `X | None`, `list[X]` or `dict[str, X]`, or the annotation itself."""
    for inner in getattr(annotation, "__args__", ()):
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return inner
    return annotation


def _suggest(name: str, valid: tuple[str, ...]) -> str:
    """Name the nearest valid word, and all of them."""
    near = difflib.get_close_matches(name, valid, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}valid are {', '.join(valid)}" if valid else f"{hint}no key is valid here"
