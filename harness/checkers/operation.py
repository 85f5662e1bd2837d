"""One operation of a client: what it asked, what it was told, and between which moments.

Invariant: `invoked` and `returned` are places in one order of real time; an operation that never returned, or
of which nobody knows whether it took effect, has no `returned`.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum

Value = Hashable
"""A JSON value that can be compared and hashed: see `frozen`."""


class Outcome(StrEnum):
    """How an operation ended."""

    OK = "ok"
    """It took effect, and its result is known."""
    FAIL = "fail"
    """It certainly took no effect, and never will."""
    INFO = "info"
    """Nobody knows: it may take effect at any time after its invocation, or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation from its invocation to its end.

    Args:
        process: the client; it has one operation at a time.
        f: what is done: "read", "write" and so on.
        key: the object it is done to.
        value: what it was invoked with.
        result: what an `ok` returned.
        invoked: place of its invocation in the order of all events.
        returned: place of its end; None unless the outcome is `ok`.

    """

    process: str
    f: str
    key: Value = None
    value: Value = None
    result: Value = None
    outcome: Outcome = Outcome.OK
    invoked: int
    returned: int | None = None
    invoked_ns: int = 0
    """CLOCK_MONOTONIC."""
    returned_ns: int | None = None
    """CLOCK_MONOTONIC of whatever ended it, also of an `info`; None: nothing did."""
    node: str = ""
    """Which node was asked; empty: not said."""
    error: str = ""
    """Why it failed, or why nobody knows."""

    def ended_before(self, other: "Operation") -> bool:
        """Tell whether it took effect before the other was even invoked."""
        return self.returned is not None and self.returned < other.invoked


def frozen(value: object) -> Value:
    """Return a JSON value with its lists and objects as tuples."""
    if isinstance(value, Mapping):
        return tuple(sorted((str(name), frozen(part)) for name, part in value.items()))
    if isinstance(value, list | tuple):
        return tuple(frozen(part) for part in value)
    assert isinstance(value, Hashable), f"{value!r} is no JSON value"
    return value
