"""Settings as editors save them: read, or refused in one line with file, line, key and what to write."""

import codecs
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.tools.rewrite import with_calibration, write_atomically
from station.config import (
    Calibration,
    Mqtt,
    certificate_problem,
    check_mqtt,
    decode_toml,
    load_station,
    read_password,
)
from station.errors import ConfigError
from station.exercises import all_profiles
from station.text.encoding import encoding_of, read_text

STATION = """\
exercise = "rdl"

[station]
id = "rack-7"
kind = "barbell"

[geometry]
lpt_anchor_m = [0.13, 0.0]

[noise]
position_m = 0.0002

[[ports]]
url = "/dev/ttyACM0"
baud = 9600

[mqtt]
host = "gym.local"
tls = true
username = "rack-7"
"""
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


def saved(path: Path, text: str, encoding: str = "utf-8", ends: str = "\n") -> Path:
    bom = codecs.BOM_UTF16_BE if encoding == "bom-utf-16-be" else b""
    path.write_bytes(bom + text.replace("\n", ends).encode(encoding.removeprefix("bom-")))
    return path


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", [*ENCODINGS, "bom-utf-16-be"])
def test_settings_are_read_in_every_encoding_editors_save(tmp_path: Path, encoding: str, ends: str) -> None:
    station = load_station(saved(tmp_path / "rack.toml", STATION, encoding, ends))
    assert station == load_station(saved(tmp_path / "plain.toml", STATION))
    own = (Path(__file__).parents[3] / "station/exercises/romanian-deadlift.toml").read_text(encoding="utf-8")
    folder = tmp_path / "own"
    folder.mkdir()
    saved(folder / "romanian-deadlift.toml", own.replace("Romanian", "Rumänisches"), encoding, ends)
    assert all_profiles(folder)["romanian-deadlift"].title.startswith("Rumänisches")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_calibration_is_written_in_the_encoding_that_was_there(tmp_path: Path, encoding: str) -> None:
    path = saved(tmp_path / "rack.toml", STATION, encoding, "\r\n")
    text, before = read_text(path), path.read_bytes()
    write_atomically(path, with_calibration(text, "force_n", Calibration(1.0, 800.0)), encoding_of(before))
    assert path.read_bytes().startswith(before.rstrip(b"\r\n\0")[:-8])
    assert load_station(path).calibration["force_n"].counts_per_unit == 800.0


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        (
            '"rdl"',
            "\u201crdl\u201d",
            "line 1: exercise: \u201c is no quotation mark of TOML; write straight ones",
        ),
        ('"rack-7"', "\u201erack-7\u201c", "line 4: id: \u201e is no quotation mark"),
        ('"barbell"', "\u00bbbarbell\u00ab", "line 5: kind: \u00bb is no quotation mark"),
        ('"barbell"', "\u2018barbell\u2019", "line 5: kind: \u2018 is no quotation mark"),
        ("0.0002", "0,0002", "line 11: position_m: 0,0002 has a decimal comma; write 0.0002"),
        (
            "[0.13, 0.0]",
            "[0,13, 0.0]",
            "geometry.lpt_anchor_m: expected `array` of length 2, got 3; decimals are",
        ),
        ("[0.13, 0.0]", "[0,13]", "geometry.lpt_anchor_m is [0.0, 13.0], farther than 5 m"),
        ("[0.13, 0.0]", "[0,013, 0,0]", "line 8: lpt_anchor_m: 0,013 has a decimal comma; write 0.013"),
        ('id = "', 'id\u00a0= "', "line 4: a blank that is none"),
        ('id = "', '\u200bid = "', "line 4: a blank that is none"),
        ("true", "True", "line 19: tls is True; write true or false"),
        ("true", "yes", "line 19: tls is yes; write true or false"),
        ("true", '"true"', "mqtt.tls: expected `bool`, got `str`; write true or false, without"),
        ('"rdl"', "rdl", 'line 1: exercise: rdl has no quotation marks; write "rdl"'),
        ("9600", '"9600"', "ports[0].baud: expected `int`, got `str`; write the number without"),
        ('"gym.local"', "7", "mqtt.host: expected `str`, got `int`; put it in quotation marks"),
        ("/dev/ttyACM0", "C:\\dev", "line 14: url: a backslash in double quotes; use single ones"),
        ("/dev/ttyACM0", "C:\\Users", "line 14: url: a backslash in double quotes; use single ones"),
        ("0.13, 0.0", "\u22120.13, 0.0", "line 8: lpt_anchor_m: \u2212 is no minus sign of TOML; write -"),
        ('"rdl"', "`rdl`", "line 1: exercise: ` is no quotation mark of TOML"),
        ('"rdl"', "\u2033rdl\u2033", "line 1: exercise: \u2033 is no quotation mark of TOML"),
        ("0.0002", "0.0002 m", "line 11: position_m: 'position_m = 0.0002 m' is not valid TOML"),
        ("id =", "id:", "line 4: 'id: \"rack-7\"' is not valid TOML"),
        ("[noise]", "// noise", "line 10: '// noise' is not valid TOML"),
        ("tls = true", "tls = true\nuser", "line 20: 'user' is not valid TOML (Expected '=' after a key"),
        ("9600", "9.600", "ports[0].baud: expected `int`, got `float`; write a whole number"),
        ("[[ports]]", "[ports]", "ports: expected `array`, got `object`; write its header with two brackets"),
    ],
)
def test_what_editors_and_habits_put_in_is_named_with_line_and_key(
    tmp_path: Path, was: str, becomes: str, says: str
) -> None:
    path = saved(tmp_path / "rack.toml", STATION.replace(was, becomes, 1))
    with pytest.raises(ConfigError) as refused:
        load_station(path)
    assert str(refused.value).startswith(f"{path}: ") and says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_curly_quotes_within_a_text_stay(tmp_path: Path) -> None:
    text = STATION.replace('"rack-7"\n', '"rack-7"  # the coach\u2019s \u201cown\u201d\n')
    assert load_station(saved(tmp_path / "rack.toml", text)).station.id == "rack-7"


