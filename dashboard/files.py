"""Files that a person asked for: there whole or not at all, and why not in words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station.errors import StoreError
from station.program import process


def file_name(text: str, suffix: str) -> str:
    """A file's name after what somebody said: of letters, digits and hyphens, in no other folder."""
    return (re.sub(r"[^\w-]+", "-", text)[:80].strip("-") or "nobody") + suffix


@contextmanager
def whole_file(path: Path, mode: int | None = None) -> Iterator[Path]:
    """As `process.whole_file`. Raises StoreError where the folder is missing or not writable."""
    try:
        with process.whole_file(path, mode) as draft:
            yield draft
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}); give a path in a folder you may write to"
        ) from error
