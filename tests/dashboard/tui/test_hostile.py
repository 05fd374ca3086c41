"""Hostile text on every screen, page, export and line: it stays in its own cell, and is only ever text."""

import csv
import io
import itertools
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from dashboard.broker.events import Packet, read_all
from dashboard.floor.state import FloorState, apply_all
from dashboard.history.recall import Recall
from dashboard.record.store import Arrived, open_store
from dashboard.roster.athletes import save
from dashboard.roster.people import Athlete, Plan
from dashboard.tui.app import PlumblineApp
from dashboard.tui.commands import Result
from dashboard.tui.plain import Reporter
from dashboard.tui.screens.health import HealthScreen
from dashboard.tui.screens.history import HistoryScreen
from dashboard.tui.screens.station import StationScreen
from station.cli import main
from station.exercises import all_profiles
from station.messages import MAX_PAYLOAD_BYTES, CommandMessage, ReplyMessage, encode
from station.records import Rep
from tests.dashboard.sizes import TERMINALS

TEXTS = {
    "ansi": "\x1b[2J\x1b[31mana",
    "c1": "\x9b31m\x85\x90ana",
    "osc": "\x1b]0;owned\x07\x1b]52;c;aGk=\x1b\\ana",
    "markup": "[/][bold red][@click=app.quit]ana[/",
    "right-to-left": "\u202eana\u2066\u200f\u05d0\u05d1",
    "lines": "ana\r\n\x0b\x0c\u2028\u2029ben\ttab",
    "10 kB": "x" * 10_240,
    "wide": "漢" * 5_000,
    "marks": "a" + "\u0301" * 1_000,
    "html": "<script>alert(1)</script><img src=//evil.example/x>\"'&",
    "formula": '=HYPERLINK("http://evil.example";"ana")',
}
NONSENSE = [
    b'{"schema":"plumbline/info/1",' + b'"geometry":' + b'{"a":' * 30_000 + b"1" + b"}" * 30_001,
    b"[" * 60_000,
    b'{"schema":"plumbline/live/1","event_id":"e","at_utc":"t","session":"a1","live":{"session_s":NaN}}',
    b'{"schema":"plumbline/rep/1","event_id":7,"at_utc":[],"rep":"none"}',
    b'{"schema":"plumbline/state/1","event_id":"e","at_utc":"t","session":"a1","state":"\\ud800"}',
    b"\xff\xfe\x00",
]
PROFILES = all_profiles()


def is_clean(text: str) -> bool:
    """Nothing that a terminal obeys: no controls, no marks of direction, no line separators."""
    bad = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return not any(unicodedata.category(char) in bad for char in text if char != "\n")


