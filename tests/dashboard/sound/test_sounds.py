"""From what a station says to what a lifter hears: tones, a voice, the bell."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.sound.clips import tone, write_clip
from dashboard.sound.events import Heard, Moment, SoundMode
from dashboard.sound.sounds import Sounds
from dashboard.sound.voice import HIGHEST, Voice, phrases, voice_command
from dashboard.tui.app import PlumblineApp
from dashboard.tui.preferences import load_preferences
from station.errors import ConfigError
from station.exercises import all_profiles

PROFILES = all_profiles()


@pytest.fixture
def speaker(tmp_path: Path, player: Any) -> str:
    """The command line of a voice that says the same of everything."""
    word = tmp_path / "word.wav"
    write_clip(word, tone(Moment.COUNTED))
    return f"{player(f'cp {word} $1', 'speak').command[0]} {{wav}} {{text}}"


@pytest.fixture
def sounds(tmp_path: Path) -> Any:
    """Make sounds that go to a player; closed at the end."""
    made: list[Sounds] = []

    def make(fake: Any, mode: SoundMode = "tones", voice: str | None = None) -> Sounds:
        made.append(Sounds(PROFILES, mode, voice, [fake.command], tmp_path / "voices"))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("moment", list(Moment))
def test_every_moment_has_its_tone(player: Any, sounds: Any, until: Any, moment: Moment) -> None:
    fake = player()
    assert not sounds(fake).play([Heard(moment, ("1",))])
    until(lambda: fake.played == [moment.value])


def test_a_voice_says_the_count_then_what_there_is_to_it_behind_the_tone(
    player: Any, sounds: Any, until: Any, speaker: str
) -> None:
    fake = player()
    ours = sounds(fake, "voice", speaker)
    until(lambda: ours._voice.ready)
    assert ours.problem is None
    ours.play([Heard(Moment.DONE, ("done",)), Heard(Moment.HIT, ("8", "point", "5", "2"))])
    until(lambda: fake.played)
    assert fake.played == ["1.done.8-point-5-2-done"]
    ours.play([Heard(Moment.COUNTED, ("99",))])  # nobody has rendered that
    until(lambda: len(fake.played) == 2)
    assert fake.played[1] == "counted"


def test_what_is_said_is_rendered_beforehand_and_kept_for_the_next_time(
    player: Any, sounds: Any, until: Any, speaker: str
) -> None:
    wanted = phrases(PROFILES)
    assert {str(n) for n in range(HIGHEST + 1)} | {"point", "done", "end the set", "count"} <= set(wanted)
    assert {"too short to count", "Slower", "Bar against the thighs"} <= set(wanted)
    assert len(wanted) < 80
    ours = sounds(player(), "voice", speaker)
    until(lambda: ours._voice.ready)
    assert all(ours._voice.clip(phrase) for phrase in wanted)
    program = Path(speaker.split(maxsplit=1)[0])
    program.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")  # not asked again
    again = sounds(player(), "voice", speaker)
    until(lambda: again._voice.ready)
    assert all(again._voice.clip(phrase) for phrase in wanted) and again.problem is None


@pytest.mark.parametrize("script", ["exit 1", "echo no such language >&2; exit 2", "exit 0", "echo x > $1"])
def test_a_voice_that_does_not_speak_is_said_and_the_tones_stay(
    player: Any, sounds: Any, until: Any, script: str
) -> None:
    fake = player()
    ours = sounds(fake, "voice", f"{player(script, 'mute').command[0]} {{wav}} {{text}}")
    until(lambda: ours._voice.ready)
    assert ours.problem is not None and ours.problem.startswith("no voice: ")
    ours.play([Heard(Moment.HIT, ("1",))])
    until(lambda: fake.played == ["hit"])


@pytest.mark.parametrize("given", ["no-such-program {wav}", "espeak", "sh 'open {wav}", "{wav"])
def test_a_voice_that_is_no_command_is_refused_in_one_line(given: str) -> None:
    with pytest.raises(ConfigError, match="--voice"):
        voice_command(given)


def test_a_phrase_may_come_by_the_voice_s_input(player: Any, until: Any, tmp_path: Path) -> None:
    write_clip(tmp_path / "word.wav", tone(Moment.HIT))
    heard = tmp_path / "heard"
    script = f"cat >> {heard}; cp {tmp_path / 'word.wav'} $1"
    voice = Voice([*player(script, "piper").command, "{wav}"], ["seven", "done"], tmp_path / "voices")
    until(lambda: voice.ready)
    assert heard.read_text(encoding="utf-8") == "seven\ndone\n" and voice.clip("done") is not None


def test_without_sound_the_bell_rings_for_a_reason_to_end_the_set_alone() -> None:
    ours = Sounds(PROFILES)
    rung = {moment for moment in Moment if ours.play([Heard(moment)])}
    assert rung == {Moment.DONE, Moment.CUT_OFF}
    assert not ours.play([])


def test_where_nothing_can_play_the_bell_stands_in(sounds: Any) -> None:
    ours = Sounds(PROFILES, "tones", None, [["no-such-player"]])
    rung = {moment for moment in Moment if ours.play([Heard(moment)])}
    assert rung == set(Moment) - {Moment.TICK, Moment.TURN, Moment.HIT, Moment.COUNTED}
    assert ours.problem == "no sound, install a player: no-such-player"
    ours.close()


def lift(still: Any, say: Any, from_s: float) -> None:
    """Stand, then go down, as the live values have it."""
    for step in range(8):
        phase = "top" if step < 5 else "eccentric"
        still.put("rack-1", say.live(from_s + 0.1 * step, 1.0 - 0.05 * max(0, step - 4), phase=phase))


def on_screen(still: Any, ours: Sounds, drive: Callable[[Any], Any], **given: Any) -> PlumblineApp:
    app = PlumblineApp(still, PROFILES, lifter_at="rack-1", sounds=ours, **given)

    async def driven() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await drive(pilot)

    asyncio.run(driven())
    return app


def test_a_set_is_heard_rep_by_rep_and_a_muted_station_is_not(
    still: Any, words: Any, looks: Any, player: Any, sounds: Any
) -> None:
    say, fake = words(), player()
    still.put("rack-1", say.state(), say.info(target_reps=3), say.live(1.0))

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: "Romanian" in looks.text(pilot.app))
        for n, given in ((1, {}), (2, {"counted": False, "reason_code": "short-of-set"}), (3, {})):
            still.put("rack-1", say.rep(n, **given))
            await looks.poll(pilot, lambda n=n: len(fake.played) == n)
        still.now_s += 0.1
        still.put("rack-1", say.info(target_reps=3, muted=True))
        await looks.settle(pilot)
        still.put("rack-1", say.rep(4))
        await looks.settle(pilot)
        still.now_s += 0.1
        still.put("rack-1", say.info(target_reps=3, muted=False))
        await looks.settle(pilot)
        still.put("rack-1", say.rep(5, eccentric_s=0.5))
        await looks.poll(pilot, lambda: len(fake.played) == 4)

    on_screen(still, sounds(fake), drive)
    assert fake.played == ["hit", "not-counted", "hit", "missed"]


class Ears(Sounds):
    """Hears what is to be played, in its order."""

    def __init__(self) -> None:
        super().__init__(PROFILES)
        self.mode = "tones"
        self.heard: list[Moment] = []

    def play(self, found: Any) -> bool:
        self.heard += [one.moment for one in found]
        return False


def test_the_tempo_ticks_from_the_moment_a_rep_begins(still: Any, words: Any, looks: Any) -> None:
    say, ears = words(), Ears()
    still.put("rack-1", say.state(), say.info(tempo_s=[1.5, 0.0, None, 0.0]))
    lift(still, say, 10.0)

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: len(ears.heard) == 2, 30.0)

    on_screen(still, ears, drive)
    assert ears.heard == [Moment.TICK, Moment.TURN]


def test_f2_chooses_the_sound_and_it_is_remembered(
    still: Any, words: Any, looks: Any, player: Any, sounds: Any, tmp_path: Path, speaker: str
) -> None:
    say = words()
    still.put("rack-1", say.state(), say.info(), say.live(1.0))
    preferences = tmp_path / "dashboard.json"
    ours = sounds(player(), "off", speaker)
    seen: list[str] = []

    async def drive(pilot: Any) -> None:
        await looks.poll(pilot, lambda: "Romanian" in looks.text(pilot.app))
        for _ in range(3):
            await pilot.press("f2")
            await pilot.pause()
            seen.append(load_preferences(preferences).sound)

    on_screen(still, ours, drive, preferences=preferences)
    assert seen == ["tones", "voice", "off"]