@pytest.mark.parametrize("encoding", [*ENCODINGS, "bom-utf-16-be"])
@pytest.mark.parametrize(
    "line", ["s3cret-ä", " s3cret-ä", "s3cret-ä ", "\ts3cret-ä\r", "\u00a0s3cret-ä\u200b", "s3cret-ä\nx"]
)
def test_a_password_is_read_as_it_was_meant(tmp_path: Path, encoding: str, line: str) -> None:
    path = saved(tmp_path / "coach.pw", f"{line}\n", encoding)
    path.chmod(0o600)
    if encoding.startswith("utf-16-") and "\u200b" in line:
        return  # three of ten letters are not ASCII: which encoding it is would be a guess, and is refused
    assert read_password(Mqtt(username="coach", password_file=str(path))) == "s3cret-ä"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no password in its first line"),
        (b"\n", "no password in its first line"),
        (b"  \r\nsecret", "no password in its first line"),
        (b"\xef\xbb\xbf", "no password in its first line"),
        (b"caf\xe9\n", "byte 0xe9 is not UTF-8"),
        (b"ab\0c", "character 0x00 is no text"),
    ],
)
def test_a_file_without_a_password_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "coach.pw"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=re.escape(str(path))) as refused:
        read_password(Mqtt(username="coach", password_file=str(path)))
    assert "mqtt.password_file" in str(refused.value) and says in str(refused.value)


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("", 'for example "localhost"'),
        (" ", 'for example "localhost"'),
        ("mqtt://gym.local", 'host = "gym.local"'),
        ("mqtts://gym.local:8883/", 'host = "gym.local", port = 8883'),
        ("tcp://10.0.0.5", 'host = "10.0.0.5"'),
        ("gym.local:8883", 'host = "gym.local", port = 8883'),
        ("gym.local ", 'host = "gym.local"'),
        ("\tgym.local", 'host = "gym.local"'),
        ("//gym.local", 'host = "gym.local"'),
        ("gym.local/mqtt", 'host = "gym.local"'),
        ("[::1]:1883", "without scheme, port or blanks"),
        ("[fe80::1]", 'host = "fe80::1"'),
        ("gym local", "without scheme, port or blanks"),
        ("gym..local", "without scheme, port or blanks"),
        ("gym.local\u200b", "without scheme, port or blanks"),
        ("a" * 300, "without scheme, port or blanks"),
        (f"{'g' * 64}.local", "without scheme, port or blanks"),
    ],
)
def test_a_host_that_is_no_host_is_refused_at_start_with_file_and_key(
    tmp_path: Path, host: str, hint: str
) -> None:
    path = saved(tmp_path / "rack.toml", STATION.replace("gym.local", host.replace("\t", "\\t")))
    with pytest.raises(ConfigError) as refused:
        load_station(path)
    assert str(refused.value).startswith(f"{path}: mqtt.host is {host[:80]!r}; give a name or address alone")
    assert hint in str(refused.value)
    with pytest.raises(ConfigError, match=r"mqtt\.host is"):
        check_mqtt(Mqtt(host=host))


