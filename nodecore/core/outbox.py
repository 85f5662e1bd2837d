"""What waits for one member: changes and deletes, merged by key (R11).

Invariant: a key waits at most once, as the later of change and delete; at most one batch is in flight,
and a key counts as waiting until the member has taken it.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from nodecore.core.events import Change
from nodecore.core.outward import Batch


@dataclass(slots=True)
class Waiting:
    """A key that has still to be sent, not before `due`."""

    prefix: str
    change: Change
    due: float


class Outbox:
    """Pending changes and deletes for one member; all times are real seconds."""

    def __init__(
        self,
        *,
        delay_s: float,
        batch_keys_max: int,
        batch_weight_max: int = sys.maxsize,
        weigh: Callable[[str], int] = lambda _: 0,
    ) -> None:
        """Make an empty one; a batch has so many keys at most, and weighs no more if it has more than one."""
        self._delay_s = delay_s
        self._batch_keys_max = batch_keys_max
        self._batch_weight_max = batch_weight_max
        self._weigh = weigh
        self._waiting: dict[str, Waiting] = {}
        self._first_due: float | None = None
        """Of all that wait: who asks after every event must not walk all keys for it."""
        self._in_flight: Batch | None = None
        self._hurried_in_flight = False

    def __len__(self) -> int:
        flying = self._in_flight.keys if self._in_flight else ()
        return len(self._waiting) + sum(key not in self._waiting for key in flying)

    def add(self, prefix: str, key: str, change: Change, now: float) -> None:
        """Let a key wait; one that waits already keeps its place and takes the later change."""
        due = now + self._delay_s
        before = self._waiting.get(key)
        if before is None:
            self._waiting[key] = Waiting(prefix, change, due)
        else:
            before.change, before.due = change, min(before.due, due)
        self._first_due = due if self._first_due is None else min(self._first_due, due)

    def waits(self, key: str) -> bool:
        """Say whether a change or delete of this key has not been taken yet."""
        return key in self._waiting or (self._in_flight is not None and key in self._in_flight.keys)

    def deletes(self, key: str) -> bool:
        """Say whether the last that happened to a waiting key was its deletion."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            return waiting.change is Change.DELETE
        flying = self._in_flight
        return flying is not None and flying.change is Change.DELETE and key in flying.keys

    def next_due(self) -> float | None:
        """Return when the next batch may leave; None when nothing waits or one is in flight."""
        return None if self._in_flight is not None else self._first_due

    def take(self, now: float) -> Batch | None:
        """Return the next batch and hold it in flight: what is due, of the first one's type and change."""
        first_due = self.next_due()
        if first_due is None or first_due > now:
            return None
        due = [(key, waiting) for key, waiting in self._waiting.items() if waiting.due <= now]
        prefix, change = due[0][1].prefix, due[0][1].change
        keys = [key for key, waiting in due if waiting.prefix == prefix and waiting.change is change]
        self._in_flight = Batch(prefix=prefix, change=change, keys=self._fitting(keys))
        for key in self._in_flight.keys:
            del self._waiting[key]
        self._note_first_due()
        self._hurried_in_flight = False
        return self._in_flight

    def is_in_flight(self, batch: Batch) -> bool:
        """Say whether this very batch is the one in flight; not so when the member left and came back."""
        return self._in_flight is batch

    def sent(self) -> None:
        """The batch in flight was taken by the member, or there was nothing left to send of it."""
        self._in_flight = None

    def failed(self, now: float, retry_s: float) -> None:
        """Let the batch in flight wait again, except for what has been overtaken meanwhile.

        It waits `retry_s`, or not at all when the member became UP while it was in flight.
        """
        batch, self._in_flight = self._in_flight, None
        if batch is None:
            return
        due = now if self._hurried_in_flight else now + retry_s
        again = {key: Waiting(batch.prefix, batch.change, due) for key in batch.keys}
        self._waiting = {**again, **self._waiting}
        self._note_first_due()

    def hurry(self, now: float) -> None:
        """The member became UP: all that waits is due at once (R11)."""
        self._hurried_in_flight = True
        for waiting in self._waiting.values():
            waiting.due = min(waiting.due, now)
        self._note_first_due()

    def _note_first_due(self) -> None:
        self._first_due = min((waiting.due for waiting in self._waiting.values()), default=None)

    def _fitting(self, keys: list[str]) -> tuple[str, ...]:
        """Return as many of the first keys as one batch carries, one at least."""
        weight = self._weigh(keys[0])
        count = 1
        for key in keys[1 : self._batch_keys_max]:
            weight += self._weigh(key)
            if weight > self._batch_weight_max:
                break
            count += 1
        return tuple(keys[:count])
