"""Passwords of the broker's users: made, hashed as mosquitto reads them, written for one reader."""

import base64
import hashlib
import re
import secrets
from pathlib import Path

from station.errors import ConfigError
from station.program.process import replace_file
from station.text.encoding import read_text

# mosquitto_passwd's own: PBKDF2-HMAC-SHA512 over a random password, where more rounds add nothing
HASH_ROUNDS, SALT_BYTES = 101, 12
_REQUEST = re.compile(r"[a-z0-9-]{1,32}:\$7\$\d{1,7}\$[A-Za-z0-9+/=]{8,64}\$[A-Za-z0-9+/=]{80,100}")


def new_password() -> str:
    """A random password of 192 bits."""
    return secrets.token_urlsafe(24)


def hashed(word: str) -> str:
    """Hash a password for mosquitto's password file."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", word.encode(), salt, HASH_ROUNDS)
    return f"$7${HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def read_request(path: Path) -> tuple[str, str]:
    """The user and the hash of a credential request that `plumbline edge install` wrote.

    Raises ConfigError for a file that is none.
    """
    line = read_text(path, "the NAME.request that `plumbline edge install` wrote").strip()
    if _REQUEST.fullmatch(line) is None:
        raise ConfigError(f"{path}: no credential request; `plumbline edge install` writes NAME.request")
    name, _, word = line.partition(":")
    return name, word


def write_private(path: Path, text: str, mode: int = 0o600, group: int | None = None) -> None:
    """Write a file whole, which only its owner (and with 0640 one group) may read. Raises OSError."""
    replace_file(path, text.encode(), mode, group)
