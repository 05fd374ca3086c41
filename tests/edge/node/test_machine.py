"""A Pi's own troubles, on machines made of files as the kernel shows them."""

from pathlib import Path

import pytest

from edge.doctor.host_checks import check_machine
from edge.node.machine import HOLD_S, LOOK_S, MachineWatch, shared_name, throttled_bits, troubles

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def codes(root: Path) -> list[tuple[str, bool]]:
    return [(one.code, one.now) for one in troubles(root, root=root)]


def test_a_machine_that_is_no_pi_has_no_trouble(tmp_path: Path) -> None:
    assert codes(tmp_path) == [] and throttled_bits(tmp_path) is None
    (finding,) = check_machine(tmp_path, [], tmp_path)
    assert finding.status == "ok" and "power" not in finding.seen


@pytest.mark.parametrize(
    "bits, expected",
    [
        ("0x0", []),
        ("0x1", [("undervoltage", True)]),
        ("0x50005", [("undervoltage", True), ("throttled", True)]),
        ("50000", [("undervoltage", False), ("throttled", False)]),
        ("0x80008", [("throttled", True)]),
        ("0x20000", [("throttled", False)]),
    ],
)
def test_power_and_heat_by_the_firmwares_word(
    tmp_path: Path, bits: str, expected: list[tuple[str, bool]]
) -> None:
    put(tmp_path, THROTTLED, bits)
    assert codes(tmp_path) == expected
    statuses = {finding.check: finding.status for finding in check_machine(tmp_path, [], tmp_path)}
    assert statuses == (
        {code: "fail" if now else "warn" for code, now in expected} if expected else {"machine": "ok"}
    )


def test_undervoltage_by_the_mainline_driver(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "cpu_thermal")
    put(tmp_path, "sys/class/hwmon/hwmon2/name", "rpi_volt")
    put(tmp_path, "sys/class/hwmon/hwmon2/in0_lcrit_alarm", "0")
    assert codes(tmp_path) == []
    put(tmp_path, "sys/class/hwmon/hwmon2/in0_lcrit_alarm", "1")
    assert codes(tmp_path) == [("undervoltage", True)]


def test_a_hot_processor_is_said_with_its_temperature(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "83120")
    (found,) = troubles(tmp_path, root=tmp_path)
    assert found.code == "throttled" and "83 °C" in found.seen


def test_a_card_that_errs_or_is_worn_is_to_be_replaced(tmp_path: Path) -> None:
    put(tmp_path, "sys/fs/ext4/mmcblk0p2/errors_count", "0")
    put(tmp_path, "sys/block/mmcblk0/device/life_time", "0x03 0x02")
    put(tmp_path, "sys/block/mmcblk0/device/pre_eol_info", "0x01")
    assert codes(tmp_path) == []
    put(tmp_path, "sys/fs/ext4/mmcblk0p2/errors_count", "3")
    put(tmp_path, "sys/block/mmcblk0/device/life_time", "0x03 0x0a")
    errs, worn = troubles(tmp_path, root=tmp_path)
    assert (
        errs.code == "filesystem"
        and errs.seen == "mmcblk0p2: errors on its filesystem: 3"
        and "replace" in errs.todo
    )
    assert worn.code == "card" and "100 % of its life" in worn.seen


def test_a_disk_that_is_nearly_full_or_read_only_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Room:
        f_flag, f_bavail, f_frsize = 1, 1024, 4096  # read-only, 4 MB

    monkeypatch.setattr("edge.node.machine.os.statvfs", lambda _: Room)
    assert codes(tmp_path) == [("filesystem", True), ("card", True)]


def plug(root: Path, tty: str, place: str, serial: str | None) -> None:
    """An adapter at a socket of the hub, as sysfs shows it."""
    device = root / "sys/devices/usb1" / place
    put(device, "idVendor", "1a86")
    put(device, "idProduct", "7523")
    put(device, "product", "USB2.0-Serial")
    if serial is not None:
        put(device, "serial", serial)
    node = device / f"{place}:1.0" / tty
    node.mkdir(parents=True)
    (root / "sys/class/tty" / tty).mkdir(parents=True)
    (root / "sys/class/tty" / tty / "device").symlink_to(node)
    put(root, f"dev/{tty}", "")
    put(root, f"dev/serial/by-path/pci-0000-usb-0:{place}:1.0-port0", "")


def test_adapters_that_share_their_name_are_to_be_named_by_their_socket(tmp_path: Path) -> None:
    url = "/dev/serial/by-id/usb-1a86_USB2.0-Serial-if00-port0"
    plug(tmp_path, "ttyUSB0", "1-1", None)
    (tmp_path / "dev/serial/by-id").mkdir()
    (tmp_path / url.lstrip("/")).symlink_to(tmp_path / "dev/ttyUSB0")
    assert shared_name(url, tmp_path) == []
    plug(tmp_path, "ttyUSB1", "1-2", "A1B2")  # one with a number of its own
    assert shared_name(url, tmp_path) == []
    plug(tmp_path, "ttyUSB2", "1-3", None)
    (found,) = shared_name(url, tmp_path)
    assert (
        "2 adapters have this name" in found.seen and "/dev/serial/by-path/pci-0000-usb-0:1-1" in found.todo
    )
    assert shared_name("/dev/serial/by-path/pci-0000-usb-0:1-1:1.0-port0", tmp_path) == []
    assert check_machine(tmp_path, [url], tmp_path)[0].check == "usb-name"


def test_what_lasts_for_a_moment_is_said_for_a_minute(tmp_path: Path) -> None:
    now_s = [100.0]
    watch = MachineWatch(tmp_path, [], tmp_path, lambda: now_s[0])
    put(tmp_path, THROTTLED, "0x0")
    assert watch.problems() == []
    put(tmp_path, THROTTLED, "0x10001")
    now_s[0] += LOOK_S
    (said,) = watch.problems()
    assert said.startswith("undervoltage: ") and "power supply" in said
    put(tmp_path, THROTTLED, "0x10000")
    now_s[0] += HOLD_S / 2
    assert watch.problems() == [said]
    now_s[0] += HOLD_S
    assert watch.problems() == []
