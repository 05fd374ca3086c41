"""Days as calendars have them, in every zone: --from and --to, sessions, trends and reports agree."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.database.schema import open_history
from dashboard.floor.times import day_of, minute_of
from dashboard.history import cli
from dashboard.history.cli import bounds_utc, parse_day
from dashboard.history.kept import Filter, group_sessions
from dashboard.history.load_velocity import load_velocity
from dashboard.history.queries import sets
from dashboard.history.report import athlete_report
from dashboard.record.store import Arrived, open_store
from station.errors import StoreError
from station.exercises import all_profiles
from station.messages import now_utc

ZONES = sorted(available_timezones() - {"localtime"})
FIRST, LAST = datetime(2020, 1, 1, 12, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
# Days that begin at one o'clock, days of 23, 24.5 and 25 hours, and two midnights on one day.
ODD = [
    ("Africa/Cairo", "2024-04-26"),
    ("Asia/Beirut", "2025-03-30"),
    ("America/Santiago", "2025-09-07"),
    ("America/Havana", "2024-11-03"),
    ("Atlantic/Azores", "2025-10-26"),
    ("Europe/Berlin", "2025-03-30"),
    ("Europe/Berlin", "2025-10-26"),
    ("Australia/Lord_Howe", "2025-04-06"),
    ("America/Asuncion", "2024-03-24"),
    ("Asia/Tehran", "2022-03-22"),
    ("Asia/Kathmandu", "2025-06-01"),
]


NOONS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days)]


def odd_days(offsets: tuple[Any, ...]) -> Iterator[date]:
    """The days round every change of a zone's clock, and one a month."""
    for n in range(1, len(offsets) - 1):
        if offsets[n - 1] != offsets[n] or NOONS[n].day == 17:
            yield from (NOONS[n + around].date() for around in ((-1, 0, 1) if NOONS[n].day != 17 else (0,)))


def check_day(day: date, zone: ZoneInfo | None) -> None:
    since, until = (datetime.fromisoformat(text or "") for text in bounds_utc(day, day, zone))
    a_moment, said = timedelta(milliseconds=1), day.isoformat()
    assert timedelta(hours=20) < until - since < timedelta(hours=28)  # three hours, at Casey
    assert day_of(now_utc(since), zone) == day_of(now_utc(until - a_moment), zone) == said
    assert day_of(now_utc(since - a_moment), zone) < said < day_of(now_utc(until), zone)
    assert bounds_utc(day + timedelta(days=1), None, zone)[0] == bounds_utc(None, day, zone)[1]


def test_a_day_is_what_the_calendar_of_every_zone_says() -> None:
    """Zones whose clocks agree at every noon of these years are tried once."""
    assert len(ZONES) > 400
    alike: dict[tuple[Any, ...], ZoneInfo] = {}
    for name in ZONES:
        zone = ZoneInfo(name)
        alike.setdefault(tuple(noon.astimezone(zone).utcoffset() for noon in NOONS[::3]), zone)
    for zone in alike.values():
        for day in odd_days(tuple(noon.astimezone(zone).utcoffset() for noon in NOONS)):
            check_day(day, zone)


