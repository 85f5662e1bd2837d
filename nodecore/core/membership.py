"""What follows from a change of members or of one's state: the ring, and everybody who must know of it (R9,
R17).

Invariant: whenever the ring changes, ownership is taken over in the same event.
"""

from collections.abc import Iterable

from nodecore.core.health import Health
from nodecore.core.judge import Judge
from nodecore.core.load import Load
from nodecore.core.members import Members
from nodecore.core.messages import Failure, ReportAnswer
from nodecore.core.outward import Outcome, Outward
from nodecore.core.probing import Probing
from nodecore.core.reports import Reports
from nodecore.core.sync import Sync
from nodecore.core.verify import Verification


class Membership:
    """Takes what reports and the lookup say of members."""

    def __init__(
        self,
        out: Outward,
        members: Members,
        reports: Reports,
        sync: Sync,
        load: Load,
        verification: Verification,
        judges: tuple[Judge, Probing, Health],
    ) -> None:
        self._out = out
        self._members = members
        self._reports = reports
        self._sync = sync
        self._load = load
        self._verification = verification
        self._judge, self._probing, self._health = judges

    def report_ended(self, member: str, outcome: Outcome, now: float) -> None:
        """A report of our own to a member has ended."""
        if member not in self._members:
            return
        answered = isinstance(outcome, ReportAnswer)
        if isinstance(outcome, ReportAnswer):
            self._note_known(member, knows_us=outcome.known)
            changed = self._members.answered(member, takes_digest=outcome.takes_digest)
        elif self._judge.is_stalled(now):
            changed = False
        else:
            changed = self._members.failed(member, refused=outcome is Failure.REFUSED)
        if changed:
            self._member_became(member, outcome, now)
        self._reports.ended(member, answered=answered)

    def replace(self, addresses: Iterable[str], now: float) -> None:
        """The lookup has another list of members."""
        was_alone = not self._members.others
        came, left = self._members.replace(addresses)
        if not came and not left:
            return
        self._out.log("info", "members", came=",".join(came), left=",".join(left))
        self._sync.set_members(self._members.others)
        self._load.members_changed(came, left, was_alone=was_alone)
        for member in left:
            self._reports.member_left(member)
            self._verification.member_left(member)
            self._health.member_left(member)
        self._recompute_ring(now)
        self._reports.to_each(came)

    def _note_known(self, member: str, *, knows_us: bool) -> None:
        """Two lists that differ make two rings: it is for the operator to see (reference 10.6, S13)."""
        if self._members.has_learnt(member, knows_us=knows_us):
            event = "known_there" if knows_us else "not_known_there"
            self._out.log("info" if knows_us else "warning", event, member=member, own=self._members.own)

    def _member_became(self, member: str, why: Outcome, now: float) -> None:
        entry = self._members.entry(member)
        fields = {"member": member, "state": entry.state, "reports_failed": entry.reports_failed}
        level = "info" if self._members.is_up(member) else "warning"
        self._out.log(level, "member_state", **fields, why=why)
        self._recompute_ring(now)
        if self._members.is_up(member):
            self._sync.hurry(member, now)
            self._load.member_up(member, now)
            self._verification.member_up(member, now)

    def _recompute_ring(self, now: float) -> None:
        before = self._members.ring
        if self._members.recompute_ring():
            self._out.log("info", "ring", members=",".join(self._members.ring.addresses))
            self._verification.ring_changed(now)
            self._judge.ring_moved(before, now)
            self._probing.adopt_all(now)
