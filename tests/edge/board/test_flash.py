"""`plumbline board flash`: what is copied, what is refused, and what the board says afterwards."""

import errno
import os
import re
import resource
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.board import flash
from edge.board.build import firmware_version
from edge.board.command import board
from station.errors import ConfigError
from station.wire import Channel, Hello

INFO = "INFO_UF2.TXT"


@pytest.fixture
def pins(board_file: Path, tmp_path: Path) -> Path:
    """A configuration alone, for a Pico."""
    return configured(board_file, tmp_path / "pins.uf2")


@pytest.fixture
def nano(board_file: Path, tmp_path: Path) -> Path:
    """A configuration alone, for a Nano."""
    text = board_file.read_text().replace("[10, 11]", "[4, 5]")
    (tmp_path / "nano.board.toml").write_text('target = "avr"\n' + text)
    return configured(tmp_path / "nano.board.toml", tmp_path / "nano.hex")


def configured(file: Path, out: Path) -> Path:
    assert board(["configure", str(file), "--out", str(out)]) == 0
    return out


def avrdude(folder: Path, does: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of this name before all others."""
    folder.mkdir()
    (folder / "avrdude").write_text(f"#!/bin/sh\n{does}\n")
    (folder / "avrdude").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_an_image_is_copied_whole_to_the_boards_disk(built: Path, disk: Path, capsys: object) -> None:
    assert board(["flash", str(built), "--disk", str(disk)]) == 0
    assert (disk / built.name).read_bytes() == built.read_bytes()


def test_another_boards_disk_or_none_is_refused(built: Path, disk: Path, tmp_path: Path) -> None:
    (disk / "INFO_UF2.TXT").write_text("UF2 Bootloader\r\nBoard-ID: SAMD21G18A-Feather-v0\r\n")
    with pytest.raises(ConfigError, match=r"another board .*SAMD21"):
        board(["flash", str(built), "--disk", str(disk)])
    assert not (disk / built.name).exists()
    with pytest.raises(ConfigError, match=r"not the disk of a board.*BOOTSEL"):
        board(["flash", str(built), "--disk", str(tmp_path)])


@pytest.mark.parametrize("keep", [0, 100, 512 * 3, -200])
def test_a_file_that_is_no_whole_image_is_refused(built: Path, disk: Path, keep: int) -> None:
    part = disk.with_name("part.uf2")
    part.write_bytes(built.read_bytes()[:keep] if keep else b"not an image at all")
    with pytest.raises(ConfigError, match=r"not a UF2 file|not whole"):
        board(["flash", str(part), "--disk", str(disk)])
    assert [path.name for path in disk.iterdir()] == ["INFO_UF2.TXT"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_disk_that_goes_away_in_mid_copy_is_said_and_the_board_stays_one(built: Path, disk: Path) -> None:
    (disk / built.name).symlink_to("/dev/full")
    with pytest.raises(ConfigError, match="still a disk, copy again"):
        board(["flash", str(built), "--disk", str(disk)])


def test_a_copy_that_is_cut_off_is_said(built: Path, disk: Path) -> None:
    most = 12_288  # what fits; a write beyond it is short, also one of byte code: -B
    ended = subprocess.run(
        [sys.executable, "-B", "-m", "station.cli", "board", "flash", str(built), "--disk", str(disk)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    assert ended.returncode == 1
    assert f"{most} of {built.stat().st_size} bytes copied" in ended.stderr
    assert "starts by itself" not in ended.stdout


@pytest.mark.parametrize("leaves", [False, True])
def test_what_the_disk_did_not_keep_is_lost_unless_the_board_has_left(
    pins: Path,
    disk: Path,
    leaves: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(number: int) -> None:
        if leaves:
            (disk / INFO).unlink()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    monkeypatch.setattr(flash, "LEAVES_S", 0.0)
    command = ["flash", str(pins), "--disk", str(disk)]
    if leaves:
        assert board(command) == 0
        assert "or was pulled out; look with board check" in capsys.readouterr().out
    else:
        with pytest.raises(ConfigError, match=r"Input/output error.*copy again"):
            board(command)


@pytest.mark.parametrize(
    ("number", "todo"),
    [
        (errno.EROFS, "sudo mount -o remount,rw {disk}, then the same command"),
        (errno.EACCES, f"sudo umount {{disk}}, then sudo mount -o uid={os.getuid()} {flash.LABEL} {{disk}}"),
        (errno.EPERM, f"sudo umount {{disk}}, then sudo mount -o uid={os.getuid()} {flash.LABEL} {{disk}}"),
    ],
)
def test_a_disk_that_may_not_be_written_is_to_be_mounted_otherwise(
    pins: Path, disk: Path, number: int, todo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    monkeypatch.setattr(flash, "LEAVES_S", 0.0)
    with pytest.raises(ConfigError, match=re.escape(todo.format(disk=disk))) as refused:
        board(["flash", str(pins), "--disk", str(disk)])
    assert "copy again" not in str(refused.value)


ELSEWHERE = {"RAM": 0x2000_0000, "beyond": 0x1020_0000, "between": 0x1000_0080}


def spoilt(data: bytes, what: str) -> bytes:
    """A UF2 file that no maker of such files has made."""
    blocks = [bytearray(data[at : at + 512]) for at in range(0, len(data), 512)]
    if what == "empty":
        return b""
    if what == "twice":  # and another one is missing
        blocks[5] = blocks[4]
    elif what == "twice, and numbered":
        blocks[5] = blocks[4][:]
        struct.pack_into("<I", blocks[5], 20, 6)
    elif what == "order":
        blocks[4], blocks[5] = blocks[5], blocks[4]
    elif what in ELSEWHERE:
        struct.pack_into("<I", blocks[5], 12, ELSEWHERE[what])
    elif what == "left out":
        del blocks[5]
        for number, block in enumerate(blocks, 1):
            struct.pack_into("<II", block, 20, number % len(blocks), len(blocks))
    elif what == "renumbered":
        for number, block in enumerate(blocks):
            struct.pack_into("<I", block, 20, number)
    elif what == "half a page":
        struct.pack_into("<I", blocks[5], 16, 128)
    elif what == "configuration":
        blocks[-17][32 + 20] ^= 1
    elif what == "second stage":
        blocks[-1][32 + 20] ^= 1
    return b"".join(blocks)


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("empty", "is empty"),
        ("twice", "not whole"),
        ("twice, and numbered", "twice"),
        ("order", "not whole"),
        ("RAM", "0x20000000"),
        ("beyond", "0x10200000"),
        ("between", "0x10000080"),
        ("renumbered", "would erase"),
        ("half a page", "not whole"),
        ("left out", "not whole"),
        ("configuration", "no configuration"),
        ("second stage", "would not start"),
    ],
)
def test_a_uf2_that_is_not_as_it_was_made_is_refused(built: Path, disk: Path, what: str, seen: str) -> None:
    part = disk.with_name("part.uf2")
    part.write_bytes(spoilt(built.read_bytes(), what))
    with pytest.raises(ConfigError, match=seen) as refused:
        board(["flash", str(part), "--disk", str(disk)])
    assert str(part) in str(refused.value)
    assert [path.name for path in disk.iterdir()] == [INFO]


def test_a_capital_ending_is_the_same_ending(pins: Path, disk: Path) -> None:
    capital = pins.rename(pins.with_name("PINS.UF2"))
    assert board(["flash", str(capital), "--disk", str(disk)]) == 0


@pytest.mark.parametrize("firmware", ["1.9", "3.1"])
def test_a_configuration_alone_leaves_the_firmware_that_is_there(
    pins: Path,
    board_file: Path,
    disk: Path,
    saying: Callable[[Hello], str],
    hello_of: Callable[..., Hello],
    firmware: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = saying(hello_of(board_file, firmware=firmware))
    assert board(["flash", str(pins), "--disk", str(disk), "--port", port]) == 0
    assert f"rack board {firmware} runs on {port}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("other", "seen"),
    [
        ({"firmware": "1.9"}, r"firmware 1\.9"),
        ({"board": "not configured"}, "not configured"),
        ({"board": "the old name"}, "name is 'the old name', not 'rack board'"),
        ({"serial": "rack-7"}, "serial is 'rack-7', not 'rack-1'"),
        ({"channels": (Channel("force_n", 80.0, 1.0),)}, "channels is 'force_n', not 'position_m, force_n'"),
    ],
)
def test_a_board_that_does_not_say_what_was_flashed_did_not_take_it(
    built: Path,
    board_file: Path,
    disk: Path,
    saying: Callable[[Hello], str],
    hello_of: Callable[..., Hello],
    other: dict[str, object],
    seen: str,
) -> None:
    port = saying(hello_of(board_file, **other))
    with pytest.raises(ConfigError, match=f"{seen}.*flash again"):
        board(["flash", str(built), "--disk", str(disk), "--port", port])


def test_a_board_with_a_new_serial_number_is_found_by_its_new_name(
    pins: Path,
    board_file: Path,
    disk: Path,
    tmp_path: Path,
    saying: Callable[[Hello], str],
    hello_of: Callable[..., Hello],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(flash, "BY_ID", tmp_path)
    new = tmp_path / "usb-Plumbline_board_rack-1-if00"
    new.symlink_to(saying(hello_of(board_file)))
    old = tmp_path / "usb-Plumbline_board_rack-0-if00"  # it has none any more
    assert board(["flash", str(pins), "--disk", str(disk), "--port", str(old)]) == 0
    assert f"runs on {new}" in capsys.readouterr().out


def test_a_disk_that_nothing_mounts_is_named_with_the_command(
    pins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = tmp_path / "by-label"
    label.touch()
    monkeypatch.setattr(flash, "DISKS", (str(tmp_path / "none" / "*"),))
    monkeypatch.setattr(flash, "LABEL", label)
    with pytest.raises(ConfigError, match=rf"sudo mount .*{label} /mnt/RPI-RP2.*--disk /mnt/RPI-RP2"):
        board(["flash", str(pins)])
    label.unlink()
    with pytest.raises(ConfigError, match="no board shows itself as a disk"):
        board(["flash", str(pins)])


@pytest.mark.parametrize("command", ["check", "flash"])
def test_a_port_that_cannot_be_is_refused_in_words(pins: Path, command: str) -> None:
    words = ["check", "socket://x"] if command == "check" else ["flash", str(pins), "--port", "socket://x"]
    with pytest.raises(ConfigError, match=r"'socket://x'.*socket://host:port"):
        board(words)


def test_a_nano_is_written_and_heard(
    nano: Path,
    tmp_path: Path,
    saying: Callable[[Hello], str],
    hello_of: Callable[..., Hello],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    avrdude(tmp_path / "bin", "exit 0", monkeypatch)
    port = saying(hello_of(tmp_path / "nano.board.toml"))
    assert board(["flash", str(nano), "--port", port]) == 0
    said = capsys.readouterr().out
    assert "written and read back" in said
    assert f"rack board {firmware_version()} runs on {port}" in said


@pytest.mark.parametrize(
    ("says", "seen"),
    [
        (
            "avrdude: stk500_getsync() attempt 1 of 10: not in sync: resp=0x00\n\navrdude done.  Thank you.",
            r"attempt 1 of 10: not in sync: resp=0x00;",
        ),
        ("avrdude: Version 7.1\navrdude: programmer is not responding\navrdude done.", "not responding;"),
        ("avrdude: ser_open(): can't open device\navrdude error: no port\navrdude done.", "no port;"),
        ("avrdude: butterfly has gone\n\navrdude done.  Thank you.", "butterfly has gone;"),
        ("", "no word;"),
    ],
)
def test_why_avrdude_stopped_is_what_it_said_first_of_an_error(
    nano: Path,
    tmp_path: Path,
    says: str,
    seen: str,
    saying: Callable[[Hello], str],
    hello_of: Callable[..., Hello],
    board_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "says").write_text(says)
    avrdude(tmp_path / "bin", f"cat {tmp_path}/says >&2; exit 1", monkeypatch)
    with pytest.raises(ConfigError, match=seen):
        board(["flash", str(nano), "--port", saying(hello_of(board_file))])


def test_the_board_is_heard_at_the_baud_that_was_flashed(
    board_file: Path,
    tmp_path: Path,
    disk: Path,
    saying: Callable[[Hello], str],
    hello_of: Callable[..., Hello],
) -> None:
    board_file.write_text("baud = 460800\n" + board_file.read_text())
    port = saying(hello_of(board_file))
    fast = configured(board_file, tmp_path / "fast.uf2")
    assert board(["flash", str(fast), "--disk", str(disk), "--port", port]) == 0
    line = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        assert termios.tcgetattr(line)[4:6] == [termios.B460800, termios.B460800]
    finally:
        os.close(line)


def test_an_avrdude_that_does_not_end_is_ended(
    nano: Path,
    tmp_path: Path,
    saying: Callable[[Hello], str],
    hello_of: Callable[..., Hello],
    board_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    avrdude(tmp_path / "bin", "exec sleep 60", monkeypatch)
    monkeypatch.setattr(flash, "AVRDUDE_S", 0.1)
    with pytest.raises(ConfigError, match=r"avrdude did not end in 0\.1 s"):
        board(["flash", str(nano), "--port", saying(hello_of(board_file))])


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        (r"[\s\S]*", "", "is empty"),
        (r":00000001FF\n", "", "no end record"),
        (r"(?<=:00000001FF\n)$", ":00000001FF\n", "goes on after"),
        (r"..$", "", "line 1 "),
        (r"^:10", ":0F", "line 1 "),
        (r"^:107000", ":107001", "line 1 "),  # its checksum is another's
        (r"^:.*", ":1078000000000000000000000000000000000000" + "78", "boot loader"),
        (r"\A", "hello\n", "line 1 "),
        (r"^(:.*\n)", r"\1\1", "twice"),
        (r"^:.*\n", "", "no configuration"),
        (r"\A", ":020000040800F2\n", "line 1 "),  # for a chip with more than 64 KiB
    ],
)
def test_a_hex_file_that_is_not_as_it_was_made_is_refused(
    nano: Path, old: str, new: str, seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    avrdude(tmp_path / "bin", "exit 0", monkeypatch)
    nano.write_text(re.sub(old, new, nano.read_text(), count=1, flags=re.MULTILINE))
    with pytest.raises(ConfigError, match=seen) as refused:
        board(["flash", str(nano), "--port", "/dev/null"])
    assert str(nano) in str(refused.value)


def test_a_uf2_that_is_called_hex_is_no_hex_file(pins: Path) -> None:
    named = pins.rename(pins.with_suffix(".HEX"))
    with pytest.raises(ConfigError, match="not a file in Intel's hexadecimal format"):
        board(["flash", str(named), "--port", "/dev/null"])
