"""The folder of a gym's broker: what is in it, what a change would do, and doing it.

    DIR/users.json     who there is, and the broker's own name; root's
    DIR/ca.pem         for every machine
    DIR/private/       ca.key, and NAME.pw for each user that was given a password here; root's alone
    DIR/broker/        what mosquitto reads: certificate, key, password hashes, ACL, configuration

mosquitto's user reads `broker/` through its group and owns nothing, so that nothing it could plant there is
followed by root. Users, passwords and certificates that are there are kept; only `remove` removes.
"""

import grp
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import msgspec

from edge.broker.access import Role, User, acl
from edge.broker.credentials import hashed, new_password, write_private
from station.errors import ConfigError
from station.program.certificates import RENEW_DAYS, ends_at, make_authority, names_in, sign
from station.topics import check_name

ALWAYS = {"record": User(Role.RECORD), "floor": User(Role.FLOOR)}
_CONFIG = """\
# Written by `plumbline broker add`.
listener {port}
certfile {folder}/broker.pem
keyfile {folder}/broker.key
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
max_queued_messages 10000
max_packet_size 200000
max_connections 1000
set_tcp_nodelay true
"""


class BrokerSetup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`users.json`: the broker's names, and its users."""

    host: str
    site: str
    port: int
    users: dict[str, User]
    addresses: list[str] = []  # by which it is called as well


class BrokerFolder:
    """The files of a gym's broker. Raises ConfigError for invalid names, BrokerError where openssl fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))  # a loop of links is refused where it is read, in a line
        self.broker = self.folder / "broker"
        self.private = self.folder / "private"
        self.passwords = self.broker / "passwords"
        if (self.folder / "passwords").exists():
            raise ConfigError(f"{folder}: set up by hand or by an older Plumbline; give an empty folder")

    def gym(self) -> BrokerSetup | None:
        """The stored set-up; None where there is none."""
        try:
            return msgspec.json.decode((self.folder / "users.json").read_bytes(), type=BrokerSetup)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise ConfigError(f"{self.folder / 'users.json'}: {error}") from error

    def change(
        self,
        new: BrokerSetup,
        requests: Mapping[str, str] | None = None,
        *,
        renew: bool = False,
        dry: bool = False,
    ) -> list[str]:
        """Bring the folder to what `new` says; return what was (or with `dry`, would be) changed, in lines.

        requests : password hashes by user, for those whose password stays on their own machine
        renew : a new certificate of the broker under the same authority, whatever is left of the old one
        """
        _check(new)
        old = self.gym()
        before = old.users if old else {}
        said = [f"+ {name}: {_words(user)}" for name, user in new.users.items() if name not in before]
        said += [f"- {name}" for name in before if name not in new.users]
        said += [
            f"~ {name}: {_words(user)}" for name, user in new.users.items() if before.get(name, user) != user
        ]
        certificate = self._why_sign(new, renew)
        said += [f"+ {certificate}"] if certificate else []
        known = {name: line for name, line in self._hashes().items() if name in new.users}
        fresh = {name: word for name, word in (requests or {}).items() if known.get(name) != word}
        said += [f"~ {name}: password as requested" for name in fresh if name in before]
        if dry:
            return said
        self._make_folders()
        for name in set(before) - set(new.users):
            (self.private / f"{name}.pw").unlink(missing_ok=True)
        known |= fresh
        for name in new.users:
            if name not in known:
                word = new_password()
                write_private(self.private / f"{name}.pw", word + "\n")
                known[name] = hashed(word)
        if certificate:
            self._sign(new)
        texts = {
            self.passwords: "".join(f"{name}:{word}\n" for name, word in sorted(known.items())),
            self.broker / "acl": acl(new.site, new.users),
            self.broker / "plumbline.conf": _CONFIG.format(port=new.port, folder=self.broker),
        }
        for path, text in texts.items():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                self._for_broker(path, text)
        if new != old:
            write_private(
                self.folder / "users.json", msgspec.json.format(msgspec.json.encode(new)).decode() + "\n"
            )
        return said

    def days_left(self, now: datetime) -> int | None:
        """Days until the broker's certificate expires; None where there is none yet."""
        path = self.broker / "broker.pem"
        return (ends_at(path) - now).days if path.exists() else None

    def authority_days_left(self, now: datetime) -> int | None:
        """Days until the authority's certificate expires."""
        path = self.folder / "ca.pem"
        return (ends_at(path) - now).days if path.exists() else None

    def _hashes(self) -> dict[str, str]:
        if not self.passwords.exists():
            return {}
        lines = self.passwords.read_text(encoding="utf-8").splitlines()
        return {name: word for line in lines for name, _, word in [line.partition(":")] if word}

    def _why_sign(self, gym: BrokerSetup, renew: bool) -> str | None:
        """What the certificate to make is for; None where the one there will do."""
        path = self.broker / "broker.pem"
        names = [gym.host, *gym.addresses]
        if not path.exists():
            return f"certificate for {', '.join(names)}"
        if sorted(names_in(path)) != sorted(names):
            return f"certificate for {', '.join(names)} instead of {', '.join(names_in(path))}"
        soon = ends_at(path) - datetime.now(UTC) < timedelta(days=RENEW_DAYS)
        return f"certificate renewed for {', '.join(names)}" if renew or soon else None

    def _sign(self, gym: BrokerSetup) -> None:
        ca_pem, ca_key = self.folder / "ca.pem", self.private / "ca.key"
        if not ca_pem.exists():
            certificate, key = make_authority()
            write_private(ca_key, key)
            write_private(ca_pem, certificate, mode=0o644)
        elif not ca_key.exists():
            raise ConfigError(f"{ca_key}: not there; bring the authority's key here for as long as it signs")
        certificate, key = sign([gym.host, *gym.addresses], ca_pem, ca_key)
        self._for_broker(self.broker / "broker.key", key)
        self._for_broker(self.broker / "broker.pem", certificate)

    def _make_folders(self) -> None:
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.private.mkdir(mode=0o700, exist_ok=True)
        self.broker.mkdir(mode=0o750, exist_ok=True)
        group = broker_group()
        if group is not None:
            os.chown(self.broker, -1, group, follow_symlinks=False)

    def _for_broker(self, path: Path, text: str) -> None:
        write_private(path, text, mode=0o640, group=broker_group())


