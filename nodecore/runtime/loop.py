"""The runtime: one lock around the core, its timer, and the effects that it asks for.

Invariants: the clock is read once per event, inside the lock, so that the core sees time go forward; effects
are performed in the order in which they came; nothing waits for the network while the lock is held. Futures
are fulfilled after the lock is released, for their callbacks are foreign code.
"""

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Protocol, assert_never

from nodecore.config import NodeConfig
from nodecore.core.answers import Answer
from nodecore.core.events import (
    Call,
    CallFailed,
    CallReturned,
    ClientRequest,
    Effect,
    Event,
    Log,
    MembersChanged,
    Notify,
    PeerReply,
    PeerRequest,
    Probe,
    Probed,
    Push,
    PushAcked,
    RecordsApplied,
    RecordsRestored,
    Reply,
    Tick,
)
from nodecore.core.messages import PeerAnswer, PeerMessage
from nodecore.core.operations import Operation
from nodecore.errors import NodeError
from nodecore.runtime.counts import Counts
from nodecore.runtime.listeners import Listeners
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.lookup import MemberList, MemberLookup, member_lookup
from nodecore.runtime.lookup_watch import LookupWatch
from nodecore.runtime.peers import Peers
from nodecore.runtime.probes import Probes
from nodecore.runtime.push import PushSocket

_AT_ONCE_S = 0.005
"""Who may not wait waits no longer for the core; nearly every event takes a tenth of a millisecond."""
_PAUSE_AFTER_FAULT_S = 0.1
"""A tick that fails must not spin: the next comes no sooner."""


