"""Looks again and again whether the list of members has changed, and tells the node (R16).

Invariant: the node keeps the last good list, whatever the place of the list does meanwhile; what is wrong is
logged once, when it begins or changes.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from nodecore.runtime.logs import NodeLog
from nodecore.runtime.lookup import LookupFailed, LookupKind, MemberList, MemberLookup

FAILURES_UNTIL_UNHEALTHY = 12
"""Nacos' maximum for its address server; a minute of failures at the documents' pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupState:
    """Which lookup is in use, and how it is."""

    kind: LookupKind
    place: str
    """Path or URL, "" for the configuration."""
    healthy: bool
    failures: int
    """Looks that failed, in a row."""
    problem: str
    """Why the last look failed, "" when it did not."""


class LookupWatch:
    """A thread that looks every `lookup.period_s`; none when the list cannot change.

    Args:
        lookup: where the list is.
        current: the list that the node started with.
        own: this node's advertised address.
        log: told of failures and recoveries.
        changed: called with every new good list, from the thread.
    """

    def __init__(
        self,
        lookup: MemberLookup,
        current: MemberList,
        own: str,
        log: NodeLog,
        changed: Callable[[MemberList], None],
    ) -> None:
        self._lookup = lookup
        self._current = current
        self._own = own
        self._log = log
        self._changed = changed
        self._failures = 0
        self._problem = ""
        self._half_seen: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lookup", daemon=True)

    def state(self) -> LookupState:
        """Return which lookup is in use and how it is; from any thread."""
        return LookupState(
            kind=self._lookup.kind,
            place=self._lookup.place,
            healthy=self._failures < FAILURES_UNTIL_UNHEALTHY,
            failures=self._failures,
            problem=self._problem,
        )

    def start(self) -> None:
        """Begin to look."""
        self._say_if_unlisted()
        if self._lookup.period_s is not None:
            self._thread.start()

    def stop(self) -> None:
        """End the thread, and the look that it is in."""
        self._stopping.set()
        self._lookup.abort()
        if self._thread.ident is not None:
            self._thread.join()

    def look(self) -> None:
        """Look once; a list that differs from the last good one is told to the node."""
        try:
            text = self._lookup.fetch()
            if self._may_be_half_written(text):
                return
            found = self._lookup.parse(text)
        except LookupFailed as failed:
            if not self._stopping.is_set():
                self._failed(str(failed))
            return
        self._succeeded()
        if found != self._current:
            self._current = found
            self._say_if_unlisted()
            self._changed(found)

    def _run(self) -> None:
        while not self._stopping.wait(self._lookup.period_s):
            self.look()

    def _may_be_half_written(self, text: str) -> bool:
        """A file counts when two looks have seen it the same: who writes it may not be done yet."""
        before, self._half_seen = self._half_seen, text
        return self._lookup.kind is LookupKind.FILE and text != before

    def _failed(self, problem: str) -> None:
        self._failures += 1
        if problem != self._problem:
            self._problem = problem
            self._log.write("warning", "lookup_failed", [("why", problem), ("kept", _names(self._current))])
        if self._failures == FAILURES_UNTIL_UNHEALTHY:
            fields = [("place", self._lookup.place), ("failures", self._failures)]
            self._log.write("warning", "lookup_unhealthy", fields)

    def _succeeded(self) -> None:
        if self._failures:
            fields = [("place", self._lookup.place), ("failures", self._failures)]
            self._log.write("info", "lookup_recovered", fields)
        self._failures, self._problem = 0, ""

    def _say_if_unlisted(self) -> None:
        """Nacos too only warns; the node adds itself, and the others do not know it."""
        if self._own not in self._current.addresses:
            self._log.write("warning", "not_listed", [("own", self._own), ("members", _names(self._current))])


def _names(members: MemberList) -> str:
    return ",".join(members.addresses)
