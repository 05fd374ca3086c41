"""What is played for a moment: a tone, and the spoken words behind it; or only the bell."""

import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from dashboard.sound.clips import RATE_HZ, Clip, joined, tone, write_clip
from dashboard.sound.events import Heard, Moment, SoundMode
from dashboard.sound.player import PLAYERS, Player
from dashboard.sound.voice import Voice, phrases, voice_command
from station.exercises import Profile

SPOKEN_KEPT = 4  # files of what was said last: a player may still read them
# The tempo alone has no bell: a terminal's is a quarter of a second long.
_OF_A_REP = frozenset({Moment.COUNTED, Moment.HIT, Moment.MISSED})
_OF_THE_TEMPO = frozenset({Moment.TICK, Moment.TURN})
_BELL = frozenset(Moment) - _OF_THE_TEMPO - {Moment.HIT, Moment.COUNTED}
_BELL_WHEN_OFF = frozenset({Moment.DONE, Moment.CUT_OFF})


class Sounds:
    """Sounds of one lifter's screen. Nothing here waits for a player or a voice."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        mode: SoundMode = "off",
        voice: str | None = None,
        players: Sequence[Sequence[str]] = PLAYERS,
        voices: Path | None = None,
    ) -> None:
        """`voice`: a command line with {wav} and {text}, None: the system's; `voices` keeps its clips.

        Raises ConfigError for a voice that is no command.
        """
        self.mode: SoundMode = "off"
        self._phrases = phrases(profiles)
        self._command = voice_command(voice) if voice else None
        self._players = players
        self._voices = voices
        self._player: Player | None = None
        self._voice: Voice | None = None
        self._folder: Path | None = None
        self._tones: dict[Moment, Path] = {}
        self._spoken: deque[Path] = deque()
        self._number = 0
        self._disk: str | None = None  # why there are no files to play
        self.set_mode(mode)

    @property
    def problem(self) -> str | None:
        """Why there is not what was chosen, in few words."""
        if self.mode == "off":
            return None
        why = self._disk or (self._player.problem if self._player is not None else None)
        if why is not None:
            return f"no sound, {why}"
        if self.mode == "voice" and self._voice is None:
            return "no voice: install espeak-ng, or give --voice"
        return self._voice.problem if self._voice is not None and self.mode == "voice" else None

    def set_mode(self, mode: SoundMode) -> None:
        """Choose what is heard from now on."""
        self.mode = mode
        if mode != "off" and self._player is None:
            try:
                self._player = Player(self._players, self._write_tones())
            except OSError as error:
                self._disk = f"{tempfile.gettempdir()}: {error.strerror}"
        if mode == "voice" and self._voice is None:
            command = self._command or voice_command(None)
            if command is not None:
                self._voice = Voice(command, self._phrases, self._voices)

    def _write_tones(self) -> Path:
        """A file for each tone; returns one of silence, to try players with."""
        self._folder = Path(tempfile.mkdtemp(prefix="plumbline-sound-"))
        for moment in Moment:
            self._tones[moment] = self._folder / f"{moment.value}.wav"
            write_clip(self._tones[moment], tone(moment))
        trial = self._folder / "silence.wav"
        write_clip(trial, Clip(RATE_HZ, bytes(RATE_HZ // 10)))
        return trial

    def play(self, found: Iterable[Heard]) -> bool:
        """Play the most telling of what has happened, and say all of it; True asks for the bell instead."""
        told = list(found)
        if not told:
            return False
        if self.mode == "off" or self._player is None or self._player.problem is not None:
            rings = _BELL_WHEN_OFF if self.mode == "off" else _BELL
            return any(one.moment in rings for one in told)
        clip = self._tones[told[0].moment]
        if self.mode == "voice":
            with suppress(OSError):  # the disk is full: the tones are there
                clip = self._said(told) or clip
        self._player.play(clip, minor=told[0].moment in _OF_THE_TEMPO)
        return False

    def close(self) -> None:
        """End what plays and remove the files."""
        if self._voice is not None:
            self._voice.close()
        if self._player is not None:
            self._player.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _said(self, told: Sequence[Heard]) -> Path | None:
        """The tone and the words as one file; None where none of the words is there."""
        if self._voice is None or self._folder is None:
            return None
        # The count first, as a coach counts, then what there is to it.
        in_order = sorted(told, key=lambda one: one.moment not in _OF_A_REP)
        clips = {word: self._voice.clip(word) for one in in_order for word in one.say}
        words = [word for one in in_order for word in one.say if clips[word] is not None]
        spoken = [clip for word in words if (clip := clips[word]) is not None]
        if not spoken:
            return None
        whole = joined([tone(told[0].moment, spoken[0].rate_hz), *spoken])
        self._number += 1
        name = "-".join(word.replace(" ", "_") for word in words)[:80]
        path = self._folder / f"{self._number}.{told[0].moment.value}.{name}.wav"
        write_clip(path, whole)
        self._spoken.append(path)
        if len(self._spoken) > SPOKEN_KEPT:
            self._spoken.popleft().unlink(missing_ok=True)
        return path
