"""Which of a user's dashboards on this machine is the record of a gym: a locked file with its process.

Two records on one history lose and double no rep, but both would answer a badge. So a dashboard that finds
another one's record uses that, and is the record itself as soon as the other leaves. One that has lost its
terminal has nobody to leave it: whoever starts the next takes over from it, or ends it by
`plumbline dashboard --end-record`.

The kernel takes the lock off a process that dies, however it dies.
"""

import fcntl
import os
import signal
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from platformdirs import user_data_path

from station.config import Mqtt

END_WAIT_S = 10.0  # a record leaves in 6 s at most
POLL_S = 0.1


class Holder(msgspec.Struct, frozen=True):
    """The process that is the record."""

    pid: int
    alone: bool  # it has no screen any more


class RecordLock:
    """The lock of one history on one broker.

    Parameters
    ----------
    history : path or URL, None for this machine's own
    mqtt, site : what is recorded
    folder : of lock files
    """

    def __init__(
        self, history: str | Path | None, mqtt: Mqtt, site: str | None, folder: Path | None = None
    ) -> None:
        where = "" if history is None else str(history)
        if where and "://" not in where:
            where = str(Path(where).absolute())
        name = sha256(repr((where, mqtt.host, mqtt.port, site)).encode()).hexdigest()[:16]
        self._path = (folder or user_data_path("plumbline", appauthor=False)) / f"record-{name}.lock"
        self._fd: int | None = None

    def take(self) -> bool:
        """Whether this process is the record from now on; True as well where no file can be made."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_ino != self._path.stat().st_ino:
                raise FileNotFoundError  # whoever had it has removed it meanwhile
        except OSError:
            os.close(fd)
            return False
        self._fd = fd
        self._note(alone=False)
        return True

    def say_alone(self) -> None:
        """This process goes on without a screen: the next dashboard takes over."""
        self._note(alone=True)

    def release(self) -> None:
        """Be the record no more."""
        if self._fd is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = None

    def holder(self) -> Holder | None:
        """Who is the record, when `take` has failed; None where that cannot be told."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError):
            return None

    def end(self, holder: Holder) -> None:
        """Ask it to end. Ask only for one read twice: a file may be older than the lock on it."""
        with suppress(OSError):
            os.kill(holder.pid, signal.SIGTERM)

    def _note(self, alone: bool) -> None:
        if self._fd is not None:
            said = msgspec.json.encode(Holder(os.getpid(), alone))
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, said, 0)


def end_left_behind(lock: RecordLock) -> tuple[int, str]:
    """End the record of a dashboard that has lost its terminal: exit status, and what a person reads."""
    if lock.take():
        lock.release()
        return 0, "no dashboard of yours has left a record behind here"
    holder = lock.holder()
    time.sleep(POLL_S)
    if holder is None or holder != lock.holder():
        return 1, "a record is just beginning; try again"
    if not holder.alone:
        return 1, f"process {holder.pid} has a screen; leave it there with q"
    lock.end(holder)
    deadline_s = time.monotonic() + END_WAIT_S
    while not lock.take():
        if time.monotonic() > deadline_s:
            return 1, f"process {holder.pid} does not end; kill -9 {holder.pid} loses nothing that was stored"
        time.sleep(POLL_S)
    lock.release()
    return 0, f"ended the record of process {holder.pid}"
