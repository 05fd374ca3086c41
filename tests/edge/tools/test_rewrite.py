"""A calibration written into a station file changes that and nothing else."""

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.tools.rewrite import with_calibration, write_atomically
from station.config import Calibration, load_station
from station.errors import ConfigError

HEAD = '# Rack 1, by the window\nexercise = "rdl"   # first\n\n[station]\nid = "rack-1"\nkind = "barbell"\n'
OLD = (
    "\n[calibration.force_n]  # the S-beam\n# tared by Ann\ncounts_per_unit = 790.0 # 2024\n"
    "points = [\n  [0.0, 5.0],  # empty\n  [196.0, 9.0],\n]\nzero_counts=12\n\n"
)
TAIL = '# the bridge\n[[ports]]\nurl = "/dev/x"   # left\n'
NEW = Calibration(41_213.5, 800.25, "2026-11-23", [(0.0, 41_213.5), (196.133, 198_167.4)], 0.02)


def test_a_new_table_goes_to_the_end() -> None:
    text = with_calibration(HEAD + TAIL, "force_n", NEW)
    assert text.startswith(HEAD + TAIL.rstrip() + "\n\n[calibration.force_n]\nzero_counts = 41213.5\n")
    assert tomllib.loads(text)["calibration"]["force_n"]["points"] == [[0.0, 41_213.5], [196.133, 198_167.4]]


def test_an_old_table_is_changed_in_its_place_and_comments_stay() -> None:
    text = with_calibration(HEAD + OLD + TAIL, "force_n", NEW)
    assert (
        text
        == HEAD
        + (
            "\n[calibration.force_n]  # the S-beam\n# tared by Ann\ncounts_per_unit = 800.25 # 2024\n"
            "points = [[0.0, 41213.5], [196.133, 198167.4]]\nzero_counts=41213.5\n"
            'date = "2026-11-23"\nresidual = 0.02\n\n'
        )
        + TAIL
    )


def test_what_the_new_one_does_not_have_goes() -> None:
    text = with_calibration(HEAD + OLD + TAIL, "force_n", Calibration(1.0, 2.0))
    assert tomllib.loads(text)["calibration"]["force_n"] == {"zero_counts": 1.0, "counts_per_unit": 2.0}


def test_windows_line_ends_stay() -> None:
    text = with_calibration((HEAD + OLD + TAIL).replace("\n", "\r\n"), "force_n", NEW)
    assert text.count("\n") == text.count("\r\n")


@pytest.mark.parametrize(
    "inline",
    [
        "calibration = { force_n = { zero_counts = 1.0 } }\n",
        "calibration.force_n.zero_counts = 1.0\n",
        '"calibration" = {}\n',
        "[calibration]\nforce_n = { zero_counts = 1.0 } # as sold\n",
    ],
)
def test_a_table_in_another_guise_is_changed_or_refused_with_what_to_write(inline: str) -> None:
    try:
        text = with_calibration(HEAD + inline, "force_n", NEW)
    except ConfigError as error:
        assert "write it as the table [calibration.force_n] with zero_counts" in str(error)
    else:
        assert tomllib.loads(text)["calibration"]["force_n"]["zero_counts"] == NEW.zero_counts


@given(st.text(alphabet="#= \"'[]{},.ab1\n\\", max_size=80))
def test_whatever_stands_around_it_either_stays_or_it_is_refused(noise: str) -> None:
    text = HEAD + noise + "\n[calibration.force_n]\nzero_counts = 3\n" + noise
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    try:
        after = tomllib.loads(with_calibration(text, "force_n", NEW))
    except ConfigError:
        return
    assert after.pop("calibration")["force_n"]["zero_counts"] == NEW.zero_counts
    before.pop("calibration")
    assert after == before


def test_the_file_is_replaced_whole_with_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "rack-1.toml", tmp_path / "link.toml"
    path.write_text(HEAD + OLD)
    path.chmod(0o640)
    link.symlink_to(path)
    write_atomically(link, with_calibration(link.read_text(), "force_n", NEW))
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert load_station(link).calibration["force_n"] == NEW
    assert {entry.name for entry in tmp_path.iterdir()} == {"rack-1.toml", "link.toml"}


def test_a_disk_that_refuses_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rack-1.toml"
    path.write_text(HEAD)

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(ConfigError, match=r"cannot be written \(No space left"):
        write_atomically(path, "other")
    assert path.read_text() == HEAD
    assert len(list(tmp_path.iterdir())) == 1
