"""Standard streams that can take any text: where the locale has no letter for it, the nearest in ASCII."""

import codecs
import io
import os
import sys
import unicodedata

PLAIN = "plumbline-plain"  # the name of the error handler
_NEAREST = str.maketrans(
    {
        **dict(
            zip("±×÷→←↑↓≥≤≠≈", ("+-", "x", "/", "->", "<-", "^", "v", ">=", "<=", "!=", "~"), strict=True)
        ),
        **dict(
            zip(
                "…–—‘’‚“”„«»·•",
                ("...", "-", "-", "'", "'", "'", '"', '"', '"', '"', '"', "-", "*"),
                strict=True,
            )
        ),
        **dict(zip("✓✗✔✘°µμσ€", ("+", "x", "+", "x", "deg", "u", "u", "sigma", "EUR"), strict=True)),
        **dict(zip("█▉▊▋▌▐▓▒░▇▆▅▄▃▂▁▏▎▍", "########...####____", strict=True)),
        **dict(zip("łŁøØđĐðÐıħĦŧŦ", "lLoOdDdDihHtT", strict=True)),
        **dict(zip("ßæÆœŒþÞ", ("ss", "ae", "AE", "oe", "OE", "th", "Th"), strict=True)),
        **dict(zip("─━│┃┌┐└┘├┤┬┴┼●○◆◇▲▼◀▶", "--||+++++++++*o**^v<>", strict=True)),
    }
)


def plain(text: str) -> str:
    """Text in ASCII: the nearest sign for each, a question mark where there is none."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_NEAREST))
    kept = (char for char in decomposed if not unicodedata.combining(char))
    return "".join(char if char.isascii() else "?" for char in kept)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register_error(PLAIN, _replace)


def open_standard_streams() -> None:
    """See to it that this process has three standard streams, and that no text ends it when it is printed.

    A stream that whoever started us has closed is opened on nothing; else the next file or socket would get
    its number, and what is printed.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
            stream = os.fdopen(number, mode, encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)


def data_output() -> None:
    """What is printed from now on is read by other programs: UTF-8, whatever the locale says."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not _is_utf8(sys.stdout.encoding):
        sys.stdout.reconfigure(encoding="utf-8", errors="strict")


def print_data(text: str) -> None:
    """Print what other programs read."""
    data_output()
    print(text)


def screen_problem() -> str | None:
    """Why this terminal cannot show the screen, whose bars and digits are no ASCII; None: it can."""
    told = getattr(sys.__stderr__, "encoding", None) or "ascii"
    if _is_utf8(told):
        return None
    cause = "PYTHONIOENCODING" if os.environ.get("PYTHONIOENCODING") else "the locale"
    cure = "unset it" if cause != "the locale" else "export LC_ALL=C.UTF-8, in a terminal that shows UTF-8"
    return f"the screen needs UTF-8 and {cause} says {told}; {cure}, or give --plain"


def _is_utf8(encoding: str | None) -> bool:
    try:
        return codecs.lookup(encoding or "ascii").name == "utf-8"
    except LookupError:
        return False
