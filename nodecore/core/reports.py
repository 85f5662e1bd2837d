"""Member reports: who is asked when, one at a time per member (R17).

Invariant: at most one report to a member is in flight; another that was wanted meanwhile follows a
failure at once, and a member's own reports cause at most a few extra ones per period.
"""

from dataclasses import dataclass

from nodecore.config import Timings
from nodecore.core.events import Lane
from nodecore.core.members import Members
from nodecore.core.messages import Report
from nodecore.core.outward import Outward, Reporting
from nodecore.core.timers import Every

EXTRA_REPORTS_PER_PERIOD = 4
"""Enough for a start, a load and a heal in one period; two nodes that refuse each other's reports
would otherwise answer report with report as fast as the network allows."""


@dataclass(slots=True)
class Asked:
    """What is open with one member."""

    in_flight: bool = False
    wanted: bool = False
    extra: int = 0


class Reports:
    """Sends reports; what their answers mean is for the node to say."""

    def __init__(self, out: Outward, members: Members, timings: Timings) -> None:
        self._out = out
        self._members = members
        self._timings = timings
        self._asked: dict[str, Asked] = {}
        self.timer = Every(timings.report_s)

    def to_all(self) -> None:
        """Report to every other member now; one whose report is in flight is asked again if that fails."""
        self.to_each(self._members.others)

    def to_each(self, members: list[str]) -> None:
        """Report to these members now."""
        for member in members:
            self._send(member)

    def next_period(self) -> None:
        """Report to all, and allow extra reports again."""
        for asked in self._asked.values():
            asked.extra = 0
        self.to_all()

    def to(self, member: str) -> None:
        """Report to a member that is not UP here but lives: it has just reported to us."""
        asked = self._asked.setdefault(member, Asked())
        if asked.extra < EXTRA_REPORTS_PER_PERIOD:
            asked.extra += 1
            self._send(member)

    def ended(self, member: str, *, answered: bool) -> None:
        """A report ended; send the one that was wanted meanwhile, if it failed."""
        asked = self._asked.setdefault(member, Asked())
        asked.in_flight = False
        again, asked.wanted = asked.wanted and not answered, False
        if again:
            self._send(member)

    def member_left(self, member: str) -> None:
        """Forget what was open with a member."""
        self._asked.pop(member, None)

    def _send(self, member: str) -> None:
        asked = self._asked.setdefault(member, Asked())
        if asked.in_flight:
            asked.wanted = True
            return
        asked.in_flight = True
        report = Report(self._members.entry(self._members.own))
        timeout_s = self._timings.report_timeout_s
        self._out.call(report, Reporting(member), lane=Lane.CONTROL, timeout_s=timeout_s)
