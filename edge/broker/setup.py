"""The files a gym's own mosquitto needs: TLS, a password per user, and what each user may do.

A station may write its own topics and no other's, and read its commands and acknowledgements. Only the
record acknowledges, because what is acknowledged is forgotten by the station. Screens command. `floor` may do
both: a dashboard that keeps the history as well. The rest is denied: mosquitto allows nothing that an ACL
file does not name.
"""

import base64
import hashlib
import re
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from station.errors import BrokerError, ConfigError

WRITES = ("state", "info", "health", "live", "rep", "set", "reply")  # a station, in its own level
READS = ("command", "ack")
RECORD, FLOOR, HOME_ASSISTANT = "record", "floor", "home-assistant"
# mosquitto_passwd's own: PBKDF2-HMAC-SHA512 over a random password, where more rounds add nothing
HASH_ROUNDS, SALT_BYTES = 101, 12
CA_DAYS, BROKER_DAYS = 3650, 825

_CONFIG = """\
# Written by `plumbline broker --setup`.
listener {port}
certfile {folder}/broker.pem
keyfile {folder}/broker.key
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
max_queued_messages 10000
set_tcp_nodelay true
"""


def acl(site: str, screens: Sequence[str], home_assistant: bool = False) -> str:
    """The ACL file of a site; with Home Assistant, stations may announce themselves to it."""
    root = f"plumbline/1/{site}"
    lines = [f"pattern write {root}/%u/{leaf}" for leaf in WRITES]
    lines += [f"pattern read {root}/%u/{leaf}" for leaf in READS]
    for user, writes in (
        (RECORD, ["ack", "command", "reply"]),  # a badge it knows becomes commands, and gets a reply
        (FLOOR, ["ack", "command", "badge", "reply"]),
        *((s, ["command", "badge"]) for s in screens),
    ):
        lines += ["", f"user {user}", f"topic read {root}/#"]
        lines += [f"topic write {root}/+/{leaf}" for leaf in writes]
    if home_assistant:
        lines += ["", "pattern write homeassistant/+/%u/+/config", "", f"user {HOME_ASSISTANT}"]
        lines += [f"topic read {root}/#", "topic readwrite homeassistant/#"]
    return "\n".join(lines) + "\n"


def set_up(
    folder: Path,
    *,
    host: str,
    site: str,
    stations: Sequence[str],
    screens: Sequence[str],
    port: int = 8883,
    home_assistant: bool = False,
) -> list[str]:
    """Write everything into a folder; return the users. Keys and passwords that are there already are kept.

    Raises ConfigError for names that cannot be, BrokerError where openssl is missing or fails.
    """
    users = [*stations, RECORD, FLOOR, *screens, *([HOME_ASSISTANT] if home_assistant else [])]
    for name in (site, *users):
        if not re.fullmatch(r"[a-z0-9-]{1,32}", name):
            raise ConfigError(f"{name!r} is no name; use 1 to 32 of the characters a-z, 0-9 and -")
    for name in users:
        if users.count(name) > 1:
            raise ConfigError(f"{name} is given twice, or means something else already; names differ")
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", host):
        raise ConfigError(f"--host is {host!r}; give the name by which the stations reach the broker")
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "acl").write_text(acl(site, screens, home_assistant), encoding="utf-8")
    _certificates(folder, host)
    passwords = folder / "passwords"
    known = passwords.read_text(encoding="utf-8").splitlines() if passwords.exists() else []
    kept = [line for line in known if line.split(":")[0] in users]
    for user in users:
        if not any(line.startswith(f"{user}:") for line in kept):
            kept.append(f"{user}:{hashed(_password(folder / f'{user}.pw'))}")
    write_private(passwords, "\n".join(kept) + "\n")
    config = _CONFIG.format(port=port, folder=folder)
    (folder / "plumbline.conf").write_text(config, encoding="utf-8")
    return users


def _password(path: Path) -> str:
    word = new_password()
    write_private(path, word + "\n")
    return word


def new_password() -> str:
    """192 random bits."""
    return secrets.token_urlsafe(24)


def hashed(word: str) -> str:
    """A password as it stands in mosquitto's password file."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", word.encode(), salt, HASH_ROUNDS)
    return f"$7${HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def _certificates(folder: Path, host: str) -> None:
    """An authority of the gym's own and the broker's certificate, unless they are there."""
    if (folder / "broker.pem").exists():
        return
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BrokerError("openssl is not installed; apt-get install openssl")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    (folder / "san").write_text(f"subjectAltName=DNS:{host}\n", encoding="utf-8")
    for words in (
        (
            *("req", "-x509", *key, "-days", str(CA_DAYS)),
            *("-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=gym CA"),
        ),
        ("req", *key, "-keyout", "broker.key", "-out", "broker.csr", "-subj", f"/CN={host[:64]}"),
        (
            *("x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", "broker.pem", "-days", str(BROKER_DAYS), "-extfile", "san"),
        ),
    ):
        done = subprocess.run([openssl, *words], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerError(f"openssl {words[0]}: {done.stderr.strip().splitlines()[-1]}")
    for name in ("ca.key", "broker.key"):
        (folder / name).chmod(0o600)
    for name in ("broker.csr", "san", "ca.srl"):
        (folder / name).unlink(missing_ok=True)
