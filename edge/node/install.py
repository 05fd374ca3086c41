"""`plumbline edge install` and `uninstall`: a node that starts with the machine, watched over by systemd.

Only files are written; the commands that make them count are printed. Settings, passwords and the outbox are
never overwritten, and never removed.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from edge.broker.credentials import hashed, new_password, write_private
from station.config import load_station
from station.errors import ConfigError
from station.ports import DriverName
from station.usage import command_parser

MARK = "# Written by `plumbline edge install`; `plumbline edge uninstall` removes it."
UNIT = Path("etc/systemd/system/plumbline-edge.service")
UDEV = Path("etc/udev/rules.d/60-plumbline.rules")
USERS = Path("etc/sysusers.d/plumbline.conf")
SETTINGS = Path("etc/plumbline")

_UNIT = """\
{mark}
[Unit]
Description=Plumbline edge node
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
WatchdogSec=30
Restart=always
RestartSec=1
TimeoutStopSec=10
User=plumbline
Group=plumbline
SupplementaryGroups=dialout
StateDirectory=plumbline
StateDirectoryMode=0700
UMask=0077
OOMScoreAdjust=-500
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
PrivateMounts=yes
DevicePolicy=closed
DeviceAllow=char-ttyACM rw
DeviceAllow=char-ttyUSB rw
DeviceAllow=char-ttyAMA rw
DeviceAllow=char-ttyS rw
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
"""

# ModemManager talks to every new serial port; FTDI chips hold bytes back for 16 ms unless told not to.
_UDEV = """\
{mark}
SUBSYSTEM=="tty", SUBSYSTEMS=="usb", GROUP="dialout", MODE="0660", ENV{{ID_MM_DEVICE_IGNORE}}="1"
ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{{latency_timer}}="1"
"""

_USERS = """\
{mark}
u plumbline - "Plumbline edge node" /var/lib/plumbline
"""

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
password_file = "/etc/plumbline/{station}.pw"
"""

EXAMPLES = """\
examples:
  sudo plumbline edge install rack-1 --host gym.local
  sudo plumbline edge install rack-1 cable-1 --host gym.local --site west
  plumbline edge install rack-1 --host gym.local --root /tmp/staged    to look at it first
  sudo plumbline edge uninstall
"""


def install(argv: Sequence[str]) -> int:
    """Write unit, udev rules, user and, where they are not there yet, settings and credentials."""
    parser = _parser("install", "Let this machine run a node from its start, watched over by systemd.")
    parser.add_argument("stations", nargs="+", metavar="STATION", help="ids: [a-z0-9-], 1 to 32 characters")
    parser.add_argument("--host", default="localhost", help="the gym's broker (default: this machine)")
    parser.add_argument("--site", default="gym")
    args = parser.parse_args(argv)
    for name in (args.site, *args.stations):
        if not re.fullmatch(r"[a-z0-9-]{1,32}", name):
            raise ConfigError(f"{name!r} is no name; use 1 to 32 of the characters a-z, 0-9 and -")
    if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", args.host):
        raise ConfigError(f"--host is {args.host!r}; give the broker's name or address")
    root: Path = args.root
    settings = root / SETTINGS
    try:
        settings.mkdir(mode=0o750, parents=True, exist_ok=True)
        said = [_station(root, station, args.host, args.site) for station in args.stations]
        files = " ".join(f"/{SETTINGS}/{station}.toml" for station in args.stations)
        program = Path(sys.prefix) / "bin" / "plumbline"
        command = f"{program} edge --station {files} --outbox /var/lib/plumbline/outbox.db"
        home = "read-only" if program.is_relative_to("/home") or program.is_relative_to("/root") else "yes"
        for path, text in ((UNIT, _UNIT), (UDEV, _UDEV), (USERS, _USERS)):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            written = text.format(mark=MARK, command=command, home=home)
            (root / path).write_text(written, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: {error.strerror}; use sudo, or --root DIR to look first"
        ) from error
    print(*said, sep="\n")
    print(
        f"Then: systemd-sysusers && chown -R plumbline: /{SETTINGS} && udevadm control --reload"
        " && udevadm trigger --action=add --subsystem-match=tty --subsystem-match=usb-serial"
        " && systemctl daemon-reload && systemctl enable --now plumbline-edge"
    )
    return 0


def uninstall(argv: Sequence[str]) -> int:
    """Remove what `install` wrote; settings, passwords and the outbox stay."""
    args = _parser(
        "uninstall", "Remove the node from the machine's start; settings and data stay."
    ).parse_args(argv)
    for path in (UNIT, UDEV, USERS):
        where = args.root / path
        try:
            if where.exists() and where.read_text(encoding="utf-8").startswith(MARK):
                where.unlink()
                print(f"removed {where}")
        except OSError as error:
            raise ConfigError(f"{where}: {error.strerror}; use sudo") from error
    print(f"kept {args.root / SETTINGS} and {args.root / 'var/lib/plumbline'}")
    print("Then: systemctl disable --now plumbline-edge; systemctl daemon-reload; udevadm control --reload")
    return 0


def _station(root: Path, station: str, host: str, site: str) -> str:
    """A station's file, password and credential request, where it has none; what was done."""
    path = root / SETTINGS / f"{station}.toml"
    if path.exists():
        load_station(path)
        return f"{path}: kept"
    local = host == "localhost"
    text = _STATION.format(
        station=station,
        host=host,
        site=site,
        port=_port(),
        drivers=", ".join(get_args(DriverName)),
        security="tls = false                        # this machine only\nport = 1883"
        if local
        else _TLS.format(station=station).rstrip(),
    )
    path.write_text(text, encoding="utf-8")
    try:
        load_station(path)
    except ConfigError:
        path.unlink()
        raise
    if local:
        return f"{path}: written; check kind, geometry and port"
    word = new_password()
    write_private(path.with_suffix(".pw"), word + "\n")
    request = path.with_suffix(".request")
    request.write_text(f"{station}:{hashed(word)}\n", encoding="utf-8")
    return (
        f"{path}: written; check kind, geometry and port. {request.name} holds no secret: give it to"
        f" `plumbline broker add --requests` on {host}, and bring its ca.pem here"
    )


def _port() -> str:
    """The first serial port that keeps its name, or what one would be called."""
    found = sorted(Path("/dev/serial/by-id").glob("*"))
    return str(found[0]) if found else "/dev/ttyACM0"


def _parser(name: str, what: str) -> argparse.ArgumentParser:
    parser = command_parser(f"edge {name}", what, EXAMPLES)
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="write below this folder")
    return parser
