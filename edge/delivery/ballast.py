"""Room put by for the day the disk is full.

Deleting from a database needs room too, so on a full disk even an acknowledgement fails and nothing drains. A
file of real blocks beside the outbox is given up then, and put back when there is room again.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

BALLAST_BYTES = 2**21  # the outbox's journal is held below a quarter of this
ROOM = 4  # put back when this many times as much is free


class Ballast:
    """A file that is in the way on purpose. Never raises: without ballast a node runs as well.

    path : the file; made at once where there is room
    size_bytes : of the file
    """

    def __init__(self, path: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size = size_bytes
        self.restore()

    @property
    def there(self) -> bool:
        """Whether it takes up its room."""
        try:
            return self._path.stat().st_blocks * 512 >= self._size
        except OSError:
            return False

    def release(self) -> bool:
        """Make its room free; False when there was none to give."""
        if not self.there:
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Take up the room again if there is plenty; whether it is there now."""
        if self.there:
            return True
        try:
            if shutil.disk_usage(self._path.parent).free < ROOM * self._size:
                return False
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError:
            with suppress(OSError):  # of a read-only disk, even for a file that is not there
                self._path.unlink(missing_ok=True)
            return False
        return True
