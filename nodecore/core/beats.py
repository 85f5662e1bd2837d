"""When each instance was last heard of: known to its judge only, never part of the data (R18).

Invariant: every instance of a key that this node owns and has adopted has a time, and it never moves
backwards; of what others own nothing is kept, for a take-over counts from itself anyway.
"""

from collections.abc import Callable

from nodecore.core.due import DueKeys
from nodecore.core.keys import service_of
from nodecore.core.records import InstanceId, Instances


class Beats:
    """Real seconds of the last beat, or of the moment from which beats count.

    Args:
        owns: says whether this node is responsible for a grouped service name.
    """

    def __init__(self, owns: Callable[[str], bool]) -> None:
        self._owns = owns
        self._last: dict[str, dict[InstanceId, float]] = {}
        self.due = DueKeys()
        """When a judge must look at a key next: at once when its list has changed."""

    def adopt(self, key: str, instances: Instances, now: float) -> None:
        """Take note of a list: new instances count from now, those that are gone are forgotten."""
        if not self._owns(service_of(key)):
            self.forget(key)
            return
        before = self._last.get(key, {})
        self._last[key] = {entry.identity: before.get(entry.identity, now) for entry in instances.instances}
        self.due.set(key, now)

    def forget(self, key: str) -> None:
        """Drop a key."""
        self._last.pop(key, None)
        self.due.forget(key)

    def heard(self, key: str, identity: InstanceId, now: float) -> None:
        """An instance beat."""
        times = self._last.setdefault(key, {})
        times[identity] = max(times.get(identity, now), now)

    def restart_all(self, moment: float) -> None:
        """Count every beat from this moment: this node stalled, or has just loaded."""
        for times in self._last.values():
            for identity, last in times.items():
                times[identity] = max(last, moment)

    def silent_s(self, key: str, identity: InstanceId, now: float) -> float:
        """Return how long an instance has not been heard of, in real seconds."""
        return now - self.last(key, identity, now)

    def last(self, key: str, identity: InstanceId, now: float) -> float:
        """Return when an instance was last heard of; one that nobody knows, now."""
        return self._last.get(key, {}).get(identity, now)
