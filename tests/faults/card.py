"""A card that turns read-only, for real: ext4 in a file, with errors=remount-ro, and an error."""

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from station.sim.devices.board import board_bytes
from station.sim.session import simulate_set
from tests.faults.gym import Gym, Verdict
from tests.faults.hardware import PROFILE, Board, Health, edge, until

CARD_MB = 16
REPS = 24


class NoMount(Exception):  # noqa: N818 - a machine that does not let us, not an error of ours
    """This machine lets nobody mount a file."""


class Card:
    """A file system of its own, mounted at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._image = folder.with_name(f"{folder.name}.img")
        folder.mkdir()
        with self._image.open("wb") as file:
            file.truncate(CARD_MB * 2**20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self._mount()

    def _mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder))
        source = _run("findmnt", "-n", "-o", "SOURCE", str(self.folder)).strip()
        self._trigger = Path("/sys/fs/ext4") / Path(source).name / "trigger_fs_error"
        if not self._trigger.exists():
            self.remove()
            raise NoMount(f"no {self._trigger}")

    def fails(self) -> None:
        """An error of the file system: from now on it is read-only."""
        self._trigger.write_text("card")

    def is_well(self) -> None:
        """Taken out, checked and put back."""
        self.remove()
        subprocess.run(["fsck.ext4", "-p", str(self._image)], check=False, capture_output=True)
        self._mount()

    def remove(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", str(self.folder)], check=False, capture_output=True)


@contextmanager
def card_at(folder: Path) -> Iterator[Card]:
    """A card meanwhile. Raises NoMount where that is not permitted."""
    card = Card(folder)
    try:
        yield card
    finally:
        card.remove()


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoMount(f"{command[0]}: {getattr(error, 'stderr', '') or error}") from error


def read_only(_quick: bool) -> Verdict:
    """Three lives of a node: its card fails with the record there, with it away, and before the start."""
    simulated = simulate_set(PROFILE, reps=REPS, rng=np.random.default_rng(5))
    middle_s = simulated.truth["sets"][0]["reps"][REPS // 2]["end_s"]
    pieces = list(board_bytes(simulated, np.random.default_rng(6)))
    name = "card read-only in mid-session (ext4, errors=remount-ro)"
    with Gym() as gym, contextlib.ExitStack() as stack:
        try:
            card = stack.enter_context(card_at(gym.folder / "card"))
        except NoMount as error:
            return Verdict(name, f"skipped: mounting is not permitted here ({error})", True)
        gym.outbox = card.folder / "edge.outbox"
        board, health = Board(gym.folder / "board"), Health(gym.broker.port)

        def life(reps: int, fails: bool) -> tuple[int, int]:
            """The node's exit status, and how many reps the history has more, of `reps` hoped for."""
            before = len(gym.delivered())
            child = edge(gym, simulated, board, {})
            for at_s, data in pieces:
                board.send(data)
                if fails and at_s > middle_s:
                    board.read_out()
                    card.fails()
                    fails = False
            board.read_out()
            until(lambda: "Read-only" in (health.newest.get("sim-1", {}).get("problem") or ""), 10.0)
            until(lambda: len(gym.delivered()) >= before + reps, 20.0)
            child.terminate()
            return child.wait(20.0), len(gym.delivered()) - before

        record = gym.record()
        gym.settle()
        with_record = life(REPS, fails=True)
        record.terminate()
        record.wait(10.0)
        card.is_well()
        without = life(0, fails=True)
        said = [line.split(":")[0] for line in gym.errors().splitlines() if "events are lost" in line]
        gym.record()
        on_read_only = life(REPS, fails=False)
        told = health.close()["sim-1"].get("problem") or ""
    return Verdict(
        name,
        f"of {REPS} reps {with_record[1]} delivered, the second half from memory, status {with_record[0]};"
        f" with the record away status {without[0]} and {said} said;"
        f" started on the read-only card {on_read_only[1]} delivered, status {on_read_only[0]}",
        with_record == (0, REPS)
        and without[0] == 1
        and len(said) == 1
        and on_read_only[0] == 0
        and on_read_only[1] >= REPS
        and "Read-only" in told,
    )


def restored(quick: bool) -> Verdict:
    """An image of the outbox is restored over and over while the record is away, and goes on."""
    rounds, reps = (2, 40) if quick else (10, 160)
    with Gym() as gym:
        outbox, image = gym.folder / "rack-1.outbox", gym.folder / "image"
        committed = 0

        def issue(run: str, count: int, deliver: bool = False) -> None:
            nonlocal committed
            station = gym.station(run, count, 0.0)
            committed += count
            gym.settle_committed(committed)
            if deliver:
                gym.settle(committed)
            station.kill()
            station.wait()

        for n in range(rounds):
            issue(f"before{n}", reps // 4)
            for suffix in ("", "-wal"):
                part = outbox.with_name(outbox.name + suffix)
                if part.exists():
                    image.with_name(image.name + suffix).write_bytes(part.read_bytes())
            record = gym.record()
            issue(f"between{n}", reps // 2, deliver=True)
            record.terminate()
            record.wait(10.0)
            for suffix in ("", "-wal"):
                part = image.with_name(image.name + suffix)
                outbox.with_name(outbox.name + suffix).unlink(missing_ok=True)
                if part.exists():
                    part.rename(outbox.with_name(outbox.name + suffix))
            issue(f"after{n}", reps // 4)
        gym.record()
        gym.station("last", 1, 0.0)
        gym.settle(committed + 1)
        tally = gym.tally()
    return Verdict(f"outbox restored from an older image × {rounds}", str(tally), tally.clean)
