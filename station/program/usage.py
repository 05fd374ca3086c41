"""How every subcommand explains itself: what it is for, and examples to be copied."""

import argparse
from functools import partial


class _Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        """The help, as wide as the terminal is."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter  # examples keep their lines
        return super().format_help()


def command_parser(name: str, what: str, examples: str) -> argparse.ArgumentParser:
    """The parser of `plumbline NAME`; its arguments are still to be added."""
    return _Parser(
        prog=f"plumbline {name}",
        description=what,
        epilog=examples,
        # Each argument that is added is tried in a help; without a width that one asks the terminal for its
        # own, for which it imports shutil and the archives' formats.
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=80),
    )
