"""The system's player as a child: nobody waits for it, whatever it does."""

import time
from pathlib import Path
from typing import Any

import pytest

from dashboard.sound.clips import Clip, write_clip
from dashboard.sound.player import TRIES, Player

CLIPS = ("one", "two", "three")
SLEEPS = 'for last; do :; done; basename "$last" .wav >> "$0.log"; exec sleep 100'


@pytest.fixture
def clips(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / f"{name}.wav" for name in (*CLIPS, "silence")}
    for path in found.values():
        write_clip(path, Clip(22050, bytes(2000)))
    return found


def test_it_is_given_what_is_to_be_heard(player: Any, clips: Any, until: Any) -> None:
    fake = player()
    ours = Player([fake.command], clips["silence"])
    for name in CLIPS:
        ours.play(clips[name])
        until(lambda name=name: name in fake.played)
    ours.close()
    assert (fake.played, ours.problem) == (list(CLIPS), None)


def test_the_newest_is_heard_and_a_tick_never_cuts_a_word(player: Any, clips: Any, until: Any) -> None:
    fake = player(SLEEPS)
    ours = Player([fake.command])
    ours.play(clips["one"], minor=True)
    until(lambda: fake.played == ["one"])
    ours.play(clips["two"])
    until(lambda: fake.played == ["one", "two"])
    ours.play(clips["one"], minor=True)
    ours.play(clips["three"])
    until(lambda: fake.played == ["one", "two", "three"])
    ours.close()


def test_one_that_hangs_holds_nobody_up(player: Any, clips: Any) -> None:
    ours = Player([player(SLEEPS).command])
    spent_s = time.thread_time()
    for _ in range(100):
        ours.play(clips["one"])
    assert time.thread_time() - spent_s < 0.1
    ours.close()


def test_a_player_that_cannot_play_gives_way_to_the_next_and_the_last_says_why(
    player: Any, clips: Any, until: Any
) -> None:
    deaf = player("echo no daemon >&2; exit 1", "pw-play")
    fake = player()
    ours = Player([deaf.command, fake.command], clips["silence"])
    ours.play(clips["one"])
    until(lambda: fake.played == ["one"])
    ours.close()
    alone = Player([deaf.command])
    for _ in range(TRIES):
        alone.play(clips["one"])
        until(lambda: alone._child is None and not alone._waiting)
        time.sleep(0.05)
    until(lambda: alone.problem)
    assert alone.problem is not None and "no daemon" in alone.problem
    alone.close()


def test_without_any_player_it_says_which_to_install() -> None:
    ours = Player([["no-such-player"]])
    assert ours.problem == "install a player: no-such-player"
    ours.close()