def rows_of(app: PlumblineApp) -> list[Any]:
    """The screen's rows, each checked to be clean and exactly as wide as the screen."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()[:height]
    for strip in strips:
        assert strip.cell_length == width, strip.text
        assert is_clean(strip.text), ascii(strip.text)
    return strips


def hostile_messages(say: Any, text: str) -> list[Any]:
    """All that a station can say in words."""
    return [
        say.state(),
        say.info(athlete=text, queue=[text]),
        say.info(
            athlete=text[:2000],
            queue=[text, "ben"],
            software=text,
            board=text,
            kind=text,
            acknowledged=text,
            signed_off=[(text, text)],
            geometry={text: 1.0},
            sensors=[{"channel": text, "rate_hz": 1.0, "calibrated": text}],
        ),
        say.health(2.0, problem=text, saturated=[text], sensor_faults={text: "stuck"}, rates_hz={text: 1.0}),
        say.rep(1, athlete=text, counted=False, reason=text),
        say.rep(2, athlete=text, exercise=text),
        say.set(1, athlete=text, exercise=text),
        say.live(9.0),
    ]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_on_a_live_screen_it_stays_in_its_own_cells(still: Any, words: Any, looks: Any, text: str) -> None:
    good, say = words("b2"), words("a1")
    app = PlumblineApp(still, PROFILES)

    def fill(with_text: str) -> None:
        still.put("rack-2", good.state(), good.info(athlete="ben"), good.rep(1), good.live(9.0))
        still.put("rack-1", *hostile_messages(say, with_text))

    def beside() -> str:
        """The tile of the other station."""
        tile = next(one for one in app.screen.query("Tile") if one.view.key[1] == "rack-2")
        return "\n".join(
            strip.crop(tile.region.x, tile.region.right).text
            for strip in rows_of(app)[tile.region.y : tile.region.bottom]
        )

    async def drive(pilot: Any) -> None:
        fill("ana")
        await looks.settle(pilot)
        before = beside()
        fill(text)
        await looks.settle(pilot)
        assert beside() == before
        too_long = [one for one in hostile_messages(say, text) if len(encoded(one)) > MAX_PAYLOAD_BYTES]
        assert app.refused == len(too_long)
        await pilot.press("home", "enter")
        await looks.poll(pilot, lambda: isinstance(app.screen, StationScreen))
        rows_of(app)
        for key in ("a", "g", "e"):  # the forms show names, too
            await pilot.press(key)
            await pilot.pause()
            rows_of(app)
            await pilot.press("escape")
        await pilot.press("i")
        await looks.poll(pilot, lambda: isinstance(app.screen, HealthScreen))
        rows_of(app)
        reply = ReplyMessage(event_id="r", at_utc="2030-01-01T00Z", in_reply_to="c", ok=False, text=text)
        app._tell(said(reply))
        await pilot.pause()
        rows_of(app)

    looks.run(app, (120, 40), drive)


def said(reply: ReplyMessage) -> Any:
    """A reply as it comes in from the broker."""
    (arrival,), _ = read_all([Packet("plumbline/1/gym/rack-1/reply", encoded(reply), 0.0)])
    assert isinstance(arrival.message, ReplyMessage)
    return Result("rack-1", arrival.message.text, arrival.message.ok)


def encoded(message: Any) -> bytes:
    return encode(message)


@pytest.mark.parametrize(
    ("text", "size"), list(zip(TEXTS.values(), itertools.cycle(TERMINALS), strict=False)), ids=TEXTS.keys()
)
def test_on_the_lifters_screen_too(
    still: Any, words: Any, looks: Any, text: str, size: tuple[int, int]
) -> None:
    app = PlumblineApp(still, PROFILES, lifter_at="rack-1")

    async def drive(pilot: Any) -> None:
        still.put("rack-1", *hostile_messages(words("a1"), text))
        await looks.poll(pilot, lambda: app.floor.stations and app.screen._view is not None)
        rows_of(app)
        app._tell(
            said(ReplyMessage(event_id="r", at_utc="2030-01-01T00Z", in_reply_to="c", ok=False, text=text))
        )
        await pilot.pause()
        rows_of(app)

    looks.run(app, size, drive)


@pytest.mark.parametrize("screen", ["floor", "station", "health", "lifter"])
def test_nonsense_is_counted_and_the_screen_goes_on(still: Any, words: Any, looks: Any, screen: str) -> None:
    say = words()
    lifter = "rack-1" if screen == "lifter" else None
    app = PlumblineApp(still, PROFILES, lifter_at=lifter)
    keys = {"floor": (), "station": ("enter",), "health": ("i",), "lifter": ()}[screen]

    async def drive(pilot: Any) -> None:
        still.put("rack-1", say.state(), say.info(athlete="ana"), say.live(1.0))
        await looks.poll(pilot, lambda: "ana" in looks.text(app))
        await pilot.press(*keys)
        for leaf in ("info", "live", "rep", "state", "reply", "set", "health", "badge"):
            for payload in NONSENSE:
                still.inbox.put(Packet(f"plumbline/1/gym/rack-1/{leaf}", payload, still.now_s))
        await looks.poll(pilot, lambda: app.refused == 8 * len(NONSENSE))
        rows_of(app)
        if lifter is None:
            words_of_it = f"{8 * len(NONSENSE)} messages unusable"
            await looks.poll(pilot, lambda: words_of_it in looks.text(app))
        still.put("rack-1", say.live(2.0), say.rep(1))
        await looks.poll(pilot, lambda: app.view_of(("gym", "rack-1")).counted == 1)

    looks.run(app, (120, 40), drive)


def poisoned(file: Path, words: Any, text: str) -> None:
    """A history in which another program, or an older record, has written it as it came."""
    with open_store(file) as store:
        arrived = []
        for number in (1, 2):
            say = words(f"s{number}")
            at_utc = text if number == 1 else "2026-01-02T10:00:00.000Z"
            given = {"athlete": text, "stream": say.session, "at_utc": at_utc}
            arrived += [
                Arrived("gym", "rack-1", say.rep(n, seq=n, reason=text, load_kg=40.0 + number, **given))
                for n in range(1, 5)
            ]
        request = CommandMessage(event_id="c", at_utc="2026-01-01T10:00:00.000Z", name="tare", by=text)
        store.ingest([*arrived, Arrived("gym", "rack-1", request)])
        save(store.db, [Athlete(id=text, name=text, badge=text, plans=(Plan(exercise=text),))])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_out_of_the_history_too(still: Any, words: Any, looks: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "history.db"
    poisoned(file, words, text)
    say = words("a1")
    with Recall(file) as recall:
        app = PlumblineApp(still, PROFILES, history=str(file), recall=recall)

        async def drive(pilot: Any) -> None:
            still.put("rack-1", say.state(), say.info(), say.live(1.0))
            await looks.poll(pilot, lambda: app.floor.stations and recall.known.athletes)
            await pilot.press("a", *"a", "escape")
            rows_of(app)
            await pilot.press("y")
            await looks.poll(pilot, lambda: isinstance(app.screen, HistoryScreen) and app.screen._past.sets)
            rows_of(app)
            await pilot.press("space", "left")
            await pilot.pause()
            rows_of(app)

        looks.run(app, (120, 40), drive)


class _Tags(HTMLParser):
    """What a browser would take for elements, and where they point."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href")]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_in_lists_and_exports_it_is_only_text(
    words: Any, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history.db"
    poisoned(file, words, text)
    for command in (["report", "list"], ["athletes", "list"]):
        assert main([*command, "--db", str(file)]) == 0
        out = capsys.readouterr().out
        assert is_clean(out), ascii(out[:300])
        assert max(len(line) for line in out.splitlines()) < 1000
    table = tmp_path / "reps.csv"
    for what in ("reps", "commands"):
        assert main(["export", str(table), "--what", what, "--db", str(file)]) == 0
        for row in csv.reader(io.StringIO(table.read_text(encoding="utf-8"), newline="")):
            assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in row), row