class Core(Protocol):
    """The node's state machine, as the runtime drives it (nodecore.core.node.Node fulfils it)."""

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event at `now`, in real monotonic seconds, and say what is to be done."""
        ...

    def next_deadline(self) -> float | None:
        """Return when the next Tick is due, None for never."""
        ...


class Stopped(NodeError):
    """The node is shutting down and takes no more requests."""

    status = 503


class Busy(NodeError):
    """The core was doing something long, and the one who asked may not wait; nothing was done."""

    status = 503


class Runtime:
    """Drives a core in real time.

    Args:
        core: the state machine; nobody else may touch it.
        config: handed on to the calls between members.
        log: gets the core's Log effects.
        lookup: where the list of members is read again; by default what the configuration says.
    """

    def __init__(
        self, core: Core, config: NodeConfig, log: NodeLog, lookup: MemberLookup | None = None
    ) -> None:
        self.config = config
        self.log = log
        self.counts = Counts()
        self.listeners = Listeners(log)
        self._core = core
        self._lock = threading.Lock()
        self._deadline_moved = threading.Condition(self._lock)
        self._ids = itertools.count(1)
        self._waiting: dict[int, Future[Answer] | Future[PeerAnswer]] = {}
        self._peers = Peers(config, log, self._deliver, self.counts)
        self._push = PushSocket(config.host, log, self._deliver)
        self.probes = Probes(self._deliver, dict(config.probe_dial))
        self._deadline_s: float | None = None
        self._running = False
        self._tell_members: Callable[[MemberList], None] = lambda _found: None
        self._timer = threading.Thread(target=self._run_timer, name="timer", daemon=True)
        known = MemberList(config.members, dict(config.dial))
        self.lookup = LookupWatch(
            lookup or member_lookup(config), known, config.address, log, self._members_found
        )

    def start(self) -> None:
        """Start the timer, which begins with one Tick."""
        with self._lock:
            self._running = True
        self._timer.start()
        self.lookup.start()

    def stop(self) -> None:
        """Take no more requests, fail those that wait, end all threads.

        Raises:
            RuntimeError: a thread of ours does not end.
        """
        self.lookup.stop()
        with self._lock:
            self._running = False
            waiting = list(self._waiting.values())
            self._waiting.clear()
            self._deadline_moved.notify()
        for future in waiting:
            future.set_exception(Stopped("this node is shutting down; ask another one"))
        if self._timer.ident is not None:
            self._timer.join()
        self._peers.close()
        self._push.close()
        self.probes.close()
        self.listeners.close()

    def ask(
        self, operation: Operation, forwarded_by: str | None = None, *, may_wait: bool = True
    ) -> Future[Answer]:
        """Submit what a client asks; the Future gets the answer, or the exception of a failed submission.

        Args:
            operation: what is asked.
            forwarded_by: the peer that forwards it, "" if it gave no address, None for a client.
            may_wait: for another member, or for a core that is busy; if not, what had to be forwarded is
                answered with WouldForward, and a busy core with Busy.
        """
        future: Future[Answer] = Future()

        def event(request_id: int) -> Event:
            return ClientRequest(
                request_id=request_id, operation=operation, forwarded_by=forwarded_by, may_wait=may_wait
            )

        self._submit(future, event, may_wait=may_wait)
        return future

    def ask_as_peer(self, message: PeerMessage, source: str, *, may_wait: bool = True) -> Future[PeerAnswer]:
        """Submit what a peer says; `source` is its advertised address, "" if it did not name itself."""
        future: Future[PeerAnswer] = Future()
        self._submit(
            future, lambda i: PeerRequest(request_id=i, source=source, message=message), may_wait=may_wait
        )
        return future

    def change_members(self, addresses: tuple[str, ...], dial: Mapping[str, str] | None = None) -> None:
        """Tell the core who the members are from now on (R16).

        Args:
            addresses: of all members; this node adds itself when it is not among them.
            dial: where members are dialled; None: as before.
        """
        if dial is not None:
            with self._lock:
                self._peers.dial(dial)
        self._handle(MembersChanged(addresses))
        with self._lock:
            self._peers.keep_only(addresses)

    def take_applied(self, event: RecordsApplied | RecordsRestored) -> None:
        """Tell the core what CP has applied; returns when it knows."""
        self._deliver(event)

    def hear_members(self, told: Callable[[MemberList], None]) -> None:
        """Call `told` with every new list of members from now on, when the core knows it."""
        self._tell_members = told

    def _members_found(self, found: MemberList) -> None:
        try:
            self.change_members(found.addresses, found.dial)
            self._tell_members(found)
        except Exception as error:  # noqa: BLE001  a fault in one event must not end the thread that looks
            self._log_fault(MembersChanged(found.addresses), error)

    def _submit(
        self,
        future: Future[Answer] | Future[PeerAnswer],
        make_event: Callable[[int], Event],
        *,
        may_wait: bool,
    ) -> None:
        future.set_running_or_notify_cancel()
        request_id = next(self._ids)
        if not self._lock.acquire(timeout=-1 if may_wait else _AT_ONCE_S):
            future.set_exception(Busy("the core is busy; nothing was done: ask again and wait"))
            return
        try:
            if not self._running:
                raise Stopped("this node is not running")  # noqa: TRY301  told like any other fault
            self._waiting[request_id] = future
            fulfilled = self._taken(make_event(request_id))
        except Exception as error:  # noqa: BLE001  whatever it is, the one who asked must learn of it
            self._waiting.pop(request_id, None)
            fulfilled = [partial(future.set_exception, error)]
        finally:
            self._lock.release()
        for fulfil in fulfilled:
            fulfil()

    def _deliver(
        self, outcome: CallReturned | CallFailed | PushAcked | Probed | RecordsApplied | RecordsRestored
    ) -> None:
        try:
            self._handle(outcome)
        except Exception as error:  # noqa: BLE001  a fault in one event must not end the thread that brought it
            self._log_fault(outcome, error)

    def _handle(self, event: Event) -> None:
        with self._lock:
            fulfilled = self._taken(event)
        for fulfil in fulfilled:
            fulfil()

    def _taken(self, event: Event) -> list[Callable[[], None]]:
        """Give the core an event, under the lock; return what is to be done outside it."""
        began_s = time.thread_time()
        try:
            effects = self._core.handle(event, time.monotonic())
            return [done for effect in effects if (done := self._perform(effect)) is not None]
        finally:
            self._set_timer(self._core.next_deadline())
            spent_s = time.thread_time() - began_s
            self.counts.add("core_cpu_seconds", type(event).__name__, amount=spent_s)

    def _perform(self, effect: Effect) -> Callable[[], None] | None:
        """Perform what never waits; return what has to be done outside the lock."""
        match effect:
            case Reply(request_id, answer) | PeerReply(request_id, answer):
                return self._fulfilment(request_id, answer)
            case Call():
                self._peers.send(effect)
            case Notify():
                self.listeners.publish(effect)
            case Push():
                self._push.send(effect)
                self.counts.add("pushes")
            case Probe():
                self.probes.send(effect)
                self.counts.add("probes", effect.checker.kind.value)
            case Log():
                self.counts.add("events", effect.event)
                self.log.write(effect.level, effect.event, effect.fields)
            case _:
                assert_never(effect)
        return None

    def _fulfilment(self, request_id: int, answer: Answer | PeerAnswer) -> Callable[[], None] | None:
        future = self._waiting.pop(request_id, None)
        if future is None:
            self.log.write("warning", "reply_to_nobody", [("request_id", request_id)])
            return None
        return lambda: future.set_result(answer)  # type: ignore[arg-type]

    def _set_timer(self, deadline_s: float | None) -> None:
        earlier = deadline_s is not None and (self._deadline_s is None or deadline_s < self._deadline_s)
        self._deadline_s = deadline_s
        if earlier:
            self._deadline_moved.notify()

    def _run_timer(self) -> None:
        while self._running:
            self._note_lag()
            try:
                self._handle(Tick())
            except Exception as error:  # noqa: BLE001  without its timer the node would be dead and look alive
                self._log_fault(Tick(), error)
                self._await_deadline(time.monotonic() + _PAUSE_AFTER_FAULT_S)
            else:
                self._await_deadline(0.0)

    def _note_lag(self) -> None:
        """Count how much later than it should this tick comes: what the machine or a long event cost."""
        with self._lock:
            lag_s = 0.0 if self._deadline_s is None else max(0.0, time.monotonic() - self._deadline_s)
        self.counts.add("loop_lag_seconds", amount=lag_s)
        self.counts.highest("loop_lag_seconds_highest", lag_s)

    def _await_deadline(self, not_before_s: float) -> None:
        with self._lock:
            while self._running:
                left_s = self._left_s(not_before_s)
                if left_s is not None and left_s <= 0:
                    return
                self._deadline_moved.wait(left_s)

    def _left_s(self, not_before_s: float) -> float | None:
        if self._deadline_s is None:
            return None
        return max(self._deadline_s, not_before_s) - time.monotonic()

    def _log_fault(self, event: Event, error: Exception) -> None:
        fields = [("while", type(event).__name__), ("error", repr(error))]
        self.log.write("error", "core_fault", fields)
