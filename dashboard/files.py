"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from station.errors import StoreError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes its name when all has gone well, and is removed otherwise.

    Raises StoreError where the folder is missing, not writable or full.
    """
    draft: Path | None = None
    try:
        number, name = mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        os.close(number)
        draft = Path(name)
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        umask = os.umask(0o077)
        os.umask(umask)
        draft.chmod(0o666 & ~umask)
        draft.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}); give a path in a folder you may write to"
        ) from error
    finally:
        if draft is not None:
            with suppress(FileNotFoundError):
                draft.unlink()