def broker_group() -> int | None:
    """The group by which mosquitto reads its files: where we are root and it is installed."""
    if os.geteuid() != 0:
        return None
    try:
        return grp.getgrnam("mosquitto").gr_gid
    except KeyError:
        return None


def with_users(gym: BrokerSetup, users: Mapping[str, User]) -> BrokerSetup:
    """The gym with added users. Raises ConfigError where a name is taken by another role."""
    for name, user in users.items():
        held = gym.users.get(name)
        if held is not None and held.role is not user.role:
            raise ConfigError(f"{name} is there already, as {_words(held)}; give another name")
    return msgspec.structs.replace(gym, users={**gym.users, **users})


def without_users(gym: BrokerSetup, names: Sequence[str]) -> BrokerSetup:
    """The gym without these users. Raises ConfigError for an unknown one."""
    for name in names:
        if name not in gym.users:
            raise ConfigError(f"no user {name!r}; there are {', '.join(sorted(gym.users))}")
    return msgspec.structs.replace(
        gym, users={name: user for name, user in gym.users.items() if name not in names}
    )


def _words(user: User) -> str:
    return f"{user.role} of {user.station}" if user.station else str(user.role)


def _check(gym: BrokerSetup) -> None:
    for name in (gym.site, *gym.users, *(user.station for user in gym.users.values() if user.station)):
        check_name(name)
    for name, user in gym.users.items():
        if user.role is Role.SCREEN and (
            user.station not in gym.users or gym.users[user.station].role is not Role.STATION
        ):
            raise ConfigError(
                f"{name} is the screen of {user.station}, which is no station here; add it first"
            )
        if name in ALWAYS and user != ALWAYS[name]:
            raise ConfigError(f"{name} means something else already; give another name")
    if re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", gym.host) is None:
        raise ConfigError(f"--host is {gym.host!r}; give the name by which the stations reach the broker")
    for address in gym.addresses:
        try:
            ip_address(address)
        except ValueError:
            raise ConfigError(f"--address is {address!r}; give an address such as 192.168.1.20") from None
    if not 0 < gym.port < 65_536:
        raise ConfigError(f"--port is {gym.port}; a port is 1 to 65535")
