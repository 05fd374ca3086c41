"""The folder of a chain's set-up: what is in it, and bringing it up to date.

    DIR/chain.json           the servers and the sites
    DIR/ca.pem               for every machine
    DIR/private/             the keys of both authorities; nobody's but the operator's
    DIR/server-N/            for server N, as it is: nats.conf, certificates, keys; its store goes there too
    DIR/credentials/NAME.pem for a site's relay, the ingest, the check: certificate and key in one file

What is there is kept, and a site that is added changes the servers' configuration alone.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from dashboard.chain.servers import CHECK, INGEST, Chain, check, coach, configuration, name_in_certificate
from station.errors import ConfigError
from station.program.certificates import RENEW_DAYS, ends_at, make_authority, sign
from station.program.process import replace_file

AUTHORITIES = {"ca": "ca.pem", "routes-ca": "private/routes-ca.pem"}


class ChainFolder:
    """The files of a chain. Raises ConfigError for what cannot be, BrokerError where openssl fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.private = self.folder / "private"

    def chain(self) -> Chain | None:
        """The stored set-up; None where there is none."""
        try:
            return msgspec.json.decode((self.folder / "chain.json").read_bytes(), type=Chain)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise ConfigError(f"{self.folder / 'chain.json'}: {error}") from error

    def credential(self, name: str) -> Path:
        """The file of a site, the ingest, the check or a coach."""
        return self.folder / "credentials" / f"{name}.pem"

    def server(self, number: int) -> Path:
        """The folder of a server, counted from 0."""
        return self.folder / f"server-{number + 1}"

    def change(self, new: Chain) -> list[str]:
        """Bring the folder to what `new` says; returns what was done, in lines."""
        check(new)
        for folder in (self.folder, self.private, self.folder / "credentials"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        said = [*self._authorities()]
        for number, server in enumerate(new.servers):
            said += self._server(new, number, server.host)
        for name in (INGEST, CHECK, *new.sites, *map(coach, new.coaches)):
            if self._due(self.credential(name)):
                certificate, key = self._signed([name_in_certificate(name)], "ca", "clientAuth")
                replace_file(self.credential(name), (certificate + key).encode(), 0o600)
                said.append(f"+ {self.credential(name)}")
        replace_file(self.folder / "chain.json", msgspec.json.format(msgspec.json.encode(new)) + b"\n", 0o600)
        return said

    def days_left(self, now: datetime) -> Iterator[tuple[str, int]]:
        """The days until each certificate expires."""
        for path in sorted([*self.folder.glob("*/*.pem"), *self.folder.glob("*.pem")]):
            yield str(path.relative_to(self.folder)), (ends_at(path) - now).days

    def _authorities(self) -> Iterator[str]:
        for name, where in AUTHORITIES.items():
            if not (self.folder / where).exists():
                certificate, key = make_authority()
                replace_file(self.private / f"{name}.key", key.encode(), 0o600)
                replace_file(self.folder / where, certificate.encode(), 0o644)
                yield f"+ authority {where}"

    def _server(self, chain: Chain, number: int, host: str) -> Iterator[str]:
        folder = self.server(number)
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, authority in (("server", "ca"), ("route", "routes-ca")):
            if self._due(folder / f"{name}.pem"):
                certificate, key = self._signed([host], authority, "serverAuth,clientAuth")
                replace_file(folder / f"{name}.key", key.encode(), 0o600)
                replace_file(folder / f"{name}.pem", certificate.encode(), 0o644)
                yield f"+ certificate {folder.name}/{name}.pem for {host}"
            replace_file(
                folder / f"{authority}.pem", (self.folder / AUTHORITIES[authority]).read_bytes(), 0o644
            )
        path, text = folder / "nats.conf", configuration(chain, number, str(folder))
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            replace_file(path, text.encode(), 0o600)
            yield f"~ {folder.name}/nats.conf"

    def _due(self, certificate: Path) -> bool:
        return not certificate.exists() or ends_at(certificate) - datetime.now(UTC) < timedelta(
            days=RENEW_DAYS
        )

    def _signed(self, names: list[str], authority: str, usage: str) -> tuple[str, str]:
        key = self.private / f"{authority}.key"
        if not key.exists():
            raise ConfigError(f"{key}: not there; bring the authority's key here for as long as it signs")
        return sign(names, self.folder / AUTHORITIES[authority], key, usage=usage)
