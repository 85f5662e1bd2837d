"""The node as a pure state machine: `handle(event, now)` gives effects, `next_deadline()` says when to tick.

Design section 4. No threads, sockets, files, clock, global random, nor anything that follows the order of a
set. Invariant: every Call is answered by exactly one CallReturned or CallFailed, every request by exactly one
reply; the same events at the same times give the same effects in every process.
"""

from collections.abc import Iterable
from typing import assert_never

from nodecore.config import NodeConfig
from nodecore.core.answers import Answer, Done, Refused
from nodecore.core.beats import Beats
from nodecore.core.enquiries import (
    ChangeSwitches,
    ReadMetrics,
    ReadSwitches,
    ResetNode,
    SwitchesAnswer,
)
from nodecore.core.events import (
    CallFailed,
    CallReturned,
    ClientRequest,
    Effect,
    Event,
    MembersChanged,
    PeerReply,
    PeerRequest,
    PushAcked,
    Reply,
    Tick,
)
from nodecore.core.foreign import Foreign
from nodecore.core.judge import Judge
from nodecore.core.load import Load
from nodecore.core.members import Members
from nodecore.core.messages import Failure, Forward, ForwardAnswer, NotLoadedAnswer, ReportAnswer
from nodecore.core.naming import Naming
from nodecore.core.operations import Operation, ReadState
from nodecore.core.outward import (
    Fetching,
    Forwarding,
    Merging,
    Outcome,
    Outward,
    Pulling,
    Purpose,
    Reporting,
    Requester,
    Syncing,
    Telling,
    Verifying,
)
from nodecore.core.overview import Overview
from nodecore.core.peers import PeerSide
from nodecore.core.push import Pushes
from nodecore.core.replica import Replica
from nodecore.core.reports import Reports
from nodecore.core.reset import Reset
from nodecore.core.resources import RESOURCE_TYPES, ResourceType
from nodecore.core.routing import Routing, forwarded_answer
from nodecore.core.services import Services
from nodecore.core.store import Store
from nodecore.core.switches import Switches
from nodecore.core.sync import Sync
from nodecore.core.timers import earliest
from nodecore.core.verify import Verification
from nodecore.core.writes import Writes
from nodecore.errors import NotLoaded


