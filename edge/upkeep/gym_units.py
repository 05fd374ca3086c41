"""The units of what a gym runs beside its nodes: record, dashboard for browsers, a lifter's screen. Pure.

Record and dashboard share a user and the folder of the history; a screen has a user that may read nothing but
its own credentials. What only root may read is handed over by systemd.
"""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from edge.upkeep.units import unit
from station.errors import ConfigError

HISTORY_USER, SCREEN_USER = "plumbline-record", "plumbline-screen"
HISTORY = f"/var/lib/{HISTORY_USER}/history.db"
SETTINGS = "/etc/plumbline"


class BrokerLogin(NamedTuple):
    """A unit's broker: address, and the user it connects as."""

    host: str
    site: str
    user: str

    @property
    def local(self) -> bool:
        return self.host == "localhost"

    @property
    def words(self) -> list[str]:
        """Command-line options; files are the credentials that systemd provides."""
        words = ["--host", self.host, "--site", self.site]
        if not self.local:
            files = ["--ca-file", "%d/ca.pem", "--password-file", "%d/password"]
            words += ["--username", self.user, *files]
        return words

    @property
    def credentials(self) -> dict[str, str]:
        """The root-owned credential files by credential name."""
        if self.local:
            return {}
        return {"ca.pem": f"{SETTINGS}/ca.pem", "password": f"{SETTINGS}/{self.user}.pw"}


class Unit(NamedTuple):
    """A systemd unit to install."""

    name: str
    text: str
    user: str
    credentials: dict[str, str]


def record_unit(broker: BrokerLogin, db: str, pgpass: str | None) -> Unit:
    """`plumbline record`."""
    return _keeper("plumbline-record", "Plumbline record", ["record"], broker, db, pgpass, {})


def dashboard_unit(
    broker: BrokerLogin, db: str, pgpass: str | None, *, host: str, port: int, record: bool
) -> Unit:
    """`plumbline dashboard --web`; `record`: it keeps the history itself."""
    words = ["dashboard", "--web", "--web-host", host, "--web-port", str(port)]
    web: dict[str, str] = {}
    if host not in ("127.0.0.1", "localhost", "::1"):
        web = {name: f"{SETTINGS}/{name}" for name in ("web.pem", "web.key", "web.token")}
        words += ["--web-cert", "%d/web.pem", "--web-key", "%d/web.key", "--web-token", "%d/web.token"]
    if not record:
        words.append("--no-record")
    return _keeper("plumbline-dashboard", "Plumbline dashboard for browsers", words, broker, db, pgpass, web)


def screen_unit(broker: BrokerLogin, station: str, tty: str) -> Unit:
    """`plumbline screen` on a terminal of the machine, from its start."""
    credentials = broker.credentials
    text = unit(
        "plumbline-screen",
        "unit add screen",
        title=f"Plumbline screen of {station} on {tty}",
        words=["screen", station, *broker.words],
        user=SCREEN_USER,
        more=_handed_over(credentials)
        + f"StateDirectory={SCREEN_USER}\nStateDirectoryMode=0700\n"
        + f"StandardInput=tty-fail\nStandardOutput=tty\nStandardError=journal\nTTYPath=/dev/{tty}\n"
        + "TTYReset=yes\nTTYVHangup=yes\nTTYVTDisallocate=yes\n"
        + "Environment=TERM=linux LANG=C.UTF-8\nUnsetEnvironment=COLORTERM\n",
        devices=(f"/dev/{tty}",),
        after=f"getty@{tty}.service systemd-user-sessions.service",
        conflicts=f"Conflicts=getty@{tty}.service\n",
    )
    return Unit("plumbline-screen", text, SCREEN_USER, credentials)


def _keeper(
    name: str,
    title: str,
    words: Sequence[str],
    broker: BrokerLogin,
    db: str,
    pgpass: str | None,
    more: dict[str, str],
) -> Unit:
    if urlsplit(db).password is not None:
        raise ConfigError("--db holds a password, which every user of the machine could read; give --pgpass")
    credentials = broker.credentials | more | ({"pgpass": pgpass} if pgpass else {})
    text = unit(
        name,
        f"unit add {name.removeprefix('plumbline-')}",
        title=title,
        words=[*words, "--db", db, *broker.words],
        user=HISTORY_USER,
        more=_handed_over(credentials)
        + ("Environment=PGPASSFILE=%d/pgpass\n" if pgpass else "")
        + f"StateDirectory={HISTORY_USER}\nStateDirectoryMode=0700\n",
    )
    return Unit(name, text, HISTORY_USER, credentials)


def _handed_over(credentials: dict[str, str]) -> str:
    return "".join(f"LoadCredential={name}:{path}\n" for name, path in credentials.items())
