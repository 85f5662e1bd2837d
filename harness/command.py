"""What all commands of `cutheal` share: how a command line is read, and one way to say things."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from harness.exit_codes import ARGPARSE_MISTAKE, ExitCode


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line says; a mistake has a code of its own, not argparse's 2.

    Raises:
        SystemExit: with the code of a mistake, or 0 after --help.

    """
    try:
        return parser.parse_args(argv)
    except SystemExit as end:
        raise SystemExit(ExitCode.MISTAKE if end.code == ARGPARSE_MISTAKE else end.code) from None


def say(arguments: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    """Print the document under --json, else the text."""
    print(json.dumps(document) if arguments.json else text)


def complain(text: str) -> None:
    """Print one line for a mistake or a failure on stderr."""
    print(f"cutheal: {text}", file=sys.stderr)
