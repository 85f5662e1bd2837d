"""The node as a pure state machine: `handle(event, now)` gives effects, `next_deadline()` says when to tick.

Design section 4. No threads, sockets, files, clock, global random, nor anything that follows the order of a
set. Invariant: every Call is answered by exactly one CallReturned or CallFailed, every request by exactly one
reply; the same events at the same times give the same effects in every process.
"""

from collections.abc import Iterable
from typing import assert_never

from nodecore.config import NodeConfig
from nodecore.core.answers import Answer, Done, Refused
from nodecore.core.assembly import assemble
from nodecore.core.enquiries import ChangeSwitches, ReadMetrics, ReadSwitches, ResetNode, SwitchesAnswer
from nodecore.core.events import (
    CallFailed,
    CallReturned,
    ClientRequest,
    Effect,
    Event,
    MembersChanged,
    PeerReply,
    PeerRequest,
    Probed,
    PushAcked,
    RecordsApplied,
    RecordsRestored,
    Reply,
    Tick,
)
from nodecore.core.messages import Forward, ForwardAnswer, NotLoadedAnswer
from nodecore.core.operations import CpAnswered, Operation, ReadState
from nodecore.core.outward import (
    Fetching,
    Forwarding,
    Merging,
    Outcome,
    Pulling,
    Purpose,
    Reporting,
    Requester,
    Syncing,
    Telling,
    TellingHealth,
    Verifying,
)
from nodecore.core.resources import RESOURCE_TYPES, ResourceType
from nodecore.core.routing import forwarded_answer
from nodecore.core.timers import earliest
from nodecore.errors import NotLoaded


class Node:
    """One node. `resources` are the registered types of data (R8).

    Every `now` is real monotonic seconds; the durations of the configuration are scaled here. The driver
    sends one Tick to start the node, and then one whenever `next_deadline()` is due.
    """

    def __init__(self, config: NodeConfig, resources: Iterable[ResourceType] = RESOURCE_TYPES) -> None:
        self._config = config
        self._timings = config.timings.scaled(config.time_scale)
        parts = assemble(config, resources)
        self._out = parts.out
        self._members = parts.members
        self._replica = parts.replica
        self._sync = parts.sync
        self._verification = parts.verification
        self._switches = parts.switches
        self._judge = parts.judge
        self._load = parts.load
        self._reports = parts.reports
        self._pushes = parts.pushes
        self._naming = parts.naming
        self._foreign = parts.foreign
        self._probing = parts.probing
        self._health = parts.health
        self._membership = parts.membership
        self._peers = parts.peers
        self._routing = parts.routing
        self._cp_requests = parts.cp_requests
        self._cp_state = parts.cp_state
        self._reset = parts.reset
        self._overview = parts.overview
        self._started = False
        self._deadline: float | None = None

    # ---- the two functions of a driver -----------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:  # noqa: C901  one case per event
        """Take an event that happened at `now`; return what is to be done about it, in order."""
        self._watch_for_stall(now)
        if not self._started:
            self._start(now)
        match event:
            case ClientRequest():
                requester = Requester(event.request_id, may_wait=event.may_wait)
                self._asked(requester, event.operation, event.forwarded_by, now)
            case PeerRequest():
                self._peer_asked(event, now)
            case CallReturned():
                self._call_ended(event.call_id, event.answer, now)
            case CallFailed():
                self._call_ended(event.call_id, event.failure, now)
            case MembersChanged():
                self._membership.replace(event.addresses, now)
            case PushAcked():
                self._pushes.acked(event)
            case RecordsApplied():
                self._cp_state.applied(event, now)
            case RecordsRestored():
                self._cp_state.restored(event, now)
            case Probed():
                self._probing.probed(event, now, stalled=self._judge.is_stalled(now))
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
        parts = (self._load.next_due(), self._sync_due(), self._pushes.next_due(), self._checks_due())
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
        if self._load.loaded and self._cp_requests is not None:
            self._probing.advance(now)
            self._health.advance(now)
        self._pushes.advance(now, self._naming.pushed)

    def _sync_due(self) -> float | None:
        return self._sync.next_due() if self._load.loaded else None

    def _checks_due(self) -> float | None:
        if self._cp_requests is None or not self._load.loaded:
            return None
        return earliest(self._probing.next_due(), self._health.next_due())

    def _has_loaded(self, now: float) -> None:
        self._replica.beats.restart_all(now)
        self._verification.timer.start(now + self._timings.verify_s)
        self._reports.to_all()
        if self._cp_requests is not None:
            self._health.start(now)

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
            case ChangeSwitches() | CpAnswered(operation=ChangeSwitches()):
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

    def _change_switches(self, operation: ChangeSwitches | CpAnswered) -> Answer:
        """Change switches here, unless CP does it, or has done it, for all nodes."""
        asked = self._cp_requests.asked(operation) if self._cp_requests is not None else None
        if asked is not None or isinstance(operation, CpAnswered):
            return asked or Done()
        self._switches.change(operation)
        self._out.log("info", "switches_changed", **dict(operation.changes))
        return Done()

    # ---- calls that ended ------------------------------------------------------------------------

    def _call_ended(  # noqa: C901  one case per purpose
        self, call_id: int, outcome: Outcome, now: float
    ) -> None:
        purpose: Purpose | None = self._out.close(call_id)
        match purpose:
            case None:
                pass
            case Reporting():
                self._membership.report_ended(purpose.member, outcome, now)
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
            case TellingHealth():
                self._health.ended(purpose)
            case Forwarding():
                self._reply(purpose.requester, forwarded_answer(purpose.member, outcome))
            case _:
                assert_never(purpose)
