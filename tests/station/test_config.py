import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from station.config import Mqtt, StationFile, check_mqtt, load_station, read_password
from station.errors import ConfigError

LEAST = '[station]\nid = "rack-1"\nkind = "barbell"\n'
CABLE = LEAST.replace("barbell", "cable")
WHOLE = """\
exercise = "rdl"
exercises_dir = "own"

[station]
id = "rack-1"
kind = "barbell"

[geometry]
lpt_anchor_m = [0.02, 0.0]
lpt_2_anchor_m = [-0.60, 0.0]
travel_ratio = 1.0
pulley_efficiency = 0.98
free_length_m = 1.32

[[ports]]
url = "/dev/serial/by-id/one"
driver = "plumbline"
baud = 115200

[[ports]]
url = "socket://192.168.1.20:4000"

[calibration.position_m]
zero_counts = 12.0
counts_per_unit = 8660

[noise]
position_m = 0.0005
tether_angle_rad = 0.0017
pulley_n = 1.0

[mqtt]
host = "gym.local"
port = 8883
site = "gym"
tls = true
ca_file = "ca.pem"
username = "rack-1"
password_file = "rack-1.pw"
"""


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "rack.toml"
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load_station(path)
    said = str(refused.value)
    assert str(path) in said
    assert len(said.splitlines()) <= 2
    return said


def test_a_station_needs_an_id_and_a_kind_only(tmp_path):
    station = load_station(write(tmp_path, LEAST))
    assert (station.station.id, station.station.kind) == ("rack-1", "barbell")
    assert station.geometry.lpt_anchor_m == (0.0, 0.0)
    assert station.geometry.lpt_2_anchor_m is None
    assert station.mqtt is None


def test_every_key_is_read(tmp_path):
    station = load_station(write(tmp_path, WHOLE))
    assert station.geometry.lpt_2_anchor_m == (-0.6, 0.0)
    assert [port.url for port in station.ports] == ["/dev/serial/by-id/one", "socket://192.168.1.20:4000"]
    assert station.calibration["position_m"].counts_per_unit == 8660.0
    assert station.mqtt is not None
    assert station.mqtt.username == "rack-1"
    assert (station.exercise, station.exercises_dir) == ("rdl", "own")


def test_a_mqtt_table_alone_means_tls(tmp_path):
    station = load_station(write(tmp_path, LEAST + "[mqtt]\n"))
    assert station.mqtt is not None
    assert (station.mqtt.tls, station.mqtt.port) == (True, 8883)


