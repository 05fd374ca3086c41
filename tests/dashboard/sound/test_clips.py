"""Tones and words as files: what a player is given."""

import wave
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from dashboard.sound.clips import RATE_HZ, Clip, joined, read_clip, tone, write_clip
from dashboard.sound.events import Moment


def samples(clip: Clip) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.frombuffer(clip.samples, dtype="<i2")


@pytest.mark.parametrize("moment", list(Moment))
def test_a_tone_is_loud_enough_short_and_begins_and_ends_without_a_click(moment: Moment) -> None:
    heard = samples(tone(moment))
    assert 8000 < np.abs(heard).max() < 20000
    assert len(heard) / RATE_HZ <= 0.6
    assert abs(int(heard[0])) < 300 and abs(int(heard[-1])) < 3000


def test_no_two_tones_sound_alike() -> None:
    for one, other in combinations(Moment, 2):
        assert tone(one).samples != tone(other).samples


def test_silence_around_a_word_goes_so_that_it_begins_at_once(tmp_path: Path) -> None:
    word = tone(Moment.COUNTED)
    write_clip(tmp_path / "a.wav", Clip(RATE_HZ, bytes(8000) + word.samples + bytes(8000)))
    assert abs(len(read_clip(tmp_path / "a.wav").samples) - len(word.samples)) < 200


def test_words_are_joined_to_one_file(tmp_path: Path) -> None:
    parts = [
        tone(Moment.COUNTED),
        tone(Moment.HIT),
        tone(Moment.TICK, 16000),
    ]  # another rate: left out
    write_clip(tmp_path / "a.wav", joined(parts))
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
        assert 0.24 < file.getnframes() / RATE_HZ < 0.35


@pytest.mark.parametrize("data", [b"", b"RIFF", b"no wave at all" * 9])
def test_what_is_no_sound_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.wav"):
        read_clip(path)
    write_clip(path, Clip(RATE_HZ, bytes(2000)))
    with pytest.raises(ValueError, match="silence"):
        read_clip(path)
