"""What the soak's commands share on their command lines."""

import argparse
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
"""Of the checkout: what pytest is told to run is found from here."""


def count(text: str) -> int:
    """Return a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is wrong; right would be a whole number from 1")
    return int(text)
