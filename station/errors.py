"""The errors Plumbline raises on purpose: what was seen, what was expected, what to do."""


class PlumblineError(Exception):
    """A problem the user can mend; the command line prints it and exits with status 1."""


class ConfigError(PlumblineError):
    """A station file or an exercise profile that cannot be used."""


class RecordingError(PlumblineError):
    """A recording or capture that cannot be read."""


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
