"""When each instance was last heard of: known to its judge only, never part of the data (R18).

Invariant: every instance of a key that was adopted has a time, and it never moves backwards.
"""

from nodecore.core.records import InstanceId, Instances


class Beats:
    """Real seconds of the last beat, or of the moment from which beats count."""

    def __init__(self) -> None:
        self._last: dict[str, dict[InstanceId, float]] = {}

    def adopt(self, key: str, instances: Instances, now: float) -> None:
        """Take note of a list: new instances count from now, those that are gone are forgotten."""
        before = self._last.get(key, {})
        self._last[key] = {entry.identity: before.get(entry.identity, now) for entry in instances.instances}

    def forget(self, key: str) -> None:
        """Drop a key."""
        self._last.pop(key, None)

    def heard(self, key: str, identity: InstanceId, now: float) -> None:
        """An instance beat."""
        times = self._last.setdefault(key, {})
        times[identity] = max(times.get(identity, now), now)

    def restart(self, key: str, moment: float) -> None:
        """Count every beat of a key from this moment: a take-over."""
        for identity, last in self._last.get(key, {}).items():
            self._last[key][identity] = max(last, moment)

    def restart_all(self, moment: float) -> None:
        """Count every beat from this moment: this node stalled, or has just loaded."""
        for key in self._last:
            self.restart(key, moment)

    def silent_s(self, key: str, identity: InstanceId, now: float) -> float:
        """Return how long an instance has not been heard of, in real seconds."""
        return now - self._last.get(key, {}).get(identity, now)