@settings(max_examples=300, deadline=None)
@given(
    at=st.datetimes(datetime(2012, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_every_instant_lies_in_the_bounds_of_its_day(at: datetime, zone: ZoneInfo) -> None:
    at_utc = now_utc(at)
    day = date.fromisoformat(day_of(at_utc, zone))
    assert day == at.astimezone(zone).date()
    since, until = bounds_utc(day, day, zone)
    assert since is not None and until is not None and since <= at_utc < until
    assert minute_of(at_utc, zone).startswith(day.isoformat())


@pytest.fixture
def travel() -> Iterator[Any]:
    """Set this machine's clock to a zone."""
    before = os.environ.get("TZ")

    def to(name: str) -> None:
        os.environ["TZ"] = name
        time.tzset()

    yield to
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(("name", "day"), ODD)
def test_this_machines_clock_has_the_days_of_its_zone(travel: Any, name: str, day: str) -> None:
    if not Path("/usr/share/zoneinfo", name).exists():
        pytest.skip("this machine does not know the zone")
    travel(name)
    for n in range(-2, 3):
        there = date.fromisoformat(day) + timedelta(days=n)
        check_day(there, None)
        assert bounds_utc(there, there) == bounds_utc(there, there, ZoneInfo(name))


@pytest.mark.parametrize(("name", "day"), ODD)
def test_from_and_to_sessions_trends_and_reports_agree(
    travel: Any,
    tmp_path: Path,
    make_rep: Any,
    make_set: Any,
    capsys: pytest.CaptureFixture[str],
    name: str,
    day: str,
) -> None:
    """A set every hour of three days, of two reps; the one at midnight has a rep on either side."""
    if not Path("/usr/share/zoneinfo", name).exists():
        pytest.skip("this machine does not know the zone")
    path, zone, middle = str(tmp_path / "history.db"), ZoneInfo(name), date.fromisoformat(day)
    midnight = datetime.fromisoformat(bounds_utc(middle, None, zone)[0] or "")
    starts = [midnight - timedelta(seconds=2, hours=24 - n) for n in range(72)]
    given = {"session": "one", "stream": "s", "athlete": "a-17", "load_kg": 60.0}
    said = []
    for number, start in enumerate(starts, 1):
        for n in (1, 2):
            around = given | {"set_number": number, "event_id": f"{number}-{n}", "seq": len(said) + 1}
            at_utc = now_utc(start + timedelta(seconds=4 * (n - 1)))
            said.append(Arrived("gym", "rack-1", make_rep(n, **around, at_utc=at_utc)))
    with open_store(path) as store:
        store.ingest(said)
    expected: dict[str, int] = {}
    for start in starts:
        local = start.astimezone(zone).date().isoformat()
        expected[local] = expected.get(local, 0) + 1
    travel(name)
    with open_history(path) as db:
        assert {one.day: len(one.sets) for one in group_sessions(sets(db))} == expected
        assert all(len(one.reps) == 2 for one in sets(db))
        for text, count in expected.items():
            since, until = bounds_utc(date.fromisoformat(text), date.fromisoformat(text))
            found = sets(db, Filter(since_utc=since, until_utc=until))
            assert len(found) == count and {day_of(one.at_utc) for one in found} == {text}
            assert all(len(one.reps) == 2 for one in found)
        every = sets(db)
        assert len(load_velocity(every).points) <= len(expected)
    assert cli.report_command(["list", "--from", day, "--to", day, "--db", path]) == 0
    assert capsys.readouterr().out.split()[:3] == [f"a-17/{day}", str(expected[day]), "sets"]
    page = athlete_report("Ana", every, all_profiles()).html
    assert min(expected) in page and max(expected) in page


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "1969-12-31", "2030-02-30", "31.1.2030", ""])
def test_a_day_that_no_clock_can_say_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError):
        parse_day(text)
    with pytest.raises(SystemExit):
        cli.export_command(["x.csv", "--from", text])
    assert "is not a day such as 2030-01-31" in capsys.readouterr().err


def test_days_the_wrong_way_round_are_said_and_a_day_that_a_zone_left_out_is_empty() -> None:
    with pytest.raises(StoreError, match="--from 2030-02-01 lies after --to 2030-01-31"):
        bounds_utc(date(2030, 2, 1), date(2030, 1, 31))
    for name, day in (("Pacific/Apia", date(2011, 12, 30)), ("Pacific/Kwajalein", date(1993, 8, 21))):
        since, until = bounds_utc(day, day, ZoneInfo(name))
        assert since == until
        assert bounds_utc(None, day - timedelta(days=1), ZoneInfo(name))[1] == since
