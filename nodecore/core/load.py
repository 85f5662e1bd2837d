"""How a node comes by its data when it starts, and what it owes when nobody had any (R14).

Invariant: a node is loaded only after a loaded peer's snapshot, or after one round in which every other
member was known to hold nothing. What is safe about the second: data lives in memory only, so a dead process
has none. A node that loaded so sends no data to a member before it has merged that member's snapshot, unless
both descend from one root: who loaded from us, or from whom we did, has only what it also sends as changes,
and merging what it had at some moment would undo what was deleted since.
"""

from nodecore.config import Timings
from nodecore.core.answers import Refused
from nodecore.core.events import Lane
from nodecore.core.members import Members
from nodecore.core.messages import Failure, FetchSnapshot, NotLoadedAnswer, SnapshotAnswer
from nodecore.core.outward import Fetching, Merging, Outcome, Outward
from nodecore.core.records import Instances
from nodecore.core.replica import Replica
from nodecore.core.sync import Sync
from nodecore.core.timers import earliest


class Load:
    """Rounds of asking until loaded; afterwards the merges that are owed."""

    def __init__(
        self, out: Outward, replica: Replica, members: Members, sync: Sync, timings: Timings, owed: list[str]
    ) -> None:
        self._out = out
        self._replica = replica
        self._members = members
        self._sync = sync
        self._timings = timings
        self.loaded = False
        self.root = ""
        """The start without data, of this node or another, from which this node's data descend."""
        self.owed = owed
        """Members whose snapshot has still to be merged, in ring order; shared with who may send data."""
        self._asking: str | None = None
        self._has_nothing: dict[str, bool] = {}
        """This round: whether a member that was asked is known to hold no data."""
        self._delay_s = timings.load_retry_first_real_s
        self._due: float | None = None
        self._merging: dict[str, bool] = {}
        self._merge_due: dict[str, float] = {}

    def start(self, now: float) -> None:
        """Begin the first round."""
        self._due = now

    def advance(self, now: float) -> None:
        """Ask the next peer of the round, or for the snapshots that have still to be merged."""
        if self.loaded:
            self._ask_for_merges(now)
        elif self._asking is None and self._due is not None and now >= self._due:
            self._ask_next(now)

    def next_due(self) -> float | None:
        """Return when something is to be asked next."""
        if not self.loaded:
            return self._due if self._asking is None else None
        return earliest(*(self._merge_due.get(member) for member in self.owed if self._may_ask(member)))

    def fetched(self, call: Fetching, outcome: Outcome, now: float) -> None:
        """A peer's answer while we load."""
        self._asking = None
        if self.loaded:
            return
        if isinstance(outcome, SnapshotAnswer):
            self._take_over(call.member, outcome, now)
        elif outcome in (Failure.CLOSED, Failure.RESET) and not call.again:
            # Healing a black hole closes every call in flight: that says nothing about the peer. Who closes
            # with our request unread sends a reset: worth the same question, never an answer to it.
            self._ask(call.member, again=True)
            return
        else:
            self._has_nothing[call.member] = _has_nothing(call, outcome)
            if isinstance(outcome, Refused):
                self._out.log("warning", "load_refused", member=call.member, why=outcome.message)
        self.advance(now)

    def member_up(self, member: str, now: float) -> None:
        """A member whose data is owed became UP: ask for it at once."""
        if member in self.owed:
            self._merge_due[member] = now

    def members_changed(self, came: list[str], left: list[str], *, was_alone: bool) -> None:
        """Owe nothing to who left; a node that was alone never asked those who came for their data."""
        for member in left:
            self._merge_due.pop(member, None)
        owed = [member for member in self.owed if member not in left]
        self.owed[:] = sorted([*owed, *came]) if was_alone and self.loaded else owed

    def merged(self, call: Merging, outcome: Outcome, now: float) -> None:
        """A snapshot that was owed: union by instance, our own entry wins."""
        self._merging.pop(call.member, None)
        if call.member not in self.owed:
            return
        if not isinstance(outcome, SnapshotAnswer):
            self._merge_due[call.member] = now + self._timings.sync_retry_s
            self._out.log("warning", "merge_failed", member=call.member, why=outcome)
            return
        apart = not outcome.root or outcome.root != self.root
        if apart:
            self._merge(call.member, outcome, now)
        self.owed.remove(call.member)
        keys = len(outcome.data) if apart else 0
        self._out.log("info", "merged", member=call.member, keys=keys, owed=len(self.owed))

    # ---- rounds ----------------------------------------------------------------------------------

    def _ask_next(self, now: float) -> None:
        others = self._members.others
        for member in others:
            if member not in self._has_nothing:
                self._ask(member)
                return
        if all(self._has_nothing[member] for member in others):
            self.owed[:] = others
            self.root = f"{self._members.own} {now!r}"
            self._become_loaded("empty" if others else "standalone")
            return
        self._has_nothing.clear()
        self._due = now + self._delay_s
        self._delay_s = min(2 * self._delay_s, self._timings.load_retry_max_s)

    def _ask(self, member: str, *, again: bool = False) -> None:
        self._asking = member
        timeout_s = self._timings.load_timeout_s
        self._out.call(FetchSnapshot(), Fetching(member, again), lane=Lane.DATA, timeout_s=timeout_s)

    def _take_over(self, source: str, snapshot: SnapshotAnswer, now: float) -> None:
        for datum in snapshot.data:
            self._replica.put(datum.key, datum.value, now)
        self.owed[:] = [member for member in self._members.others if member in snapshot.merges_owed]
        self.root = snapshot.root
        self._become_loaded(source)

    def _become_loaded(self, source: str) -> None:
        self.loaded = True
        self._due = None
        keys = len(self._replica.store.data())
        self._out.log("info", "loaded", source=source, keys=keys, owed=",".join(self.owed))

    # ---- merges ----------------------------------------------------------------------------------

    def _ask_for_merges(self, now: float) -> None:
        for member in self.owed:
            if self._may_ask(member) and now >= self._merge_due.setdefault(member, now):
                self._merging[member] = True
                timeout_s = self._timings.load_timeout_s
                self._out.call(FetchSnapshot(), Merging(member), lane=Lane.DATA, timeout_s=timeout_s)

    def _merge(self, member: str, snapshot: SnapshotAnswer, now: float) -> None:
        for datum in snapshot.data:
            if isinstance(datum.value, Instances) and not self._sync.deletes(member, datum.key):
                own = self._replica.instances(datum.key) or Instances()
                self._replica.put(datum.key, union(own, datum.value), now)

    def _may_ask(self, member: str) -> bool:
        return self._members.is_up(member) and not self._merging.get(member)


def union(own: Instances, other: Instances) -> Instances:
    """Return all instances of both lists; where both have one, the own entry."""
    known = {entry.identity for entry in own.instances}
    return Instances(
        (*own.instances, *(entry for entry in other.instances if entry.identity not in known)),
    )


def _has_nothing(call: Fetching, outcome: Outcome) -> bool:
    if isinstance(outcome, NotLoadedAnswer) or outcome is Failure.REFUSED:
        return True
    return call.again and outcome is Failure.CLOSED
