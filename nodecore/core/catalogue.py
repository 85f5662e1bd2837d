"""All instances of a service, ephemeral and persistent, as lists, catalogues and pushes show them.

Invariant: it changes nothing; ephemeral instances come from the replica of Distro, persistent ones from what
CP has applied here, and neither knows of the other.
"""

from nodecore.core.checksum import checksum
from nodecore.core.keys import ephemeral_key, namespace_of, service_of
from nodecore.core.projection import Projection
from nodecore.core.records import Instance, Instances
from nodecore.core.replica import Replica


class Catalogue:
    """Reads both halves."""

    def __init__(self, replica: Replica, projection: Projection) -> None:
        self._replica = replica
        self._projection = projection

    def ephemeral(self, namespace: str, service: str) -> tuple[Instance, ...] | None:
        """Return the ephemeral instances of a service, None when it has no list of them."""
        stored = self._replica.instances(ephemeral_key(namespace, service))
        return None if stored is None else stored.instances

    def persistent(self, namespace: str, service: str) -> tuple[Instance, ...] | None:
        """Return the persistent instances of a service, None when it has no list of them."""
        return self._projection.of(namespace, service)

    def instances(self, namespace: str, service: str) -> tuple[Instance, ...] | None:
        """Return all instances of a service, None when it has no list at all."""
        ephemeral, persistent = self.ephemeral(namespace, service), self.persistent(namespace, service)
        if ephemeral is None or not persistent:
            return ephemeral if ephemeral is not None else persistent
        return (*ephemeral, *persistent)

    def checksum(self, namespace: str, service: str) -> str:
        """Return the checksum of what is listed: of ephemeral instances alone it is what verify compares."""
        if self.persistent(namespace, service):
            return checksum(Instances(self.instances(namespace, service) or ()))
        return self._replica.store.checksum(ephemeral_key(namespace, service)) or ""

    def names(self) -> list[tuple[str, str]]:
        """Return namespace and name of each service that has a list, sorted."""
        keys = (*self._replica.store.sorted_keys(), *self._projection.sorted_keys())
        return sorted({(namespace_of(key), service_of(key)) for key in keys})
