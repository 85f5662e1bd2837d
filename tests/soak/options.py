"""What the soak's commands share on their command lines: a mistake ends them as it ends `cutheal`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.exit_codes import ARGPARSE_MISTAKE, ExitCode

ROOT = Path(__file__).parent.parent.parent
"""Of the checkout: what pytest is told to run is found from here."""


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line says.

    Raises:
        SystemExit: with the code of a mistake, or 0 after --help.

    """
    try:
        return parser.parse_args(argv)
    except SystemExit as end:
        raise SystemExit(ExitCode.MISTAKE if end.code == ARGPARSE_MISTAKE else end.code) from None


def count(text: str) -> int:
    """Return a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is wrong; right would be a whole number from 1")
    return int(text)
