"""Whether this machine's clock is set: a Pi has none, and boots in 1970 or at its last shutdown."""

import ctypes
import sys
from functools import cache

_STA_UNSYNC = 0x0040  # linux/timex.h
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """`struct timex` (adjtimex(2)): its beginning, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def clock_synchronised() -> bool | None:
    """The kernel's synchronised flag, set by chrony and systemd-timesyncd; None where it cannot be read."""
    if not sys.platform.startswith("linux"):
        return None
    timex = _Timex()  # modes 0: only asks
    state = _libc().adjtimex(ctypes.byref(timex))
    return None if state < 0 else state != _TIME_ERROR and not timex.status & _STA_UNSYNC