@pytest.mark.parametrize(
    ("text", "key", "nearest", "also_valid"),
    [
        ('exercize = "rdl"\n' + LEAST, "exercize", "exercise", "exercises_dir"),
        ('[station]\nid = "a"\nkind = "cable"\nkinds = 1\n', "station.kinds", "kind", "id"),
        (
            LEAST + "[geometry]\ntravel_ration = 1.0\n",
            "geometry.travel_ration",
            "travel_ratio",
            "free_length_m",
        ),
        (
            LEAST + '[[ports]]\nurl = "a"\n[[ports]]\nurl = "b"\nbuad = 9600\n',
            "ports[1].buad",
            "baud",
            "driver",
        ),
        (LEAST + "[calibration.position]\n", "calibration.position", "position_m", "pulley_x_n"),
        (
            LEAST + "[calibration.position_m]\nzero_count = 1\n",
            "calibration.*.zero_count",
            "zero_counts",
            "counts_per_unit",
        ),
        (LEAST + "[noise]\npositions_m = 1\n", "noise.positions_m", "position_m", "tether_angle_rad"),
        (LEAST + '[mqtt]\nhots = "gym"\n', "mqtt.hots", "host", "password_file"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(tmp_path, text, key, nearest, also_valid):
    said = refusal(write(tmp_path, text))
    assert f"unknown key {key}; did you mean {nearest}? valid are" in said
    assert also_valid in said


def test_an_unknown_key_near_to_nothing_names_what_is_valid(tmp_path):
    said = refusal(write(tmp_path, LEAST + "[geometry]\nzzz = 1\n"))
    assert "unknown key geometry.zzz; valid are lpt_anchor_m, lpt_2_anchor_m" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no [station] table; it is needed"),
        ("station = 3\n", "station: expected `object`, got `int`"),
        ('[station]\nid = "a"\n', "no station.kind; it is needed"),
        ('[station]\nid = 1\nkind = "cable"\n', "station.id: expected `str`, got `int`"),
        ('[station]\nid = "a"\nkind = "barbel"\n', "station.kind is 'barbel'; did you mean barbell?"),
        (
            LEAST + '[[ports]]\nurl = "a"\ndriver = "plumblin"\n',
            "ports[0].driver is 'plumblin'; did you mean",
        ),
        (LEAST + "[geometry]\nlpt_anchor_m = [1.0, 2.0, 3.0]\n", "geometry.lpt_anchor_m: expected `array`"),
        (LEAST + '[geometry]\nlpt_anchor_m = ["a", 1]\n', "geometry.lpt_anchor_m[0]: expected `float`, got"),
        (
            LEAST + "[geometry]\nlpt_anchor_m = [nan, 0.0]\n",
            "geometry.lpt_anchor_m is nan; it must be a finite",
        ),
        (LEAST + "[geometry]\ntravel_ratio = 0.0\n", "geometry.travel_ratio is 0.0; it must be above 0"),
        (LEAST + "[geometry]\nfree_length_m = -1.0\n", "geometry.free_length_m is -1.0; it must be above 0"),
        (
            LEAST + "[geometry]\npulley_efficiency = 98\n",
            "pulley_efficiency is 98.0; per sheave it lies in 0.5",
        ),
        (LEAST + "[stack]\nplates_kg = [5.0]\n", "[stack] belongs to a cable station, not to a barbell"),
        (CABLE + "[stack]\nplates_kg = []\n", "stack.plates_kg has 0 plates; give 1 to 64"),
        (CABLE + "[stack]\nplates_kg = [5, 10, 10]\n", "stack.plates_kg has 10 after 10; give what the"),
        (CABLE + "[stack]\nplates_kg = [5, nan]\n", "stack.plates_kg has nan after 5"),
        (LEAST + "[noise]\nposition_m = -0.001\n", "noise.position_m is -0.001; it must be 0 or above"),
        (LEAST + '[mqtt]\ntls = "no"\n', "mqtt.tls: expected `bool`, got `str`"),
        (LEAST + "[mqtt]\nport = 2000-01-01\n", "mqtt.port: expected `int`, got `date`"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(tmp_path, text, says):
    assert says in refusal(write(tmp_path, text))


@pytest.mark.parametrize(
    "name", ["", "Rack-1", "rack 1", "rack.1", "rack/1", "rack_1", "é", "a" * 33, "rack-1\\n"]
)
def test_an_id_that_could_not_be_part_of_a_topic_is_refused(tmp_path, name):
    said = refusal(write(tmp_path, f'[station]\nid = "{name}"\nkind = "cable"\n'))
    assert "1 to 32 of the characters a-z, 0-9 and -" in said


@pytest.mark.parametrize(
    "text",
    [
        "id = ",
        "[station\n",
        "a = 1\na = 2\n",
        b'[station]\nid = "caf\xe9"\n',
        LEAST + "[geometry]\ntravel_ratio = " + "9" * 5000,
        LEAST + "x = " + "[" * 5000 + "]" * 5000,
    ],
    ids=["cut", "bracket", "twice", "not UTF-8", "5000 digits", "nested 5000 deep"],
)
def test_what_is_no_toml_is_refused_in_one_line(tmp_path, text):
    said = refusal(write(tmp_path, text))
    assert "not valid TOML" in said or "not UTF-8; save it as UTF-8" in said
    assert len(said) < 500


def test_a_missing_file_a_folder_and_an_impossible_name_are_refused(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.toml")
    assert "Is a directory" in refusal(tmp_path)
    assert "null byte" in refusal(tmp_path / "a\0b")


def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    path = write(tmp_path, LEAST)
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # nobody: root may read everything
    try:
        assert "Permission denied" in refusal(path)
    finally:
        if root:
            os.seteuid(0)


TOML_PIECES = st.lists(
    st.sampled_from(
        [
            *WHOLE.splitlines(),
            *"[]{}=\"'.,\n#",
            "nan",
            "-inf",
            "0x",
            "1e999",
            "1979-05-27T07:32:00Z",
            '"""',
            "true",
            '"\\ud800"',
            "[[station]]",
            "[calibration.a.b]",
            "id",
        ]
    )
    | st.text(max_size=8),
    max_size=40,
).map("\n".join)


@given(text=TOML_PIECES)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_station_file_or_a_config_error(tmp_path, text):
    path = write(tmp_path, text.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(load_station(path), StationFile)
    except ConfigError as error:
        assert str(path) in str(error)


VALUES = st.recursive(
    st.sampled_from(["1", "-0.0", "nan", "inf", "true", '"text"', "2000-01-01", "07:32:00", "9" * 400]),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
    max_leaves=4,
)


@given(line=st.sampled_from([n for n, line in enumerate(WHOLE.splitlines()) if " = " in line]), value=VALUES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_of_any_key_is_taken_or_refused(tmp_path, line, value):
    lines = WHOLE.splitlines()
    lines[line] = f"{lines[line].split(' = ')[0]} = {value}"
    try:
        assert isinstance(load_station(write(tmp_path, "\n".join(lines))), StationFile)
    except ConfigError:
        return


@pytest.mark.parametrize(
    ("mqtt", "says"),
    [
        (Mqtt(host="gym.local", tls=False), "mqtt.tls is false and mqtt.host is 'gym.local'"),
        (Mqtt(site="My Gym"), "mqtt.site is 'My Gym'"),
        (Mqtt(port=0), "mqtt.port is 0"),
        (Mqtt(password_file="pw"), "mqtt.password_file is given without mqtt.username"),
        (Mqtt(ca_file="/nowhere/ca.pem"), "mqtt.ca_file /nowhere/ca.pem: no such file"),
    ],
)
def test_a_broker_that_may_not_be_used_is_refused(mqtt, says):
    with pytest.raises(ConfigError) as refused:
        check_mqtt(mqtt)
    assert says in str(refused.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_a_broker_on_this_machine_needs_no_tls(host):
    check_mqtt(Mqtt(host=host, tls=False))


def test_a_password_is_the_first_line_of_a_file_for_its_owner_alone(tmp_path):
    path = tmp_path / "pw"
    path.write_text(" käse=1 \nnot this\n", encoding="utf-8")
    mqtt = Mqtt(username="rack-1", password_file=str(path))
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="mode 0640, others may read it; run chmod 600"):
        read_password(mqtt)
    path.chmod(0o600)
    assert read_password(mqtt) == "käse=1"
    assert read_password(Mqtt()) is None
    with pytest.raises(ConfigError, match="cannot be read"):
        read_password(Mqtt(username="rack-1", password_file=str(tmp_path / "none")))
