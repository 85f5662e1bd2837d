"""What a checker can say: yes, no, or that it could not find out (Jepsen's three values)."""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a history is as it should be."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on the whole from those on its parts: one NO decides, else one UNKNOWN."""
    found = set(verdicts)
    return next((verdict for verdict in (Verdict.NO, Verdict.UNKNOWN) if verdict in found), Verdict.YES)
