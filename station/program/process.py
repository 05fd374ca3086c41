"""What every process of ours does with its machine: signals, children, files that are there whole.

Like others of this folder it is not pure, and here because edge and dashboard both need it and do not know
each other.
"""

import ctypes
import errno
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # glibc's malloc.h
_APART_BYTES = 1 << 16
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SQLITE = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html, 1.3


def on_ending_signals(act: Callable[[int], object]) -> None:
    """Call `act` with the number of each signal that asks this process to end. From the main thread.

    On a thread of its own: a handler runs between two bytecodes of the main thread, which may just then hold
    the lock inside `threading.Event.wait`; an `Event.set` in the handler would wait for it for ever.
    SimpleQueue.put is the one way out of a handler that is documented as reentrant. A SIGHUP that whoever
    started us has had ignored (nohup) stays ignored.
    """
    came: SimpleQueue[int] = SimpleQueue()

    def pass_on() -> None:
        while True:
            act(came.get())

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    for number in ENDING:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue
        signal.signal(number, lambda number, _frame: came.put(number))


def stop_on_signals() -> threading.Event:
    """An event that is set when this process is asked to end."""
    stop = threading.Event()
    on_ending_signals(lambda _: stop.set())
    return stop


def share_memory() -> None:
    """Have this process's threads take memory from one heap; to be called before there are any.

    glibc gives up to eight threads a core heaps of their own, each with room that is not used; Python's lock
    lets one thread at a time allocate anyway. Large pieces get pages of their own from a fixed size on, not
    from the largest so far on: what zlib and arrays take for a moment leaves holes between what stays.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # mallopt(3); other C libraries have one heap
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _APART_BYTES)


def end_with_parent() -> Callable[[], None] | None:
    """What a child runs first (`preexec_fn`) so that it ends when the thread that started it does.

    That covers the one exit nothing else covers, SIGKILL of the parent. None where not Linux.
    """
    if not sys.platform.startswith("linux"):
        return None
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def end_with(parent: int) -> None:
    """Be killed when `parent`, which has started us, ends: for one that cannot give a preexec_fn.

    Killed, because a screen of which nobody reads may never come round to a wish. Ends at once where the
    parent has gone already; does nothing where not Linux.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            raise SystemExit(1)


@contextmanager
def whole_file(path: Path, mode: int | None = None, group: int | None = None) -> Iterator[Path]:
    """A path beside `path` to write to; it takes its name when all has gone well, and is removed otherwise.

    mode, group : of the new file. Without them a file that was there hands on its own, with its owner where
        we are root; a new one has what the umask leaves.

    A link at `path` is replaced, not followed: where somebody else may write to the folder, root would
    otherwise write wherever the link points. A device or a pipe is neither replaced nor written to: as root,
    `-o /dev/null` would leave a file there. A database is not replaced: nobody means to. Raises OSError.
    """
    if path.is_char_device() or path.is_block_device() or path.is_fifo():
        raise OSError(errno.ENODEV, "a device or a pipe, not a file", str(path))
    if path.is_file() and _is_database(path):
        raise OSError(errno.EEXIST, "a database, which is not written over; give another name", str(path))
    from tempfile import mkstemp  # noqa: PLC0415

    number, name = mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    draft = Path(name)
    try:
        os.close(number)
        yield draft
        with draft.open("rb") as file:
            _hand_on(path, file.fileno(), mode, group)
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to fill, its owner's alone; it takes its name when all has gone well.

    Otherwise it is removed. Raises OSError, also where there is a folder at `path`.
    """
    import shutil  # noqa: PLC0415 - seldom needed, and slow to import

    draft = path.with_name(f".{path.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    try:
        yield draft
        for file in draft.iterdir():
            file.chmod(0o600)
            with file.open("rb") as written:
                os.fsync(written.fileno())
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def make_private(path: Path) -> None:
    """Make a new file its owner's alone, before SQLite opens it, which gives its side files the same mode.

    It is closed before it has its name: closing it later would take locks off another thread's connection.
    """
    if path.exists():
        return
    draft = path.with_name(f".{path.name}-{os.urandom(8).hex()}")  # to import tempfile takes long
    with suppress(OSError):  # SQLite says why it cannot be, and somebody else may have been quicker
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            os.link(draft, path)
        finally:
            draft.unlink()


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def replace_file(path: Path, data: bytes, mode: int | None = None, group: int | None = None) -> None:
    """Write a file so that it is the old one or the new one, never half of it. Raises OSError."""
    with whole_file(path, mode, group) as draft:
        draft.write_bytes(data)


def _hand_on(path: Path, draft: int, mode: int | None, group: int | None) -> None:
    """Give the new file its mode, group and owner."""
    try:
        old = path.lstat()
    except FileNotFoundError:
        old = None
    if mode is None and old is not None and stat.S_ISREG(old.st_mode):
        mode = stat.S_IMODE(old.st_mode)
        if os.geteuid() == 0:
            os.fchown(draft, old.st_uid, old.st_gid)
    if group is not None:
        os.fchown(draft, -1, group)
    if mode is None:
        umask = os.umask(0o077)
        os.umask(umask)
        mode = 0o666 & ~umask
    os.fchmod(draft, mode)
