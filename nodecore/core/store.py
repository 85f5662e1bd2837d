"""The data of one node, in memory only (R6), one shelf per registered type (R8).

Invariant: every key lies on the shelf of its type, every stored value is what the type's processor made
of it, and a checksum is always that of the stored value.
"""

from collections.abc import Callable, Iterable

from nodecore.core.records import Datum, Record
from nodecore.core.resources import ResourceType


class Shelf:
    """All datums of one type; a checksum is computed once per value, not once per verify."""

    def __init__(self, resource: ResourceType) -> None:
        self.resource = resource
        self._data: dict[str, Datum] = {}
        self._checksums: dict[str, str] = {}
        self._sorted: list[str] | None = []

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
        self._checksums.pop(key, None)
        return True

    def remove(self, key: str) -> bool:
        """Forget a key; return whether it was there."""
        if self._data.pop(key, None) is None:
            return False
        self._checksums.pop(key, None)
        self._sorted = None
        return True

    def sorted_keys(self) -> list[str]:
        """Return all keys in order."""
        if self._sorted is None:
            self._sorted = sorted(self._data)
        return self._sorted

    def checksum(self, key: str) -> str | None:
        """Return the checksum of a key's value, None when there is none."""
        datum = self._data.get(key)
        if datum is None:
            return None
        if key not in self._checksums:
            self._checksums[key] = self.resource.checksum(datum.value)
        return self._checksums[key]


class Store:
    """All shelves; `version` moves with every change."""

    def __init__(self, resources: Iterable[ResourceType]) -> None:
        self._shelves = [Shelf(resource) for resource in resources]
        self.version = 0

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
