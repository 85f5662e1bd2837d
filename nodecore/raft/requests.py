"""Requests that wait for the log: who asked, until when, and whether a leader may have got it.

Invariants: each Future is fulfilled once. A failure is definite only for a request that no leader took: it
was never handed on, or who got it said that it is no leader and had dropped it. Success is only what this
node itself has applied, at its place in the log.
"""

import collections
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from nodecore.consistency.protocol import Response
from nodecore.errors import NodeError, NoLeader, OutcomeUnknown
from nodecore.raft.machine import Answer
from nodecore.runtime.counts import Counts

_Pending = Future[Response]


@dataclass(slots=True, kw_only=True)
class Request:
    """One request on its way."""

    command_id: str
    text: str
    future: "Future[Response]"
    timeout_s: float
    deadline_s: float
    """CLOCK_MONOTONIC."""
    handed_to: str | None = None
    """The leader that may have got it."""
    not_before_s: float = 0.0
    """When to look for a leader again."""


class Requests:
    """All requests of a node; `put` and `fail_all` may be called from any thread, the rest from Raft's.

    Args:
        counts: told of outcomes, as `raft_requests`.
        waiting_max: more are refused.
        retry_s: how long a request that was turned away waits before it looks for a leader again.
    """

    def __init__(self, counts: Counts, waiting_max: int, retry_s: float) -> None:
        self._counts = counts
        self._waiting_max = waiting_max
        self._retry_s = retry_s
        self._inbox: collections.deque[Request] = collections.deque()
        self._open: dict[str, Request] = {}
        self._homeless: list[Request] = []
        self._ended: str | None = None

    def put(self, request: Request) -> None:
        """Take a request.

        Raises:
            NoLeader: too many wait already.
        """
        if len(self._open) + len(self._inbox) >= self._waiting_max:
            raise NoLeader(f"{self._waiting_max} requests wait for Raft already; nothing was written")
        self._inbox.append(request)
        if self._ended is not None:
            self.fail_all(self._ended)

    def take_in(self) -> None:
        """Look at those that were put since."""
        while self._inbox:
            request = self._inbox.popleft()
            self._open[request.command_id] = request
            self._homeless.append(request)

    def due(self, now_s: float) -> list[Request]:
        """Return those that look for a leader now; they are no longer waiting for one."""
        due = [request for request in self._homeless if request.not_before_s <= now_s]
        self._homeless = [request for request in self._homeless if request.not_before_s > now_s]
        return due

    def wait_again(self, request: Request, now_s: float) -> None:
        """No leader took it: look for one again a little later."""
        request.handed_to = None
        request.not_before_s = now_s + self._retry_s
        if request.command_id in self._open:
            self._homeless.append(request)

    def applied(self, command_id: str, answer: Callable[[], Answer]) -> None:
        """This node has applied a command; it may be anybody's."""
        request = self._open.pop(command_id, None)
        if request is None:
            return
        outcome = answer()
        self._counts.add("raft_requests", "applied")
        if isinstance(outcome, Exception):
            request.future.set_exception(outcome)
        else:
            request.future.set_result(outcome)

    def lost(self, request: Request, why: str) -> None:
        """Its outcome will never be known here."""
        if self._open.pop(request.command_id, None) is not None:
            self._fail(request, OutcomeUnknown(f"{why}; it may or may not be done"))

    def expire(self, now_s: float, leader: str | None) -> None:
        """Fail those whose time is over.

        Args:
            now_s: CLOCK_MONOTONIC.
            leader: whom this node takes for the leader.
        """
        over = [request for request in self._open.values() if request.deadline_s <= now_s]
        for request in over:
            del self._open[request.command_id]
            self._fail(request, _timed_out(request, leader))
        if over:
            self._homeless = [request for request in self._homeless if request.command_id in self._open]

    def next_deadline_s(self) -> float | None:
        """Return when the next request has waited long enough, None when none waits."""
        return min((request.deadline_s for request in self._open.values()), default=None)

    def fail_all(self, why: str) -> None:
        """Fail every request; Raft's thread has ended."""
        self._ended = why
        self.take_in()
        self._homeless.clear()
        while self._open:
            _, request = self._open.popitem()
            unknown = request.handed_to is not None
            self._fail(
                request, OutcomeUnknown(f"{why}; it may or may not be done") if unknown else NoLeader(why)
            )

    def _fail(self, request: Request, error: NodeError) -> None:
        self._counts.add("raft_requests", "definite" if error.definite else "indefinite")
        request.future.set_exception(error)


def new_request(command_id: str, text: str, timeout_s: float) -> Request:
    """Return a request whose time begins now."""
    future = _Pending()
    future.set_running_or_notify_cancel()
    deadline_s = time.monotonic() + timeout_s
    return Request(
        command_id=command_id, text=text, future=future, timeout_s=timeout_s, deadline_s=deadline_s
    )


def _timed_out(request: Request, leader: str | None) -> NodeError:
    within = f"within {request.timeout_s:.3g} s"
    if request.handed_to is None:
        return NoLeader(f"no leader in this partition {within}; nothing was done, ask another member")
    if leader is None:
        return OutcomeUnknown(
            f"no leader in this partition any more: {request.handed_to} got it and confirmed nothing "
            f"{within}; it may or may not be done"
        )
    return OutcomeUnknown(
        f"not confirmed by a majority {within}, {request.handed_to} got it; it may or may not be done"
    )
