"""Slots: how many node and agent processes one machine runs at once, over all workers of a run.

A cluster costs processor time in proportion to 1 / time_scale; too many at once, and live instances expire
from scheduling noise (measured.md, "Time"). One slot is one process. Invariants: the slots of a pytest worker
that dies, by whatever signal, are free at once (flock); only the one at the turnstile collects slots while it
waits, and who runs already never waits for more, so nobody waits for ever.
"""

import fcntl
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.waiting import wait_for

PATIENCE_REAL_S = 600.0
"""Who waits this long waits for something that hangs."""

_POLL_REAL_S = 0.005

TURNSTILE = "turnstile"
"""The file that the one who collects slots has locked."""

SAY_FIRST_REAL_S = 1.0
"""A wait is announced after this, then each time it has doubled."""

_PROCESSES_PER_CLUSTER = 6
_CLUSTERS_PER_CORE_AT_MIN = 0.5
_CLUSTERS_PER_CORE_AT_DEFAULT = 2.0
_SCALE_MIN, _SCALE_DEFAULT = 0.02, 0.05
_LOAD_MAX = 0.75


class NoRoom(Exception):
    """No slot is free for a cluster that grows, which must not wait for one: it would hold others up."""


def capacity_for(cores: int, time_scale: float) -> int:
    """Return how many node and agent processes may run at once.

    Measured with clusters of 3 nodes and 3 agents on 2 cores: at time_scale 0.02 one cluster never called a
    live instance unhealthy and two did (so 0.5 per core), at 0.05 four never did (2 per core). In between
    and above a straight line, for the time that a scheduler may take grows with the scale; but never more
    than three quarters of each core. One cluster costs 0.57 core at 0.02 and 0.27 at 0.05, that is
    0.07 + 0.01 / time_scale. One cluster is always let in.
    """
    slope = (_CLUSTERS_PER_CORE_AT_DEFAULT - _CLUSTERS_PER_CORE_AT_MIN) / (_SCALE_DEFAULT - _SCALE_MIN)
    by_noise = _CLUSTERS_PER_CORE_AT_MIN + slope * (time_scale - _SCALE_MIN)
    by_load = _LOAD_MAX / (0.07 + 0.01 / time_scale)
    processes = round(cores * min(by_noise, by_load) * _PROCESSES_PER_CLUSTER)
    return max(_PROCESSES_PER_CLUSTER, processes)


