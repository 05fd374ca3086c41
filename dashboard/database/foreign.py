"""Another program's SQLite file, told by its header before anything is changed in it."""

import struct
from pathlib import Path

from dashboard.database.first_edition import APPLICATION_ID
from station.errors import StoreError

_MAGIC = b"SQLite format 3\0"


def refuse_foreign(path: Path) -> None:
    """Raise StoreError for a database with tables that is no history.

    Opening one to write would turn it to write-ahead mode, which its owner may not expect. The header, as
    https://sqlite.org/fileformat2.html has it: pages at 28, application id at 68, big endian.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return  # not there yet; SQLite says why else
    if len(header) < 100 or not header.startswith(_MAGIC):
        return
    (pages,) = struct.unpack_from(">I", header, 28)
    (application,) = struct.unpack_from(">I", header, 68)
    if application != APPLICATION_ID and pages > 1:
        raise StoreError(f"{path}: has tables, but is not a history; give another database")
