"""The errors Plumbline raises on purpose: what was seen, what was expected, what to do."""


class PlumblineError(Exception):
    """A problem the user can solve; the command line prints it and exits with status 1."""


class ConfigError(PlumblineError):
    """A station file or an exercise profile that cannot be used."""


class RecordingError(PlumblineError):
    """A recording or capture that cannot be read."""


class TextError(PlumblineError):
    """A file that is not text, or whose encoding cannot be determined."""


class TableError(PlumblineError):
    """A table of text that cannot be read, or in two ways. Its text begins with the line, if there is one."""


class CalibrationError(PlumblineError):
    """A calibration the readings do not support."""


class SourceError(PlumblineError):
    """A source of bytes that is over, missing or not allowed."""


class MessageError(PlumblineError):
    """A message from outside that is not what the contract says."""


class BrokerError(PlumblineError):
    """A broker that cannot be started, reached or authenticated against."""


class StoreError(PlumblineError):
    """An outbox or history database that cannot be used."""


def store_error(path: object, error: Exception) -> StoreError:
    """Say what an error of SQLite means for the person at the keyboard (told by its `sqlite_errorname`)."""
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(f"{path}: in use by another process; end that one or give another file")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreError(f"{path}: cannot be written; its folder must exist and be writable for this user")
    if name.startswith("SQLITE_FULL"):
        return StoreError(f"{path}: no room left; free some disk space")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(f"{path}: not a sound SQLite database; move it away and restore a copy")
    return StoreError(f"{path}: {error}")
