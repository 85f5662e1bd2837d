"""Every change and delete to every other member, until each has taken it (R11, R12).

Invariant: what was put or removed here either waits for a member, is on its way to it, or was taken by it.
"""

from collections.abc import Callable

from nodecore.config import Limits, Timings
from nodecore.core.answers import Refused
from nodecore.core.events import Change, Lane
from nodecore.core.messages import Accepted, PeerMessage
from nodecore.core.outbox import Outbox
from nodecore.core.outward import Batch, Outcome, Outward, Syncing
from nodecore.core.records import instances_in
from nodecore.core.store import Store
from nodecore.core.timers import earliest
from nodecore.core.writers import Writers

STATUSES_OF_A_FOREIGN_PEER = (404, 405, 501)
"""How a peer that has no delete answers one; verify repairs it there (R12)."""


class Sync:
    """One outbox per other member; `may_send` says which members may be sent data at all (R14)."""

    def __init__(
        self,
        own: str,
        out: Outward,
        store: Store,
        timings: Timings,
        limits: Limits,
        may_send: Callable[[str], bool],
    ) -> None:
        self._own = own
        self._out = out
        self._store = store
        self._timings = timings
        self._limits = limits
        self.may_send = may_send
        """Whether a member may be sent data or checksums at all (R14)."""
        self._outboxes: dict[str, Outbox] = {}
        self.writers = Writers(timings.report_s + timings.report_timeout_s)

    def set_members(self, others: list[str]) -> None:
        """Give each other member an outbox; what waited for one that left is dropped."""
        self._outboxes = {member: self._outboxes.get(member) or self._new_outbox() for member in others}

    def enqueue(self, key: str, change: Change, now: float) -> None:
        """Let a change or delete of a key wait for every other member."""
        resource = self._store.resource_of(key)
        if resource is None:
            return
        self.writers.wrote(key, self._own, now)
        for outbox in self._outboxes.values():
            outbox.add(resource.prefix, key, change, now)

    def waits(self, member: str, key: str) -> bool:
        """Say whether a change of our own still waits for this member (R13)."""
        outbox = self._outboxes.get(member)
        return outbox is not None and outbox.waits(key)

    def deletes(self, member: str, key: str) -> bool:
        """Say whether a deletion of our own still waits for this member."""
        outbox = self._outboxes.get(member)
        return outbox is not None and outbox.deletes(key)

    def pending(self) -> int:
        """Return how many changes and deletes wait, over all members."""
        return sum(len(outbox) for outbox in self._outboxes.values())

    def hurry(self, member: str, now: float) -> None:
        """The member became UP: what waits for it goes at once."""
        self._outboxes[member].hurry(now)

    def advance(self, now: float) -> None:
        """Send what is due, at most one batch in flight per member."""
        for member, outbox in self._outboxes.items():
            if self.may_send(member):
                self._send_due(member, outbox, now)

    def next_due(self) -> float | None:
        """Return when the next batch leaves."""
        return earliest(*(box.next_due() for member, box in self._outboxes.items() if self.may_send(member)))

    def ended(self, call: Syncing, outcome: Outcome, now: float) -> None:
        """A batch was taken or failed; nothing to do for a member that has left."""
        outbox = self._outboxes.get(call.member)
        if outbox is None or not outbox.is_in_flight(call.batch):
            return
        if _taken(call.batch, outcome):
            outbox.sent()
            return
        self._out.log(
            "warning",
            "sync_failed",
            member=call.member,
            change=call.batch.change,
            keys=len(call.batch.keys),
            first=call.batch.keys[0],
            why=outcome,
        )
        outbox.failed(now, self._retry_s(call.batch))

    def forget_all(self) -> None:
        """Let nothing wait any more, and believe nobody to have written anything."""
        self._outboxes = {member: self._new_outbox() for member in self._outboxes}
        self.writers.forget_all()

    def _new_outbox(self) -> Outbox:
        return Outbox(
            delay_s=self._timings.sync_delay_s,
            batch_keys_max=self._limits.sync_batch_keys_max,
            batch_weight_max=self._limits.sync_batch_instances_max,
            weigh=self._instances_of,
        )

    def _instances_of(self, key: str) -> int:
        datum = self._store.get(key)
        return 0 if datum is None else instances_in(datum)

    def _send_due(self, member: str, outbox: Outbox, now: float) -> None:
        while (batch := outbox.take(now)) is not None:
            message = self._message(batch)
            if message is not None:
                timeout_s = self._timings.sync_timeout_s
                self._out.call(message, Syncing(member, batch), lane=Lane.DATA, timeout_s=timeout_s)
                return
            outbox.sent()

    def _message(self, batch: Batch) -> PeerMessage | None:
        resource = self._store.resource_of(batch.keys[0])
        if resource is None:
            return None
        if batch.change is Change.DELETE:
            return resource.deletes(batch.keys)
        data = tuple(datum for key in batch.keys if (datum := self._store.get(key)) is not None)
        return resource.changes(data) if data else None

    def _retry_s(self, batch: Batch) -> float:
        resource = self._store.resource_of(batch.keys[0])
        return resource.retry_s(self._timings) if resource else self._timings.sync_retry_s


def _taken(batch: Batch, outcome: Outcome) -> bool:
    match outcome:
        case Accepted():
            return True
        case Refused(status=status):
            return batch.change is Change.DELETE and status in STATUSES_OF_A_FOREIGN_PEER
        case _:
            return False
