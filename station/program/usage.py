"""How every subcommand explains itself: what it is for, and examples to be copied."""

import argparse


def command_parser(name: str, what: str, examples: str) -> argparse.ArgumentParser:
    """The parser of `plumbline NAME`; its arguments are still to be added."""
    return argparse.ArgumentParser(
        prog=f"plumbline {name}",
        description=what,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,  # examples keep their lines
    )
