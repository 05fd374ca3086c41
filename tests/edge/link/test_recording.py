import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edge.link.recording import read_recording
from station.errors import RecordingError

GOOD = "time_s,position_m,force_n\n0,0.9,\n0.02,0.91,500\n0.04,0.92,\n"


def write(tmp_path, text, name="rec.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_cell_is_a_channel_without_a_sample(tmp_path):
    recording = read_recording(write(tmp_path, GOOD))
    (block,) = recording.samples(10.0)
    by_name = {samples.channel: samples for samples in block}
    np.testing.assert_array_equal(by_name["force_n"].time_s, [0.02])
    np.testing.assert_array_equal(by_name["position_m"].value, [0.9, 0.91, 0.92])


def test_gzip_a_byte_order_mark_and_parquet_read_the_same(tmp_path):
    plain = read_recording(write(tmp_path, GOOD))
    packed = tmp_path / "rec.csv.gz"
    packed.write_bytes(gzip.compress(GOOD.encode()))
    marked = write(tmp_path, "\ufeff" + GOOD, "bom.csv")
    table = tmp_path / "rec.parquet"
    pq.write_table(
        pa.table({"time_s": [0, 0.02, 0.04], "position_m": [0.9, 0.91, 0.92], "force_n": [None, 500, None]}),
        table,
    )
    for path in (packed, marked, table):
        other = read_recording(path)
        np.testing.assert_array_equal(other.time_s, plain.time_s)
        for name, values in plain.columns.items():
            np.testing.assert_array_equal(other.columns[name], values)


def test_blocks_hold_every_sample_once(tmp_path):
    rows = "".join(f"{i * 0.013:.3f},{i}\n" for i in range(1000))
    recording = read_recording(write(tmp_path, "time_s,force_n\n" + rows))
    blocks = list(recording.samples(0.1))
    values = np.concatenate([samples.value for block in blocks for samples in block])
    np.testing.assert_array_equal(values, np.arange(1000))
    assert len(blocks) == 130


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty; the first line names the columns"),
        ("time_s,position_m\n", "no samples below the header"),
        ("time_s,positon_m\n0,1\n", "unknown column 'positon_m'; did you mean position_m"),
        ("position_m\n1\n", "column time_s is missing"),
        ("time_s\n1\n", "no channel beside time_s"),
        ("time_s,force_n,force_n\n0,1,1\n", "column force_n is there twice"),
        ("time_s,position_m\n0,1\n1,1\n0.5,1\n", "line 4: time_s goes from 1 to 0.5"),
        ("time_s,position_m\n0,1\n0,2\n", "lines 2 and 3: time_s is 0 in both, with different readings"),
        ("time_s,position_m\n0,1\n1,one\n", "line 3, column position_m: 'one' is not a number"),
        ("time_s,position_m\n0,1\n1\n", "line 3 has 1 cell, the header names 2 columns"),
        ("time_s,position_m\n0,1\n1,inf\n", "line 3, column position_m: 'inf' is not a number"),
        (
            "time_s,position_m\n0,1\n,1\n",
            "line 3, column time_s: nan is no reading; every row needs its time",
        ),
        ("time_s,position_m,position_mm\n0,1,1\n", "position_m and position_mm are one channel; keep one"),
        ("time_s,Position [mm]\n0,1\n", "unknown column 'Position [mm]'; did you mean position_mm"),
        ("time_s position_m\n0 1\n", "the columns are not separated by ',' ';' or a tab"),
        ("time_s,position_m\ns,mm\n0,1\n", "line 2: the column position_m is said to be in mm"),
        (",time_s,position_m\n0,0,1\n", "line 2: there is '0' in column 1, which has no name"),
        ("time_s,position_m\n0,12:30\n", "line 2, column position_m: '12:30' is not a number"),
    ],
)
def test_a_bad_recording_is_refused_with_line_and_column(tmp_path, text, says):
    with pytest.raises(RecordingError) as refused:
        read_recording(write(tmp_path, text))
    assert says in str(refused.value)
    assert "rec.csv" in str(refused.value)


def test_what_is_no_text_no_gzip_no_parquet_or_not_there_is_refused(tmp_path):
    binary = tmp_path / "rec.bin"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(GOOD.encode())[:-9])
    fake = tmp_path / "rec.parquet"
    fake.write_bytes(b"PAR1" + GOOD.encode())
    for path, says in (
        (binary, "unknown column"),
        (cut, "the gzip data is damaged or cut short"),
        (fake, "cannot be read as Parquet"),
        (tmp_path / "none.csv", "No such file"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(RecordingError, match=says):
            read_recording(path)


def test_a_recording_is_told_by_what_is_in_it_not_by_its_name(tmp_path):
    table = tmp_path / "set.csv"
    pq.write_table(pa.table({"time_s": [0, 0.02], "position_m": [0.9, 0.91]}), table)
    assert read_recording(table).columns["position_m"].tolist() == [0.9, 0.91]
    for name in ("set.parquet", "set.xlsx", "set.csv.gz"):
        assert read_recording(write(tmp_path, GOOD, name)).columns["force_n"][1] == 500.0
