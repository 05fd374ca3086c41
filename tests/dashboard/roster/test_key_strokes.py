"""The table of key strokes in the documents: each task is driven by just the keys that stand there."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.record.store import Arrived, open_store
from dashboard.roster.people import Athlete, Plan
from dashboard.tui.screens.floor import FloorScreen

DOCUMENT = Path(__file__).parents[3] / "docs" / "screens.md"
SIGNS = {"⏎": "enter", "↓": "down", "↑": "up", "←": "left", "→": "right", "␣": "space", "/": "slash",
         "tab": "tab", "⇧tab": "shift+tab", ".": "full_stop", "?": "question_mark", "+": "plus"}  # fmt: skip
HERE = ("gym", "rack-1")
RDL = Plan(exercise="romanian-deadlift", load_kg=60.0, sets=3, reps=8)
PEOPLE = [
    Athlete(id="a-17", name="Ana Okoro", badge="0042", squad="juniors", plans=(RDL,)),
    Athlete(id="b-04", name="Ben Lund", badge="0043", squad="juniors"),
]

OF_A_PLAN = ("set-athlete", "set-exercise", "set-load", "set-target")

# What is to come of each task: a command and what it says, words that stay on the screen, or what is so then.
EXPECTED: dict[str, tuple[str, dict[str, Any]] | str | Callable[[Any], object]] = {
    "start the set of an athlete with a plan": ("set-target", {"target_reps": 8, "target_sets": 3}),
    "say who lifts, by badge": ("set-athlete", {"athlete": "b-04"}),
    "the next of the group lifts": ("set-athlete", {"athlete": "b-04"}),
    "change the exercise": ("set-exercise", {"exercise": "good-morning"}),
    "enter a load": ("set-load", {"load_kg": 70.0}),
    "prescribe six reps": ("set-target", {"target_reps": 6}),
    "ask for a velocity": ("set-target", {"velocity_least_mps": 0.5}),
    "make a prescription the plan for good": lambda hands: hands.people()["Ana Okoro"].plans[0].reps is None,
    "end the set": ("end-set", {}),
    "restart the set": ("restart-set", {}),
    "go on with a set that a long pause has ended": ("continue-set", {}),
    "take it back": ("undo", {}),
    "acknowledge what a station calls for": ("acknowledge", {}),
    "mute a station": ("mute", {}),
    "tare": ("tare", {}),
    "the newest rep was none": ("mark-rep", {"mark": "false"}),
    "add a rep that was missed": ("add-rep", {}),
    "the set was another athlete's": ("give-set", {"athlete": "b-04"}),
    "sign an exercise off": ("sign-off", {"exercise": "romanian-deadlift"}),
    "find the stations of a squad": "with 'jun'",
    "another number stands large": lambda hands: hands.app.view_of(HERE).headline == "peak-velocity",
    "how an athlete develops": "set by set",
    "compare the last two sets": "against",
    "where the squad stands": "squad juniors",
    "the days somebody has trained": "January 2026",
}


def table() -> dict[str, list[str]]:
    """The coach's tasks of the document with their keys, one by one."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("## Key strokes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \| ((?:`[^`]+` ?)+)\| (\d+) \|", text, re.MULTILINE)
    found = {}
    for task, keys, count in rows:
        found[task] = re.findall(r"`([^`]+)`", keys)
        assert len(found[task]) == int(count), f"{task}: {len(found[task])} keys, {count} said"
    return found


def test_a_key_typed_with_the_word_that_finds_a_station_means_that_station(
    desk: Any, edge: Any, words: Any
) -> None:
    for station in ("rack-1", "rack-2"):
        say = words(station)
        edge.say(station, say.state(), say.info(athlete="a-17"), say.live(1.0))

    async def drive(hands: Any) -> None:
        await hands.shows("rack-2")
        for station in ("rack-2", "rack-1"):
            hands.type_ahead("slash", *["backspace"] * 6, *station, "enter", "l", "7", "0", "enter")
            await hands.poll(lambda: edge.heard)
            assert [one.topic.split("/")[3] for one in edge.heard] == [station]
            edge.heard.clear()

    desk(PEOPLE, drive)


def test_the_table_and_the_test_speak_of_the_same_tasks() -> None:
    assert set(table()) == set(EXPECTED)
    assert len(table()["start the set of an athlete with a plan"]) <= 4


@pytest.mark.parametrize("ahead", [False, True], ids=["one by one", "typed ahead"])
def test_each_task_is_done_by_the_keys_that_stand_there(
    desk: Any, edge: Any, words: Any, clock_in: Callable[[str], None], tmp_path: Path, ahead: bool
) -> None:
    clock_in("UTC")
    say = words()
    with open_store(tmp_path / "h.db") as store:
        for day in (12, 13):
            old = words(f"d{day}")
            for n in range(1, 4):
                around = {"athlete": "a-17", "load_kg": 60.0, "stream": f"f{day}"}
                around |= {"at_utc": f"2026-01-{day}T10:00:{n:02d}.000Z"}
                store.ingest([Arrived("gym", "rack-2", old.rep(n, **around))])
    edge.say("rack-1", say.state(), say.info(athlete="a-17", load_kg=60.0, queue=["a-17", "b-04"]))

    async def drive(hands: Any) -> None:
        given = {"athlete": "a-17", "load_kg": 60.0, "mean_concentric_velocity_mps": 0.5}
        edge.say("rack-1", say.live(20.0), say.rep(1, **given), say.rep(2, velocity_loss_pct=30.0, **given))
        await hands.poll(lambda: hands.app.view_of(HERE).counted == 2)
        for task, keys in table().items():
            before, expected = len(edge.heard), EXPECTED[task]
            pressed = [SIGNS.get(key, key) for key in keys]
            if ahead:
                hands.type_ahead(*pressed)
            else:
                await hands.pilot.press(*pressed)
            try:
                if isinstance(expected, str):
                    await hands.shows(expected)
                elif callable(expected):
                    await hands.poll(lambda expected=expected: expected(hands))
                else:
                    name, fields = expected
                    await hands.poll(
                        lambda name=name, before=before: any(
                            one in hands.commands(name) for one in hands.heard_since(before)
                        )
                    )
                    command = hands.commands(name)[-1]
                    assert {field: getattr(command, field) for field in fields} == fields
            except AssertionError as error:
                raise AssertionError(f"{task}: {' '.join(keys)}: {error}") from error
            said = {one.name for one in hands.heard_since(before)}
            meant = expected[0] if isinstance(expected, tuple) else None
            assert said <= {meant, *OF_A_PLAN}, task
            while not isinstance(hands.app.screen, FloorScreen):
                await hands.pilot.press("escape")
            if "slash" in [SIGNS.get(key) for key in keys]:
                await hands.pilot.press("slash", *["backspace"] * 10, "enter")

    desk(PEOPLE, drive, (120, 40))
