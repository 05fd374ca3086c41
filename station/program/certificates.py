"""A certificate authority of one's own, and what it signs for brokers and their users, made with openssl.

The authority signs; its key is needed again only to renew, and may be kept off the machine meanwhile.
"""

import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from station.errors import BrokerError

CA_DAYS, BROKER_DAYS = 3650, 825  # 825: the most that Apple's and other clients accept of a server
RENEW_DAYS = 60  # before the end; two months are enough for somebody to read a warning
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
# RFC 5280, 4.2.1: what a strict client asks of either, as Python's own does from 3.13 on.
_AUTHORITY = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
_SIGNED = """\
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


def make_authority() -> tuple[str, str]:
    """A new authority: its certificate and its key, PEM. Raises BrokerError as `_openssl`."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        made = ("-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=gym CA")
        _openssl(here, "req", "-x509", *_KEY, *_AUTHORITY, "-days", str(CA_DAYS), *made)
        return (here / "ca.pem").read_text(), (here / "ca.key").read_text()


def sign(
    names: list[str], ca_pem: Path, ca_key: Path, days: int = BROKER_DAYS, usage: str = "serverAuth"
) -> tuple[str, str]:
    """A certificate for the names and addresses of a broker or a user, and its key, PEM. Raises BrokerError.

    usage : what it may be used for, in openssl's words: `serverAuth`, `clientAuth` or both with a comma
    """
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        extensions = (
            f"{_SIGNED}extendedKeyUsage={usage}\nsubjectAltName={','.join(map(_alternative, names))}\n"
        )
        (here / "extensions").write_text(extensions, encoding="utf-8")
        asked = ("-keyout", "broker.key", "-out", "broker.csr", "-subj", f"/CN={names[0][:64]}")
        _openssl(here, "req", *_KEY, *asked)
        authority = ("-CA", str(ca_pem), "-CAkey", str(ca_key), "-CAserial", "ca.srl", "-CAcreateserial")
        made = ("-out", "broker.pem", "-days", str(days), "-extfile", "extensions")
        _openssl(here, "x509", "-req", "-in", "broker.csr", *authority, *made)
        return (here / "broker.pem").read_text(), (here / "broker.key").read_text()


def ends_at(certificate: Path) -> datetime:
    """The expiry time of a certificate. Raises BrokerError for a file that is not one."""
    text = _openssl(certificate.parent, "x509", "-noout", "-enddate", "-in", certificate.name)
    ends = datetime.strptime(text.strip().partition("=")[2], "%b %d %H:%M:%S %Y GMT")
    return ends.replace(tzinfo=UTC)


def names_in(certificate: Path) -> list[str]:
    """The names and addresses a certificate is valid for. Raises BrokerError for a file that is not one."""
    text = _openssl(certificate.parent, "x509", "-noout", "-ext", "subjectAltName", "-in", certificate.name)
    words = text.replace("\n", ",").split(",")
    return [
        word.strip().partition(":")[2] for word in words if word.strip().startswith(("DNS:", "IP Address:"))
    ]


def _alternative(name: str) -> str:
    """A name or an address as openssl wants it: a client that calls an address looks for `IP:`."""
    try:
        return f"IP:{ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _openssl(folder: Path, *words: str) -> str:
    """Raises BrokerError where openssl is missing or refuses."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BrokerError("openssl is not installed; apt-get install openssl")
    done = subprocess.run([openssl, *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["failed"])[-1]
        raise BrokerError(f"openssl {words[0]}: {last}")
    return done.stdout
