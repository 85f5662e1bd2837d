"""How much of something long a message shows: enough to see what it is, and how much more there was.

A cluster may hold 100,000 instances; a failure that prints them all hides what it is about. Invariant: what
is left out is counted, and what fits is shown unchanged.
"""

from collections.abc import Iterable

LINES_MAX = 40
LINE_CHARS_MAX = 600
TEXT_CHARS_MAX = 6000


def excerpt_of_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the first lines, each cut at `LINE_CHARS_MAX`, and a last one that counts the rest."""
    every = list(lines)
    shown = tuple(excerpt(line, LINE_CHARS_MAX) for line in every[:LINES_MAX])
    more = len(every) - len(shown)
    return (*shown, f"... and {more} more lines") if more else shown


def excerpt(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Return a text's beginning and end, and between them how many characters were left out."""
    if len(text) <= chars_max:
        return text
    half = chars_max // 2
    return f"{text[:half]} [... {len(text) - 2 * half} more characters ...] {text[-half:]}"