class Node:
    """One node. `resources` are the registered types of data (R8).

    Every `now` is real monotonic seconds; the durations of the configuration are scaled here. The driver
    sends one Tick to start the node, and then one whenever `next_deadline()` is due.
    """

    def __init__(self, config: NodeConfig, resources: Iterable[ResourceType] = RESOURCE_TYPES) -> None:
        self._config = config
        self._timings = config.timings.scaled(config.time_scale)
        own = config.address or f"{config.host}:{config.client_port}"
        owed: list[str] = []
        self._out = Outward()
        self._members = Members(own, config.members, config.limits.reports_failed_until_down)
        store = Store(resources)
        self._replica = Replica(self._out, store, Beats(self._members.owns))
        may_send = lambda member: member not in owed  # noqa: E731
        self._sync = Sync(own, self._out, store, self._timings, config.limits, may_send)
        self._sync.set_members(self._members.others)
        common = (self._out, self._replica, self._members, self._sync, self._timings)
        self._verification = Verification(*common, config.limits)
        self._switches = Switches(self._timings)
        self._judge = Judge(*common, self._switches)
        self._load = Load(*common, owed)
        self._reports = Reports(self._out, self._members, self._timings)
        self._pushes = Pushes(self._out, self._timings, config.limits, self._switches)
        self._services = Services(self._replica, self._members, self._sync)
        self._naming = Naming(self._replica, self._sync, self._pushes, self._services, self._switches)
        writes = Writes(self._replica, self._sync, self._switches)
        self._routing = Routing(self._out, self._members, self._naming, writes, self._timings)
        self._foreign = Foreign(self._out, self._replica, self._members, self._timings.report_timeout_s)
        self._peers = PeerSide(
            self._replica,
            self._members,
            self._sync.writers,
            self._verification,
            self._reports,
            self._load,
            self._foreign,
        )
        parts = (self._replica, self._sync, self._verification, self._services, self._pushes, self._foreign)
        self._reset = Reset(self._out, self._members, self._load, self._judge, self._switches, parts)
        self._overview = Overview(
            config=config,
            out=self._out,
            replica=self._replica,
            members=self._members,
            sync=self._sync,
            load=self._load,
            judge=self._judge,
            services=self._services,
            pushes=self._pushes,
            switches=self._switches,
        )
        self._started = False
        self._deadline: float | None = None

    # ---- the two functions of a driver -----------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take an event that happened at `now`; return what is to be done about it, in order."""
        self._watch_for_stall(now)
        if not self._started:
            self._start(now)
        match event:
            case ClientRequest():
                requester = Requester(event.request_id)
                self._asked(requester, event.operation, event.forwarded_by, now)
            case PeerRequest():
                self._peer_asked(event, now)
            case CallReturned():
                self._call_ended(event.call_id, event.answer, now)
            case CallFailed():
                self._call_ended(event.call_id, event.failure, now)
            case MembersChanged():
                self._members_changed(event.addresses, now)
            case PushAcked():
                self._pushes.acked(event)
            case Tick():
                pass
            case _:
                assert_never(event)
        self._advance(now)
        effects = self._out.take()
        self._pushes.note(effects, now)
        self._deadline = self._earliest_due()
        return effects

    def next_deadline(self) -> float | None:
        """Return when a Tick is due, in real seconds; None before the first event."""
        return self._deadline

    # ---- time ------------------------------------------------------------------------------------

    def _earliest_due(self) -> float | None:
        timers = (self._reports.timer, self._verification.timer, self._judge.timer)
        parts = (self._load.next_due(), self._sync_due(), self._pushes.next_due())
        return earliest(*(timer.due for timer in timers), *parts)

    def _watch_for_stall(self, now: float) -> None:
        if self._deadline is not None and now - self._deadline > self._timings.beat_s / 2:
            self._judge.stall(now - self._deadline, now)

    def _start(self, now: float) -> None:
        self._started = True
        self._reports.timer.start(now)
        self._judge.timer.start(now + self._timings.judge_s)
        self._load.start(now)

    def _advance(self, now: float) -> None:
        """Do everything whose time has come."""
        if self._reports.timer.is_due(now):
            self._reports.timer.passed(now)
            self._reports.next_period()
        self._load.advance(now)
        if self._load.loaded and self._verification.timer.due is None:
            self._has_loaded(now)
        if self._judge.timer.is_due(now):
            self._judge.timer.passed(now)
            self._judge.judge(now)
        if self._verification.timer.is_due(now):
            self._verification.timer.passed(now)
            self._verification.send([m for m in self._members.others if m not in self._load.owed], now)
        if self._load.loaded:
            self._sync.advance(now)
        self._pushes.advance(now, self._naming.pushed)

    def _sync_due(self) -> float | None:
        return self._sync.next_due() if self._load.loaded else None

    def _has_loaded(self, now: float) -> None:
        self._replica.beats.restart_all(now)
        self._verification.timer.start(now + self._timings.verify_s)
        self._reports.to_all()

    # ---- requests --------------------------------------------------------------------------------

    def _asked(
        self, requester: Requester, operation: Operation, forwarded_by: str | None, now: float
    ) -> None:
        answer: Answer | None
        match operation:
            case ReadState():
                answer = self._overview.state(now)
            case ReadMetrics():
                answer = self._overview.metrics()
            case ReadSwitches():
                answer = SwitchesAnswer(self._switches.now)
            case ChangeSwitches():
                answer = self._change_switches(operation)
            case ResetNode():
                answer = self._reset.answer(now)
            case _ if not self._load.loaded:
                answer = self._not_loaded()
            case _:
                answer = self._switches.refusal(operation) if forwarded_by is None else None
                answer = answer or self._routing.answer(requester, operation, forwarded_by, now)
        if answer is not None:
            self._reply(requester, answer)

    def _peer_asked(self, event: PeerRequest, now: float) -> None:
        if not self._load.loaded:
            self._out.add(PeerReply(event.request_id, NotLoadedAnswer()))
            return
        if isinstance(event.message, Forward):
            requester = Requester(event.request_id, is_peer=True)
            self._asked(requester, event.message.operation, event.source, now)
            return
        answer = self._peers.answer(event.source, event.message, now)
        self._out.add(PeerReply(event.request_id, answer))

    def _reply(self, requester: Requester, answer: Answer) -> None:
        if requester.is_peer:
            self._out.add(PeerReply(requester.request_id, ForwardAnswer(answer)))
        else:
            self._out.add(Reply(requester.request_id, answer))

    def _not_loaded(self) -> Refused:
        sentence = f"{self._config.name} has not loaded its data yet: ask another node, or again later"
        return Refused(status=NotLoaded.status, message=sentence)

    def _change_switches(self, operation: ChangeSwitches) -> Done:
        self._switches.change(operation)
        self._out.log("info", "switches_changed", **dict(operation.changes))
        return Done()

    # ---- calls that ended ------------------------------------------------------------------------

    def _call_ended(self, call_id: int, outcome: Outcome, now: float) -> None:
        purpose: Purpose | None = self._out.close(call_id)
        match purpose:
            case None:
                pass
            case Reporting():
                self._report_ended(purpose.member, outcome, now)
            case Syncing():
                self._sync.ended(purpose, outcome, now)
            case Verifying():
                self._verification.ended(purpose, outcome)
            case Pulling():
                self._verification.pulled(purpose, outcome, now)
            case Fetching():
                self._load.fetched(purpose, outcome, now)
            case Merging():
                self._load.merged(purpose, outcome, now)
            case Telling():
                self._foreign.ended(purpose)
            case Forwarding():
                self._reply(purpose.requester, forwarded_answer(purpose.member, outcome))
            case _:
                assert_never(purpose)

    # ---- members and ring ------------------------------------------------------------------------

    def _report_ended(self, member: str, outcome: Outcome, now: float) -> None:
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

    def _members_changed(self, addresses: Iterable[str], now: float) -> None:
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
        self._recompute_ring(now)
        self._reports.to_each(came)

    def _recompute_ring(self, now: float) -> None:
        before = self._members.ring
        if self._members.recompute_ring():
            self._out.log("info", "ring", members=",".join(self._members.ring.addresses))
            self._verification.ring_changed(now)
            self._judge.ring_moved(before, now)
