"""The files of a new station: settings, password, and the credential request with its hash."""

from pathlib import Path
from typing import get_args

from edge.broker.credentials import hashed, new_password
from edge.upkeep.changes import Change, read_plain
from edge.upkeep.units import SETTINGS
from station.config import load_station
from station.ports import DriverName

_STATION = """\
exercise = "romanian-deadlift"     # what the station starts with

[station]
id = "{station}"
kind = "barbell"                   # barbell, cable or band

[geometry]
lpt_anchor_m = [0.0, 0.0]          # where the tether leaves the unit, forward and up from the bar's line

[[ports]]
url = "{port}"
driver = "plumbline"               # {drivers}

[mqtt]
host = "{host}"
site = "{site}"
{security}
"""
_TLS = """\
ca_file = "/etc/plumbline/ca.pem"  # from the broker's machine
username = "{station}"
password_file = "/etc/plumbline/{station}.pw\""""
_LOCAL = "tls = false                        # this machine only\nport = 1883"


def settings_path(station: str) -> Path:
    """Path of a station file, below the root."""
    return SETTINGS / f"{station}.toml"


def station_files(root: Path, station: str, host: str, site: str) -> list[Change]:
    """The files to create for a station; none where its settings exist.

    Raises ConfigError for settings that are there and cannot be used, and for links.
    """
    path = root / settings_path(station)
    if read_plain(path) is not None:
        load_station(path)
        return []
    local = host == "localhost"
    text = _STATION.format(
        station=station,
        host=host,
        site=site,
        port=_port(),
        drivers=", ".join(get_args(DriverName)),
        security=_LOCAL if local else _TLS.format(station=station),
    )
    made = [Change(path, None, text, 0o640)]
    word_path = path.with_suffix(".pw")
    if not local and read_plain(word_path) is None:
        word = new_password()
        made.append(Change(word_path, None, word + "\n", 0o600, secret=True))
        request = path.with_suffix(".request")
        made.append(Change(request, read_plain(request), f"{station}:{hashed(word)}\n", 0o644, secret=True))
    return made


def _port() -> str:
    """The first serial port that keeps its name, or what one would be called."""
    found = sorted(Path("/dev/serial/by-id").glob("*"))
    return str(found[0]) if found else "/dev/ttyACM0"
