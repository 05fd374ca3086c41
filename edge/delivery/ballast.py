"""Reserved disk space, released when the disk is full.

Deleting from a database needs room too, so on a full disk even an acknowledgement fails and nothing drains. A
file of real blocks beside the outbox is given up then, and put back when there is room again.
"""

import os
from contextlib import suppress
from pathlib import Path

BALLAST_BYTES = 2**21  # the outbox's journal is held below a quarter of this
ROOM = 4  # put back when this many times as much is free


class Ballast:
    """A file that occupies reserved space. Never raises: a node runs without ballast, too.

    path : the file; made at once where there is room
    size_bytes : of the file
    """

    def __init__(self, path: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size = size_bytes
        self.restore()

    @property
    def there(self) -> bool:
        """Whether the space is reserved."""
        try:
            return self._path.stat().st_blocks * 512 >= self._size
        except OSError:
            return False

    def release(self) -> bool:
        """Release the space; False where none was reserved."""
        if not self.there:
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Reserve the space again if there is plenty; returns whether it is reserved."""
        if self.there:
            return True
        try:
            room = os.statvfs(self._path.parent)
            if room.f_bavail * room.f_frsize < ROOM * self._size:
                return False
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError:
            with suppress(OSError):  # of a read-only disk, even for a file that is not there
                self._path.unlink(missing_ok=True)
            return False
        return True
