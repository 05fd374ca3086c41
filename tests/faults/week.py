"""A week of 60 stations as fast as it goes, on the floor that screens show and in the record: memory stays.

python -m tests.faults.week floor|record FOLDER SETS_A_DAY     prints the resident memory at each day's end
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from dashboard.broker.events import Packet, read_all
from dashboard.floor.state import FloorState, apply_all
from dashboard.floor.views import Views
from dashboard.record.record import Record
from dashboard.record.store import open_store
from station.config import Mqtt
from station.exercises import all_profiles
from station.messages import LiveMessage, SetMessage, StateMessage, encode, now_utc
from station.records import Live, SetSummary
from tests.faults.gym import ROOT, Verdict, rss_bytes
from tests.faults.station import make_rep

STATIONS, DAYS, REPS = 60, 7, 6
SETS_A_DAY = 40
MOST_MB = {"floor": 8.0, "record": 16.0}  # from the second day's end to the last


def week(quick: bool) -> Verdict:
    """Each in a process of its own."""
    sets = 4 if quick else SETS_A_DAY
    words, passed = [], True
    for what, most_mb in MOST_MB.items():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tests.faults.week", what, folder, str(sets)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        days_mb = [float(line) for line in done.stdout.split()]
        growth_mb = days_mb[-1] - days_mb[1]
        words.append(
            f"{what} {days_mb[0]:.1f}, {days_mb[1]:.1f} and {days_mb[-1]:.1f} MB after 1, 2 and 7 days"
        )
        passed = passed and len(days_mb) == DAYS and growth_mb < most_mb
    events = STATIONS * DAYS * sets * (2 * REPS + 1)
    return Verdict(f"a week of {STATIONS} stations, {events} events", "; ".join(words), passed)


def messages(day: int, number: int, station: str) -> Iterator[tuple[str, bytes]]:
    """A set at a station: leaf and payload of each message. A node begins a session each morning."""
    session, seq = f"{station}-{day}", number * (2 * REPS + 1)
    if number == 0:
        yield "state", encode(StateMessage(event_id="e", at_utc=now_utc(), session=session, state="ready"))
    around = {"stream": f"s-{session}", "session": session}
    for n in range(1, REPS + 1):
        live = {field.name: None for field in msgspec.structs.fields(Live)} | {"session_s": 60.0 * number + n}
        yield "live", encode(LiveMessage(event_id="l", at_utc=now_utc(), session=session, live=Live(**live)))
        rep = make_rep(f"{session}-s{number}-{n}")
        timed = {"at_utc": now_utc(), "session_s": 60.0 * number + n, "set_number": number + 1}
        for revision, state in ((1, "pending"), (2, "confirmed")):
            seq += 1
            said = {"seq": seq, "revision": revision, "state": state} | around | timed
            yield (
                "rep",
                encode(msgspec.structs.replace(rep, rep=msgspec.structs.replace(rep.rep, number=n), **said)),
            )
    summary = {field.name: None for field in msgspec.structs.fields(SetSummary)}
    summary |= {"number": number + 1, "counted_reps": REPS, "partial_reps": 0}
    summary |= {"start_s": 60.0 * number, "end_s": 60.0 * number + REPS}
    yield (
        "set",
        encode(
            SetMessage(
                event_id=f"{session}-s{number}",
                at_utc=now_utc(),
                seq=seq + 1,
                session_s=60.0 * number + REPS,
                revision=1,
                exercise="romanian-deadlift",
                summary=SetSummary(**summary),
                **around,
            )
        ),
    )


def drive(take: Callable[[list[Packet], float], None], sets: int) -> None:
    """All sets of a week, each of 60 stations at once."""
    now_s = 0.0
    for day in range(DAYS):
        now_s += 36_000.0  # the gym is closed
        for number in range(sets):
            now_s += 60.0
            for n in range(STATIONS):
                topic = f"plumbline/1/gym/rack-{n}"
                said = messages(day, number, f"rack-{n}")
                take([Packet(f"{topic}/{leaf}", payload, now_s) for leaf, payload in said], now_s)
        print(f"{rss_bytes(os.getpid()) / 2**20:.1f}", flush=True)


def floor(_: Path, sets: int) -> None:
    """What the floor's screen does with it."""
    state, views = FloorState(), Views(all_profiles())

    def take(packets: list[Packet], now_s: float) -> None:
        nonlocal state
        state = apply_all(state, read_all(packets)[0])
        for station in state.stations.values():
            views.view(station, now_s)

    drive(take, sets)


def record(folder: Path, sets: int) -> None:
    """What the record does with it, without the broker."""
    with open_store(folder / "h.db") as store:
        one = Record(Mqtt(host="127.0.0.1", port=1, tls=False), store)
        drive(lambda packets, _: one._take([p for p in packets if not p.topic.endswith("/live")]), sets)
        committed = sum(ack.committed_seq for ack in store.acks().values())
        assert committed == STATIONS * DAYS * sets * (2 * REPS + 1)


if __name__ == "__main__":
    {"floor": floor, "record": record}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
