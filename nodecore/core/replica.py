"""The only way into the store: every change is told to listeners (R7) and to the judge of beats.

Invariant: one notify effect per change or delete of a key, in the order in which they happened.
"""

from nodecore.core.beats import Beats
from nodecore.core.events import Change, Notify
from nodecore.core.outward import Outward
from nodecore.core.records import Instances, Record
from nodecore.core.store import Store


class Replica:
    """This node's copy of the data."""

    def __init__(self, out: Outward, store: Store, beats: Beats) -> None:
        self._out = out
        self.store = store
        self.beats = beats

    def instances(self, key: str) -> Instances | None:
        """Return the list of a key, None when there is none."""
        datum = self.store.get(key)
        return datum.value if datum is not None and isinstance(datum.value, Instances) else None

    def put(self, key: str, value: Record, now: float) -> bool:
        """Store a value; return whether anything changed."""
        if not self.store.put(key, value):
            return False
        stored = self.instances(key)
        if stored is not None:
            self.beats.adopt(key, stored, now)
        self._out.add(Notify(key, Change.CHANGE, stored if stored is not None else value))
        return True

    def forget_all(self) -> None:
        """Forget every key; listeners hear of each."""
        for datum in self.store.data():
            self.store.remove(datum.key)
            self.beats.forget(datum.key)
            self._out.add(Notify(datum.key, Change.DELETE, None))

    def remove(self, key: str) -> bool:
        """Forget a key; return whether it was there."""
        if not self.store.remove(key):
            return False
        self.beats.forget(key)
        self._out.add(Notify(key, Change.DELETE, None))
        self._out.log("info", "service_removed", key=key)
        return True
