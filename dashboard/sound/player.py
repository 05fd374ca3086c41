"""Plays WAV files through the system's own player, a child process at a time; nobody waits for it."""

import shutil
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PLAYERS = (("pw-play",), ("paplay",), ("aplay", "-q"))  # PipeWire, PulseAudio, ALSA
WAITING = 4  # clips; a pile of them would be heard long after what they tell of
LONGEST_S = 10.0  # of a clip; a player that goes on hangs
TRIES = 3  # failures in a row after which the next player is taken
_POLL_S = 0.02  # while a child plays


class Player:
    """Plays one clip at a time, the newest; a thread of its own starts and ends the children.

    `problem` says why nothing can be heard; None while a player works, or may.
    """

    def __init__(self, players: Sequence[Sequence[str]] = PLAYERS, trial: Path | None = None) -> None:
        """`players` in the order to try; the first that can play `trial` is taken."""
        self.problem: str | None = None
        self._players = [list(one) for one in players if shutil.which(one[0])]
        self._trial = trial
        self._waiting: deque[tuple[Path, bool]] = deque(maxlen=WAITING)
        self._news = threading.Condition()
        self._leaving = False
        self._failures = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._minor = False  # whether what is being played may be cut by anything
        self._until_s = 0.0
        if not self._players:
            self.problem = f"install a player: {', '.join(one[0] for one in players)}"
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)
        self._thread.start()

    def play(self, clip: Path, minor: bool = False) -> None:
        """Play a clip instead of what is being played; a `minor` one is dropped while another is heard."""
        with self._news:
            self._waiting.append((clip, minor))
            self._news.notify()

    def close(self) -> None:
        """End the child and the thread."""
        with self._news:
            self._leaving = True
            self._news.notify()
        self._thread.join(2.0)

    def _run(self) -> None:
        while self._trial is not None and self._players and not self._leaving:
            if self._start(self._trial) and self._plays_to_its_end():
                break
            self._give_up("it does not play")
        while not self._leaving:
            with self._news:
                if not self._waiting and not self._leaving:
                    self._news.wait(None if self._child is None else _POLL_S)
                asked = list(self._waiting)
                self._waiting.clear()
            self._reap()
            major = [one for one in asked if not one[1]]
            for clip, minor in (major or asked)[-1:]:
                if self._players and not (minor and self._child is not None and not self._minor):
                    self._cut()
                    self._minor = minor
                    if not self._start(clip):
                        self._failed("it does not start")
        self._cut()

    def _start(self, clip: Path) -> bool:
        self._until_s = time.monotonic() + LONGEST_S
        with suppress(OSError):
            self._child = subprocess.Popen(
                [*self._players[0], str(clip)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        return self._child is not None

    def _plays_to_its_end(self) -> bool:
        assert self._child is not None
        child = self._child
        while child.poll() is None and time.monotonic() < self._until_s and not self._leaving:
            time.sleep(_POLL_S)
        played = child.returncode == 0 or self._leaving
        if not played:
            self.problem = None
            self._cut()
        self._child = None
        return played

    def _reap(self) -> None:
        """See what has become of the child."""
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            if time.monotonic() > self._until_s:
                self._cut()
                self._failed("it does not come to an end")
            return
        said = child.stderr.read(400).decode(errors="replace").strip() if child.stderr is not None else ""
        self._cut()
        if child.returncode == 0:
            self._failures = 0
        else:
            self._failed(said.splitlines()[-1] if said else "it ends with an error")

    def _cut(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            if child.stderr is not None:
                child.stderr.close()

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures >= TRIES:
            self._give_up(why)

    def _give_up(self, why: str) -> None:
        """Take the next player; say so where there is none."""
        self._failures = 0
        player = self._players.pop(0)[0]
        if not self._players:
            self.problem = f"{player}: {why}"[:120]