class Slots:
    """A pool of `capacity` slots in `folder`, shared by every process that names the same folder."""

    def __init__(self, folder: Path, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a pool needs at least one slot, not {capacity}")
        self.folder = folder
        self.capacity = capacity
        self._claims: set[_Claim] = set()
        self._lock = threading.Lock()

    @contextmanager
    def take(
        self,
        weight: int,
        *,
        who: str,
        on_wait: Callable[[str], object] | None = None,
        within_real_s: float = PATIENCE_REAL_S,
    ) -> Iterator[int]:
        """Hold `weight` slots for the time of the block; yields how many it got.

        More than the whole pool counts as the whole pool. Who already holds slots in this process is let in
        at once with what is free: waiting while holding is how two workers would block each other. After
        1 s of waiting, and at each doubling, `on_wait` gets a sentence that names `who` and the holders.

        Raises WaitTimeout after `within_real_s`.
        """
        claim = _Claim(self.folder, self.capacity, min(weight, self.capacity), who)
        try:
            self._collect(claim, on_wait, within_real_s)
            yield claim.count
        finally:
            claim.release()
            with self._lock:
                self._claims.discard(claim)

    @property
    def all_ours(self) -> bool:
        """Whether this process holds the whole pool, so that it disturbs nobody but itself."""
        return sum(claim.count for claim in self._claims) == self.capacity

    @property
    def are_wanted(self) -> bool:
        """Whether somebody waits for slots at this moment."""
        turnstile = _open(self.folder / TURNSTILE)
        try:
            return not _lock(turnstile)
        finally:
            os.close(turnstile)

    def _collect(
        self, claim: "_Claim", on_wait: Callable[[str], object] | None, within_real_s: float
    ) -> None:
        with self._lock:
            holds_already = any(other.count for other in self._claims)
            self._claims.add(claim)
        if holds_already:
            claim.take_what_is_free()
            return
        sayer = _Sayer(claim, on_wait)
        wait_for(
            f"{claim.wanted} of {self.capacity} slots for {claim.who}",
            claim.is_complete,
            bool,
            within_real_s,
            poll_real_s=_POLL_REAL_S,
            describe=lambda _: claim.describe(),
            interrupt=sayer.say,
        )


class Room:
    """The slots of one cluster that grows and shrinks, beyond those it took when it began.

    Args:
        slots: the pool.
        nodes: for how many nodes the cluster has slots already; it keeps these to its end.
        per_node: how many slots one node more takes.
        who: for the others' messages.

    """

    def __init__(self, slots: Slots, *, nodes: int, per_node: int, who: str) -> None:
        self._slots = slots
        self._nodes = nodes
        self._per_node = per_node
        self._who = who
        self._more: list[ExitStack] = []

    def fit(self, nodes: int) -> None:
        """Take or give back slots until there is room for exactly so many nodes, or those it began with.

        Raises:
            NoRoom: others have the slots; nothing is taken.

        """
        while self._nodes + len(self._more) < nodes:
            self._more.append(self._one_more(nodes))
        while self._more and self._nodes + len(self._more) > nodes:
            self._more.pop().close()

    def close(self) -> None:
        """Give back all that was taken here."""
        while self._more:
            self._more.pop().close()

    def _one_more(self, nodes: int) -> ExitStack:
        with ExitStack() as stack:
            got = stack.enter_context(self._slots.take(self._per_node, who=self._who))
            if got < self._per_node and not self._slots.all_ours:
                raise NoRoom(
                    f"no free slots for node number {nodes} of this cluster: this machine runs "
                    f"{self._slots.capacity} processes at once and other clusters have them; ask for its "
                    f"largest size when it is made: grow_to={nodes}"
                )
            return stack.pop_all()


class _Claim:
    """The slots that one `take` has and wants: one locked file each, its content names the holder."""

    def __init__(self, folder: Path, capacity: int, wanted: int, who: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.wanted = wanted
        self.who = who
        self._turnstile = _open(folder / TURNSTILE)
        self._free = [_open(folder / f"slot-{index}") for index in range(capacity)]
        self._mine: list[int] = []
        self._is_at_turnstile = False

    @property
    def count(self) -> int:
        """How many slots it has."""
        return len(self._mine)

    def is_complete(self) -> bool:
        """Collect what is free, one claim at a time; return whether that is all."""
        self._is_at_turnstile = self._is_at_turnstile or _lock(self._turnstile)
        if self._is_at_turnstile:
            self.take_what_is_free()
        if self.count < self.wanted:
            return False
        self._leave_turnstile()
        return True

    def take_what_is_free(self) -> None:
        """Lock free slots, up to the wanted number."""
        for descriptor in list(self._free):
            if self.count < self.wanted and _lock(descriptor):
                self._free.remove(descriptor)
                self._mine.append(descriptor)
                _sign(descriptor, f"{self.who} (pid {os.getpid()})")

    def describe(self) -> str:
        """Say what it has, and who holds the others."""
        holders = Counter(_signature(descriptor) for descriptor in self._free)
        held = ", ".join(f"{holder}: {count}" for holder, count in sorted(holders.items()))
        return f"{self.count} of {self.wanted}; the others were last taken by {held}"

    def release(self) -> None:
        """Free everything: closing a descriptor ends its lock."""
        for descriptor in (self._turnstile, *self._free, *self._mine):
            os.close(descriptor)

    def _leave_turnstile(self) -> None:
        fcntl.flock(self._turnstile, fcntl.LOCK_UN)
        self._is_at_turnstile = False


class _Sayer:
    """Says that a claim waits: after a second, then each time the wait has doubled."""

    def __init__(self, claim: _Claim, on_wait: Callable[[str], object] | None) -> None:
        self._claim = claim
        self._on_wait = on_wait
        self._begin = time.monotonic()
        self._next_real_s = SAY_FIRST_REAL_S

    def say(self) -> None:
        waited = time.monotonic() - self._begin
        if self._on_wait is None or waited < self._next_real_s:
            return
        self._next_real_s = 2 * waited
        self._on_wait(f"{self._claim.who} waits for slots since {waited:.0f} s, has {self._claim.describe()}")


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(descriptor: int, holder: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, holder.encode(), 0)


def _signature(descriptor: int) -> str:
    return os.pread(descriptor, 256, 0).decode(errors="replace") or "nobody yet"
