"""A period that repeats: when it is due next.

Invariant: after `passed(now)` the next due time lies after `now`, however late `now` was.
"""


class Every:
    """Due once per period, from the moment it is started."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self.due: float | None = None
        """Real seconds; None until started."""

    def start(self, first: float) -> None:
        """Become due at `first`."""
        self.due = first

    def is_due(self, now: float) -> bool:
        """Say whether the time has come."""
        return self.due is not None and now >= self.due

    def passed(self, now: float) -> None:
        """Set the next due time: one period after the last, or after `now` when that is gone too."""
        following = (self.due if self.due is not None else now) + self._period_s
        self.due = following if following > now else now + self._period_s


def earliest(*times: float | None) -> float | None:
    """Return the earliest of the times that are set."""
    return min((time for time in times if time is not None), default=None)
