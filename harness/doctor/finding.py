"""One thing the doctor looked at: what was seen, whether it is good, and what to do if it is not."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether something must be done."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: what it is.
        seen: what was found, with its figures.
        state: a problem keeps clusters from running or tests from being believed; a warning does not.
        advice: what to do; empty when there is nothing to be done.

    """

    name: str
    seen: str
    state: State = State.OK
    advice: str = ""


def judged(
    name: str, seen: str, value: float, *, warn_below: float, fail_below: float, advice: str
) -> Finding:
    """Return a finding on something of which there can be too little.

    Args:
        name: what it is.
        seen: the figure as it is shown.
        value: the figure.
        warn_below: less is a warning.
        fail_below: less is a problem.
        advice: for either.

    """
    if value < fail_below:
        return Finding(name=name, seen=seen, state=State.PROBLEM, advice=advice)
    if value < warn_below:
        return Finding(name=name, seen=seen, state=State.WARNING, advice=advice)
    return Finding(name=name, seen=seen)
