"""What a station file may say of its ports; the rest is refused by name."""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.config import Port, load_station
from station.errors import ConfigError
from station.ports import CHANNELS, DRIVER_CHANNELS, DriverName, check_ports, port_channels

HEAD = '[station]\nid = "rack-1"\nkind = "barbell"\n'


def load(tmp_path: Path, *tables: str) -> list[Port]:
    path = tmp_path / "rack-1.toml"
    path.write_text(
        HEAD + "".join(f'[[ports]]\nurl = "/dev/{n}"\n{table}\n' for n, table in enumerate(tables))
    )
    return load_station(path).ports


def test_an_encoder_and_a_scale_form_one_station(tmp_path: Path) -> None:
    ports = load(tmp_path, 'driver = "chronojump-encoder"', 'driver = "openscale"\nbaud = 9600')
    assert [port_channels(port) for port in ports] == [("position_m",), ("force_n",)]


def test_two_encoders_do_where_one_is_named_otherwise(tmp_path: Path) -> None:
    ports = load(
        tmp_path, 'driver = "chronojump-encoder"', 'driver = "chronojump-encoder"\nchannel = "position_2_m"'
    )
    assert [port_channels(port) for port in ports] == [("position_m",), ("position_2_m",)]


def test_the_groups_of_a_pattern_and_the_columns_of_a_csv_are_channels(tmp_path: Path) -> None:
    pattern = "driver = 'hx711'\npattern = '(?P<time_ms>\\d+) (?P<value>-?\\d+) (?P<pulley_y_n>-?\\d+)'"
    csv = 'driver = "csv"\ncolumns = ["time_s", "position_m", "", "tether_angle_rad"]'
    ports = load(tmp_path, pattern + '\nchannel = "pulley_x_n"', csv)
    assert port_channels(ports[0]) == ("pulley_x_n", "pulley_y_n")
    assert port_channels(ports[1]) == ("position_m", "tether_angle_rad")


@pytest.mark.parametrize(
    "table, says",
    [
        ('driver = "openscal"', r"ports\[\.\.\.\]\.driver|ports.*driver"),
        ("baud = 9", r"ports\[0\]\.baud is 9; it lies in 300"),
        ('driver = "openscale"\nrate_hz = 0.0', r"ports\[0\]\.rate_hz is 0.0; it must be above 0"),
        ('driver = "openscale"\nrate_hz = nan', r"ports\[0\]\.rate_hz is nan"),
        (
            'driver = "openscale"\nchannel = "force"',
            r"ports\[0\]\.channel is 'force'; did you mean force_n\?",
        ),
        (
            'driver = "chronojump-encoder-force"\nchannel = "force_n"',
            r"ports\[0\]\.channel .*itself; leave it out",
        ),
        ('channel = "force_n"', r"ports\[0\]\.channel .*plumbline device names its channels itself"),
        ("driver = 'hx711'\npattern = '('", r"ports\[0\]\.pattern is no regular expression"),
        ("driver = 'hx711'\npattern = '\\d+'", r"ports\[0\]\.pattern needs each value once"),
        (
            "driver = 'hx711'\npattern = '(?P<weight>\\d+)'",
            r"ports\[0\]\.pattern has a group 'weight'; .*value",
        ),
        ("driver = 'hx711'\npattern = '(?P<time_s>.)(?P<time_ms>.)(?P<value>.)'", "more than one time"),
        ("driver = 'hx711'\npattern = '(?P<value>.)(?P<force_n>.)'", "each value once"),
        (f"driver = 'hx711'\npattern = '(?P<value>{'.' * 200})'", "has 211 characters; at most 200"),
        ("driver = 'csv'\npattern = '(?P<value>.)'", r"pattern is given, but driver is 'csv'"),
        ('driver = "csv"', r"ports\[0\]\.columns names no channel"),
        ('driver = "csv"\ncolumns = ["time_ms", "force"]', r"columns has 'force'; did you mean force_n\?"),
        ('driver = "csv"\ncolumns = ["force_n", "force_n"]', "may stand there once"),
        ('driver = "csv"\ncolumns = ["time_s", "time_ms", "force_n"]', "may stand there once"),
        ('columns = ["force_n"]', r"ports\[0\]\.columns is given, but driver is 'plumbline'"),
    ],
)
def test_what_a_port_cannot_have_is_refused_by_its_key(tmp_path: Path, table: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        load(tmp_path, table)
    assert "\n" not in str(raised.value) and "rack-1.toml" in str(raised.value)


@pytest.mark.parametrize(
    "url", ["", "loop://", "socket://10.0.0.7", "socket://10.0.0.7:one", "socket://10.0.0.7:70000"]
)
def test_what_is_no_place_of_a_port_is_refused(tmp_path: Path, url: str) -> None:
    path = tmp_path / "rack-1.toml"
    path.write_text(f'{HEAD}[[ports]]\nurl = "{url}"\n')
    with pytest.raises(ConfigError, match=r"ports\[0\]\.url is .*; give a path, .* or socket://host:port"):
        load_station(path)


def test_a_port_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rack-1.toml"
    ports = ["chronojump-encoder", "openscale"]
    path.write_text(HEAD + "".join(f'[[ports]]\nurl = "/dev/a"\ndriver = "{name}"\n' for name in ports))
    with pytest.raises(ConfigError, match=r"ports\[0\] and ports\[1\] both are /dev/a; each has its own"):
        load_station(path)


def test_one_channel_from_two_ports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ports\[0\] and ports\[1\] both give force_n"):
        load(tmp_path, 'driver = "openscale"', 'driver = "chronojump-force"')


@given(
    driver=st.sampled_from(["plumbline", "csv", *DRIVER_CHANNELS]),
    channel=st.none() | st.sampled_from(CHANNELS) | st.text(max_size=8),
    pattern=st.none() | st.text(alphabet="(?P<value>force_n)[]\\d+*{9}|", max_size=60),
    columns=st.lists(st.sampled_from([*CHANNELS, "time_ms", "", "x"]), max_size=4),
    baud=st.integers(),
    rate_hz=st.none() | st.floats(),
)
def test_any_port_is_accepted_or_refused_with_a_reason(
    driver: str,
    channel: str | None,
    pattern: str | None,
    columns: list[str],
    baud: int,
    rate_hz: float | None,
) -> None:
    port = Port("x", driver, baud, channel, pattern, columns, rate_hz)  # type: ignore[arg-type]
    try:
        check_ports(Path("f.toml"), [port])
    except ConfigError as error:
        assert str(error).startswith("f.toml: ports[0].")
    else:
        assert set(port_channels(port)) <= set(CHANNELS)


def test_every_station_file_in_the_documents_loads(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "devices.md").read_text(encoding="utf-8")
    files = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(files) >= 5
    for number, file in enumerate(files):
        path = tmp_path / f"{number}.toml"
        path.write_text(file, encoding="utf-8")
        assert load_station(path).ports
    untold = [driver for driver in get_args(DriverName) if f"`{driver}`" not in text]
    assert untold == [], "give it a row in the table of docs/devices.md, and a section"


def test_twin_adapters_are_told_where_names_of_their_own_are(tmp_path: Path) -> None:
    twin = "/dev/serial/by-id/usb-1a86_USB2.0-Serial-if00-port0"
    with pytest.raises(ConfigError, match=r"ports\[0\] and ports\[1\] both .*CH340.*by-path"):
        check_ports(tmp_path, [Port(twin, driver="hx711"), Port(twin, driver="chronojump-encoder")])