@pytest.mark.parametrize("who", ["session", "athlete"])
def test_in_a_report_it_is_only_text(words: Any, tmp_path: Path, who: str) -> None:
    every = "".join(text for text in TEXTS.values() if len(text) < 100)
    file, page = tmp_path / "history.db", tmp_path / "page.html"
    poisoned(file, words, every)
    assert (
        main(["report", "--db", str(file), "-o", str(page), "--", "s1" if who == "session" else every]) == 0
    )
    found = _Tags()
    found.feed(page.read_text(encoding="utf-8"))
    assert not found.tags & {"script", "iframe", "object", "link", "base", "form"}
    assert all(target.startswith(("data:", "#")) for target in found.targets)
    assert is_clean(page.read_text(encoding="utf-8").replace("\n", ""))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_as_plain_lines_each_is_one_line(words: Any, at: Callable[..., Any], text: str) -> None:
    packets = [
        Packet(at("rack-1", message).topic, encoded(message), 1.0)
        for message in hostile_messages(words("a1"), text)
    ]
    arrivals, refused = read_all(packets)
    assert refused == sum(len(packet.payload) > MAX_PAYLOAD_BYTES for packet in packets)
    reporter = Reporter(PROFILES)
    lines = [line for _, line in reporter.lines(arrivals)]
    lines += [line for _, line in reporter.freshness(apply_all(FloorState(), arrivals), 1.0, True)]
    lines += [line for _, line in reporter.rest()]
    assert lines
    assert all(is_clean(line) and "\n" not in line and len(line) < 1000 for line in lines)


def test_every_field_of_a_rep_that_is_text_is_among_them() -> None:
    texts = [name for name, kind in get_type_hints(Rep).items() if "str" in str(kind)]
    assert texts == ["reason"]