def test_a_password_in_a_host_is_not_printed() -> None:
    for host in ("coach:pw@gym.local", "mqtts://coach:pw@gym.local:8883"):
        with pytest.raises(ConfigError, match="without scheme, port or blanks") as refused:
            check_mqtt(Mqtt(host=host))
        assert "pw" not in str(refused.value) and 'host = "gym.local"' in str(refused.value)


def test_this_machine_is_local_in_capitals_too() -> None:
    for host in ("LOCALHOST", "Localhost."):
        check_mqtt(Mqtt(host=host, tls=False))


@pytest.mark.parametrize(
    "host", ["localhost", "gym", "gym-2.local", "10.0.0.5", "::1", "fe80::1%eth0", "a_b.lan", "gym.local."]
)
def test_names_and_addresses_are_hosts(host: str) -> None:
    check_mqtt(Mqtt(host=host))


@given(host=st.text(max_size=20) | st.from_regex(r"[a-z0-9:/.@%\[\] -]{0,24}", fullmatch=True))
@settings(max_examples=300)
def test_any_host_is_taken_or_refused_in_one_line(host: str) -> None:
    try:
        check_mqtt(Mqtt(host=host))
    except ConfigError as error:
        assert "mqtt.host" in str(error) and "\n" not in str(error)


@given(
    data=st.binary(max_size=60)
    | st.builds(
        lambda text, encoding: text.encode(encoding, "surrogatepass"),
        st.sampled_from([STATION, STATION.replace("=", ":"), STATION.replace('"', "\u201c")]),
        st.sampled_from(ENCODINGS),
    )
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_settings_or_a_config_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.toml"
    path.write_bytes(data)
    try:
        decode_toml(path, Mqtt)
    except ConfigError as error:
        assert str(error).startswith(f"{path}: ")


def test_an_expired_certificate_asks_for_a_new_one_or_a_clock_that_is_set() -> None:
    now = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
    expired = ssl.SSLCertVerificationError()
    expired.verify_code, expired.verify_message = 10, "certificate has expired"
    seen, todo = certificate_problem(expired, now)
    assert "expired" in seen and "2031-05-04 12:00" in todo
    assert "plumbline broker renew" in todo and "set the clock" in todo and "ca_file" not in todo
    early = ssl.SSLCertVerificationError()
    early.verify_code, early.verify_message = 9, "certificate is not yet valid"
    seen, todo = certificate_problem(early, now)
    assert "not yet valid" in seen and todo.startswith("this machine's clock says 2031-05-04 12:00: set it")
    other = ssl.SSLCertVerificationError()
    other.verify_code, other.verify_message = 62, "hostname mismatch"
    assert "mqtt.host" in certificate_problem(other, now)[1]
