"""Spoken words, made beforehand by the system's speech or a voice of the user's, and kept between runs."""

import hashlib
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from platformdirs import user_cache_path

from dashboard.floor.coaching import in_few_words
from dashboard.floor.reps import WHY_NOT
from dashboard.sound.clips import Clip, read_clip
from station.errors import ConfigError
from station.exercises import Profile

HIGHEST = 20  # number that is spoken; a longer set goes on with tones
RENDER_S = 30.0  # a neural voice on a small computer takes seconds for a phrase
SYSTEM_VOICE = "espeak-ng -s 170 -w {wav} {text}"  # 170 words a minute: its default, and quick enough
_FIXED = ("point", "done", "end the set", "count", "other exercise", "rest over")


def phrases(profiles: Mapping[str, Profile]) -> list[str]:
    """All that is ever said: numbers, why a rep did not count, and each cue's first words."""
    cues = [in_few_words(cue.say) for profile in profiles.values() for cue in profile.cues]
    numbers = [str(number) for number in range(HIGHEST + 1)]
    return list(dict.fromkeys([*numbers, *_FIXED, *WHY_NOT.values(), *cues]))


def voice_command(given: str | None) -> list[str] | None:
    """The words of a voice's command line; None where the system has no speech.

    Raises ConfigError for a command that cannot be one.
    """
    if not given:
        given = SYSTEM_VOICE
        if shutil.which("espeak-ng") is None:
            return None
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise ConfigError(f"--voice {given!r}: {error}") from None
    if "{wav}" not in given or not words:
        raise ConfigError(
            f"--voice {given!r}: it needs {{wav}}, the file to write, and {{text}} or its input"
        )
    if shutil.which(words[0]) is None:
        raise ConfigError(f"--voice: there is no program {words[0]!r}; install it, or give another")
    return words


class Voice:
    """Makes clips of phrases in a thread of its own; what is not made yet is not said."""

    def __init__(self, command: Sequence[str], wanted: Iterable[str], folder: Path | None = None) -> None:
        """`folder` keeps the clips; None: the platform's cache."""
        self.problem: str | None = None
        self._command = list(command)
        self._wanted = list(wanted)
        digest = hashlib.sha256("\0".join(self._command).encode()).hexdigest()[:16]
        self._folder = (folder or user_cache_path("plumbline", appauthor=False) / "voice") / digest
        self._clips: dict[str, Clip] = {}
        self._leaving = False
        self._thread = threading.Thread(target=self._run, name="voice", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether every phrase has been tried."""
        return not self._thread.is_alive()

    def clip(self, phrase: str) -> Clip | None:
        """What to play for a phrase; None where there is nothing."""
        return self._clips.get(phrase)

    def close(self) -> None:
        """Make no further clips."""
        self._leaving = True

    def _run(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for phrase in self._wanted:
                if self._leaving:
                    return
                clip = self._made(phrase)
                if clip is None:
                    return  # the next will not do better
                self._clips[phrase] = clip
        except OSError as error:
            self.problem = f"no voice: {self._folder}: {error.strerror}"

    def _made(self, phrase: str) -> Clip | None:
        path = self._folder / f"{_slug(phrase)}.wav"
        try:
            return read_clip(path)
        except ValueError:
            pass  # not made yet, or not to its end
        draft = path.with_suffix(f".{threading.get_native_id()}.draft.wav")
        words = [word.replace("{wav}", str(draft)).replace("{text}", phrase) for word in self._command]
        try:
            subprocess.run(
                words, input=f"{phrase}\n".encode(), capture_output=True, timeout=RENDER_S, check=True
            )
            clip = read_clip(draft)
            draft.replace(path)
        except (subprocess.SubprocessError, ValueError, OSError) as error:
            said = getattr(error, "stderr", None) or str(error).encode()
            why = said.decode(errors="replace").strip().splitlines() or ["it made no sound"]
            self.problem = f"no voice: {self._command[0]}: {why[-1]}"[:120]
            return None
        finally:
            draft.unlink(missing_ok=True)
        return clip


def _slug(phrase: str) -> str:
    """A phrase as a file's name; two that look alike there differ in their digest."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in phrase.lower())[:40]
    return f"{plain}.{hashlib.sha256(phrase.encode()).hexdigest()[:8]}"
