"""What CP has applied on this node, with the health that this node knows of it.

Invariant: a list holds exactly the instances of the last applied record; health outlives a new registration
of the same instance, and comes from checks of our own or from the responsible node. Ephemeral lists are
elsewhere, and nothing that is applied here ever touches them (R25).
"""

from collections.abc import Iterable
from dataclasses import replace

from nodecore.core.events import Change, Notify
from nodecore.core.keys import persistent_key
from nodecore.core.outward import Outward
from nodecore.core.records import Instance, InstanceId, Instances


class Projection:
    """The persistent instances of all services."""

    def __init__(self, out: Outward) -> None:
        self._out = out
        self._lists: dict[str, Instances] = {}
        self._known: dict[str, dict[InstanceId, None]] = {}
        """Whose health somebody has found out; of the others it is only what their registration said."""

    def sorted_keys(self) -> list[str]:
        """Return the keys of all lists in order."""
        return sorted(self._lists)

    def get(self, key: str) -> Instances | None:
        """Return the list of a key, None when there is none."""
        return self._lists.get(key)

    def of(self, namespace: str, service: str) -> tuple[Instance, ...] | None:
        """Return the persistent instances of a service, None when it never had any."""
        if not self._lists:
            return None  # without CP a list costs no more than it did
        stored = self._lists.get(persistent_key(namespace, service))
        return None if stored is None else stored.instances

    def find(self, key: str, identity: InstanceId) -> Instance | None:
        """Return one instance."""
        stored = self._lists.get(key) or Instances()
        return next((entry for entry in stored.instances if entry.identity == identity), None)

    def applied(self, key: str, record: Instances | None) -> None:
        """A list is this from now on; None: it is gone."""
        if record is None:
            self._known.pop(key, None)
            if self._lists.pop(key, None) is not None:
                self._out.add(Notify(key, Change.DELETE, None))
            return
        before = {entry.identity: entry.healthy for entry in (self._lists.get(key) or record).instances}
        entries = [
            replace(entry, healthy=before.get(entry.identity, entry.healthy)) for entry in record.instances
        ]
        known = self._known.pop(key, {})
        self._known[key] = {entry.identity: None for entry in entries if entry.identity in known}
        self._store(key, Instances(tuple(entries)))

    def restored(self, records: Iterable[tuple[str, Instances]]) -> list[str]:
        """Exactly these lists are there from now on; return the keys that are or were."""
        found = dict(records)
        touched = sorted({*self._lists, *found})
        for key in touched:
            self.applied(key, found.get(key))
        return touched

    def known_health(self, key: str) -> tuple[tuple[InstanceId, bool], ...]:
        """Return the health of the instances of a key of which it is known."""
        stored, known = self._lists.get(key) or Instances(), self._known.get(key, {})
        return tuple((e.identity, e.healthy) for e in stored.instances if e.identity in known)

    def set_health(self, key: str, identity: InstanceId, *, healthy: bool) -> bool:
        """Note the health of an instance, which is known from now on; return whether it was another."""
        instance = self.find(key, identity)
        if instance is None:
            return False
        self._known[key][identity] = None
        if instance.healthy is healthy:
            return False
        entries = self._lists[key].instances
        changed = tuple(replace(e, healthy=healthy) if e.identity == identity else e for e in entries)
        self._store(key, Instances(changed))
        return True

    def _store(self, key: str, instances: Instances) -> None:
        if self._lists.get(key) != instances:
            self._lists[key] = instances
            self._out.add(Notify(key, Change.CHANGE, instances))
