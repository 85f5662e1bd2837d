"""The data of one node, in memory only (R6), one shelf per registered type (R8).

Invariant: every key lies on the shelf of its type, every stored value is what the type's processor made
of it, and a checksum or digest is always that of the stored values.
"""

from collections.abc import Callable, Iterable, KeysView

from nodecore.core.digests import Digests
from nodecore.core.records import Datum, Record
from nodecore.core.resources import ResourceType


class Shelf:
    """All datums of one type.

    A checksum is computed once per value, when it is first asked for, and so is its part of the digest: what
    does not change costs nothing.
    """

    def __init__(self, resource: ResourceType) -> None:
        self.resource = resource
        self._data: dict[str, Datum] = {}
        self._checksums: dict[str, str] = {}
        """As the digests have them: for a key in `_changed` that of the value before."""
        self._changed: dict[str, None] = {}
        self._digests = Digests()
        self._sorted: list[str] | None = []

    def keys(self) -> KeysView[str]:
        """Return all keys, in no order that means anything."""
        return self._data.keys()

    def get(self, key: str) -> Datum | None:
        """Return the datum of a key."""
        return self._data.get(key)

    def put(self, key: str, value: Record) -> bool:
        """Store a processed value; return whether anything changed."""
        before = self._data.get(key)
        if before is not None and before.value == value:
            return False
        if before is None:
            self._sorted = None
        self._data[key] = Datum(key=key, value=value)
        self._changed[key] = None
        return True

    def remove(self, key: str) -> bool:
        """Forget a key; return whether it was there."""
        if self._data.pop(key, None) is None:
            return False
        self._changed[key] = None
        self._sorted = None
        return True

    def sorted_keys(self) -> list[str]:
        """Return all keys in order."""
        if self._sorted is None:
            self._sorted = sorted(self._data)
        return self._sorted

    def checksum(self, key: str) -> str | None:
        """Return the checksum of a key's value, None when there is none."""
        if key in self._changed:
            self._settle(key)
        return self._checksums.get(key)

    def digest(self, place: int, ring_size: int) -> str:
        """Return the digest of all records of one place in a ring of that size."""
        for key in list(self._changed):
            self._settle(key)
        if ring_size != self._digests.ring_size:
            service_of = self.resource.service_of
            records = ((service_of(key), key, checksum) for key, checksum in self._checksums.items())
            self._digests.restart(ring_size, records)
        return self._digests.at(place)

    def _settle(self, key: str) -> None:
        del self._changed[key]
        before = self._checksums.pop(key, None)
        datum = self._data.get(key)
        after = None if datum is None else self.resource.checksum(datum.value)
        if after is not None:
            self._checksums[key] = after
        self._digests.replace(self.resource.service_of(key), key, before, after)


class Store:
    """All shelves; `version` moves with every change."""

    def __init__(self, resources: Iterable[ResourceType]) -> None:
        self._shelves = [Shelf(resource) for resource in resources]
        self.version = 0

    def count(self) -> int:
        """Return how many keys there are."""
        return sum(len(shelf.keys()) for shelf in self._shelves)

    def resource_of(self, key: str) -> ResourceType | None:
        """Return the type a key belongs to."""
        shelf = self._shelf(key)
        return shelf.resource if shelf else None

    def get(self, key: str) -> Datum | None:
        """Return the datum of a key, None when there is none."""
        shelf = self._shelf(key)
        return shelf.get(key) if shelf else None

    def put(self, key: str, value: Record) -> bool:
        """Store what the key's processor makes of a value; return whether anything changed.

        A key or value that no registered type accepts is ignored, as Nacos ignores it.
        """
        shelf = self._shelf(key)
        if shelf is None or not shelf.resource.accepts(key, value):
            return False
        changed = shelf.put(key, shelf.resource.process(value))
        self.version += changed
        return changed

    def remove(self, key: str) -> bool:
        """Forget a key; return whether it was there."""
        shelf = self._shelf(key)
        removed = shelf.remove(key) if shelf else False
        self.version += removed
        return removed

    def checksum(self, key: str) -> str | None:
        """Return the checksum of a key's value, None when there is none."""
        shelf = self._shelf(key)
        return shelf.checksum(key) if shelf else None

    def digest(self, place: int, ring_size: int) -> str:
        """Return the digest of all that one place in a ring of that size is responsible for, type by type."""
        return " ".join(shelf.digest(place, ring_size) for shelf in self._shelves)

    def sorted_keys(self) -> list[str]:
        """Return the keys of all types: type by type, in key order."""
        return [key for shelf in self._shelves for key in shelf.sorted_keys()]

    def owned_keys(self, owns: Callable[[str], bool]) -> list[str]:
        """Return the keys of all types whose service `owns` accepts: type by type, in key order."""
        return [
            key
            for shelf in self._shelves
            for key in shelf.sorted_keys()
            if owns(shelf.resource.service_of(key))
        ]

    def data(self) -> tuple[Datum, ...]:
        """Return everything, in key order: the snapshot."""
        return tuple(
            sorted(
                (
                    datum
                    for shelf in self._shelves
                    for key in shelf.sorted_keys()
                    if (datum := shelf.get(key))
                ),
                key=lambda datum: datum.key,
            )
        )

    def _shelf(self, key: str) -> Shelf | None:
        return next((shelf for shelf in self._shelves if key.startswith(shelf.resource.prefix)), None)
