"""Captures: what is written is what is read, up to the last whole record."""

from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.link.capture import MAX_RECORD_BYTES, Capture, CaptureInfo, CaptureWriter, Received, is_capture
from station.errors import RecordingError

INFO = CaptureInfo(
    station="rack-1", url="/dev/ttyACM0", driver="plumbline", baud=115_200, started_utc="2030-01-01T00:00:00Z"
)
RECORDS = [Received(10.0, b"\0abc"), Received(10.5, b"x" * 5000), Received(10.5, b"\r\n\x1a")]


def write(path: Path, records: list[Received]) -> Path:
    with CaptureWriter(path, INFO) as writer:
        for received in records:
            writer.write(*received)
    return path


def read(path: Path) -> tuple[list[Received], str]:
    """What a capture holds, and what is said of it."""
    with redirect_stderr(StringIO()) as said:
        return list(Capture(path)), said.getvalue()


def test_a_capture_reads_back_as_it_was_received(tmp_path: Path) -> None:
    capture = Capture(write(tmp_path / "a.plc", RECORDS))
    assert capture.info == INFO
    assert list(capture) == RECORDS
    assert list(capture) == RECORDS
    assert read(tmp_path / "a.plc") == (RECORDS, "")


def test_each_record_is_in_the_file_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.plc"
    with CaptureWriter(path, INFO) as writer:
        for n, received in enumerate(RECORDS, start=1):
            writer.write(*received)
            assert list(Capture(path)) == RECORDS[:n]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 5200))
def test_a_torn_tail_is_left_and_said(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = write(tmp_path_factory.mktemp("torn") / "a.plc", RECORDS)
    whole = path.read_bytes()
    start = len(whole) - 5007 - 3 * 16
    keep = start + min(cut, len(whole) - start)
    path.write_bytes(whole[:keep])
    found, said = read(path)
    used = start + sum(16 + len(received.data) for received in found)
    assert found == RECORDS[: len(found)]
    left = f"{path}: the last {keep - used} bytes are no whole record; read up to there\n"
    assert said == (left if keep > used else "")
    next_bytes = 16 + len(RECORDS[len(found)].data) if len(found) < 3 else 1
    assert keep - used < next_bytes


@pytest.mark.parametrize("at", [0, 3, 8, 12, 16, 100])
def test_reading_stops_before_a_damaged_record(tmp_path: Path, at: int) -> None:
    path = write(tmp_path / "a.plc", RECORDS)
    raw = bytearray(path.read_bytes())
    second = len(raw) - 5003 - 2 * 16
    raw[second + at] ^= 0x40
    path.write_bytes(bytes(raw))
    found, said = read(path)
    assert found == RECORDS[:1]
    assert f"the last {5003 + 2 * 16} bytes" in said


def test_reading_stops_where_time_runs_backwards(tmp_path: Path) -> None:
    found, said = read(write(tmp_path / "a.plc", [RECORDS[1], RECORDS[0], RECORDS[2]]))
    assert found == [RECORDS[1]]
    assert f"the last {4 + 3 + 2 * 16} bytes" in said


def test_a_tail_of_zeros_after_a_power_cut_is_left(tmp_path: Path) -> None:
    path = write(tmp_path / "a.plc", RECORDS)
    with path.open("ab") as file:
        file.write(bytes(4096))
    found, said = read(path)
    assert found == RECORDS
    assert "the last 4096 bytes" in said


def test_nothing_received_writes_nothing_and_much_is_split(tmp_path: Path) -> None:
    much = bytes(range(256)) * (MAX_RECORD_BYTES // 256) + b"end"
    records = list(Capture(write(tmp_path / "a.plc", [Received(1.0, b""), Received(2.0, much)])))
    assert [received.received_s for received in records] == [2.0, 2.0]
    assert b"".join(received.data for received in records) == much


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no capture"),
        (b"time_s,position_m\n0.0,1.0\n", "no capture, starts with b'time_s,p'.*plumbline capture"),
        (b"\x89PLC\n\x1a\n", "no capture"),
        (b"\x89PLC\r\n\x1a\n", "ends within its header"),
        (b"\x89PLC\r\n\x1a\n\x02\0\0\0\x02\0\0\0{}", "version 2; this software reads 1"),
        (b"\x89PLC\r\n\x1a\n\x01\0\0\0\x02\0\0\0{}", "header is damaged"),
        (b"\x89PLC\r\n\x1a\n\x01\0\0\0\xff\xff\xff\xff{", "header is damaged"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=says) as raised:
        Capture(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_or_unreadable_capture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read"):
        Capture(tmp_path / "none")
    with pytest.raises(RecordingError, match="cannot be read"):
        Capture(tmp_path)


def test_a_capture_never_overwrites_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.plc", RECORDS)
    with pytest.raises(RecordingError, match="exists already"):
        CaptureWriter(path, INFO)
    with pytest.raises(RecordingError, match="cannot be created"):
        CaptureWriter(tmp_path / "no" / "b.plc", INFO)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    opened = full.open("wb", buffering=0)
    monkeypatch.setattr(Path, "open", lambda *_: opened)
    with opened, pytest.raises(RecordingError, match=r"cannot be written.*No space left"):
        CaptureWriter(tmp_path / "a.plc", INFO)


def test_a_capture_is_told_from_other_files(tmp_path: Path) -> None:
    other = tmp_path / "a.csv"
    other.write_text("time_s\n")
    assert is_capture(write(tmp_path / "a.plc", RECORDS))
    assert not is_capture(other)
    assert not is_capture(tmp_path / "none")
