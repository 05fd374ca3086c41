"""The `plumbline` command: finds each package's subcommands and imports only the one called."""

import errno
import os
import re
import sys
from collections.abc import Callable, Sequence

from station.errors import ConfigError, PlumblineError
from station.program.distribution import commands, dashboard_installed, install_with, release
from station.text.output import open_standard_streams

USAGE = """\
plumbline counts repetitions and measures tempo and bar path at instrumented gym stations.

usage: plumbline COMMAND [OPTION ...]
       plumbline COMMAND --help

commands:
{commands}

examples:
  plumbline demo                                    four simulated stations on this terminal
  plumbline analyze rec.csv --station rack.toml --exercise rdl
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. 0: done, 1: it failed for a reason it printed, 2: wrong usage."""
    open_standard_streams()
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _run(args)
        finally:
            sys.stdout.flush()  # here, not at the interpreter's exit, where nobody could catch it
    except PlumblineError as error:
        return _say(args[0], str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output went away (`| head`): nothing is left to say to it
        _drop_output()
        return 1
    except (OSError, UnicodeEncodeError) as error:
        return _explain(args[0] if args else "", error)


def _explain(command: str, error: OSError | UnicodeEncodeError) -> int:
    """One line for what no subcommand has foreseen of its surroundings; raises what is a defect of ours."""
    if isinstance(error, UnicodeEncodeError):
        if not any("\ud800" <= char <= "\udfff" for char in error.object):
            raise error
        word = error.object[max(0, error.start - 40) : error.start + 40]
        said = f"a word of the command line is no text: {word!r}; type it in this locale's letters"
    elif error.errno == errno.EIO and error.filename is None:
        _drop_output()  # the terminal is gone, and nobody reads what could be said
        return 1
    elif error.errno == errno.ENOSPC:
        _drop_output()
        said = "no room left on the disk for the output; free some space"
    else:
        where = f"{error.filename}: " if error.filename is not None else ""
        said = f"{where}{error.strerror or error}; check the path and who may read and write there"
    return _say(command, said)


def _say(command: str, text: str) -> int:
    """One error, as often as a path of 5000 characters stands in it."""
    short = re.sub(r"\S{300,}", lambda word: f"{word[0][:120]}...{word[0][-60:]}", text)
    print(f"plumbline {command}: {short}", file=sys.stderr)
    return 1


def _run(args: list[str]) -> int:
    known = commands()
    if args[:1] in ([], ["-h"], ["--help"], ["help"]):
        print(USAGE.format(commands="  " + "  ".join(known)), end="")
        return 0 if args else 2
    if args[0] in ("-V", "--version"):
        print(f"plumbline {release()}")
        return 0
    if args[0] not in known:
        import difflib  # noqa: PLC0415

        near = difflib.get_close_matches(args[0], known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        print(f"plumbline: no command {args[0]!r}; {hint}there are {', '.join(known)}", file=sys.stderr)
        return 2
    if known[args[0]].module.startswith("dashboard.") and not dashboard_installed():
        raise ConfigError(f"screens, record and history are not installed here; {install_with('dashboard')}")
    command: Callable[[Sequence[str]], int] = known[args[0]].load()
    return command(args[1:])


def _drop_output() -> None:
    """Send what stdout still holds nowhere, so that the flush at exit does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
