"""Services: their metadata, and the view of all that this node knows (R25, R26).

Invariant: metadata never touch an instance list; without CP they act on this node alone, with it they are
what CP has applied here. A service exists here when it has metadata or an instance list, be it empty.
"""

from collections.abc import Iterable
from dataclasses import replace

from nodecore.core.answers import Answer, Done, Refused, ServiceAnswer
from nodecore.core.catalogue import Catalogue
from nodecore.core.enquiries import ReadServices, ServicesAnswer, ServiceView
from nodecore.core.events import Change, Notify
from nodecore.core.keys import ephemeral_key, metadata_key, namespace_of, service_of
from nodecore.core.members import Members
from nodecore.core.operations import CreateService, DeleteService, GetService, SetChecks, UpdateService
from nodecore.core.outward import Outward
from nodecore.core.records import ClusterChecks, Instance, Service
from nodecore.core.replica import Replica
from nodecore.core.sync import Sync
from nodecore.errors import NotImplementedYet

ServiceOperation = CreateService | UpdateService | SetChecks | GetService | DeleteService | ReadServices

NO_CP = "persistent data is served by the CP protocol, and this node has none: start it with --raft-port"


class Services:
    """All services that this node knows.

    Args:
        deletes_everywhere: the deletion of an ephemeral list travels whoever was asked (profile `corrected`).
    """

    def __init__(
        self,
        out: Outward,
        replica: Replica,
        catalogue: Catalogue,
        members: Members,
        sync: Sync,
        *,
        deletes_everywhere: bool,
    ) -> None:
        self._out = out
        self._replica = replica
        self._catalogue = catalogue
        self._members = members
        self._sync = sync
        self._deletes_everywhere = deletes_everywhere
        self._metadata: dict[tuple[str, str], Service] = {}

    def answer(self, operation: ServiceOperation, now: float) -> Answer:
        """Do what is asked of services; never forwarded (R25)."""
        match operation:
            case CreateService(service=service):
                return self._create(service)
            case UpdateService(service=service):
                return self._update(service)
            case SetChecks(service=name):
                return Refused(status=NotImplementedYet.status, message=f"{name}: {NO_CP}")
            case GetService(namespace=namespace, service=name):
                return self.get(operation, self._metadata.get((namespace, name)))
            case DeleteService():
                return self._delete(operation, now)
            case ReadServices():
                return ServicesAnswer(tuple(self._views(operation)))

    def exists(self, namespace: str, name: str) -> bool:
        """Say whether a service has metadata or a list here."""
        return (namespace, name) in self._metadata or self._has_list(namespace, name)

    def get(self, operation: GetService, metadata: Service | None) -> Answer:
        """Return a service with these metadata, None: with none, and the clusters that are known here."""
        namespace, name = operation.namespace, operation.service
        if metadata is None and not self._has_list(namespace, name):
            return Refused(status=404, message=f"service {name} is not found!")
        return ServiceAnswer(_described(namespace, name, metadata, self._instances(namespace, name)))

    def applied(self, key: str, metadata: Service | None) -> bool:
        """CP says that a service has these metadata from now on; None: it has none any more.

        Return whether its clusters are checked otherwise than before.
        """
        named = (namespace_of(key), service_of(key))
        before = self._metadata.get(named)
        if before == metadata:
            return False
        if metadata is None:
            del self._metadata[named]
        else:
            self._metadata[named] = metadata
        change = Change.CHANGE if metadata is not None else Change.DELETE
        self._out.add(Notify(key, change, metadata))
        return (before.checks if before else ()) != (metadata.checks if metadata else ())

    def restored(self, records: Iterable[tuple[str, Service]]) -> list[str]:
        """Exactly these metadata are there from now on; return the keys of those checked otherwise."""
        found = dict(records)
        touched = sorted({*(metadata_key(*named) for named in self._metadata), *found})
        return [key for key in touched if self.applied(key, found.get(key))]

    @property
    def has_metadata(self) -> bool:
        """Whether any service has metadata."""
        return bool(self._metadata)

    def checks_of(self, namespace: str, name: str, cluster: str) -> ClusterChecks:
        """Return how the persistent instances of a cluster are checked."""
        service = self._metadata.get((namespace, name))
        return service.checks_of(cluster) if service else ClusterChecks(name=cluster)

    def delete_list(self, operation: DeleteService, now: float) -> None:
        """Delete the ephemeral instances of a service here.

        It travels only when this node is responsible (R25, R26), or everywhere is promised.
        """
        key = ephemeral_key(operation.namespace, operation.service)
        self._replica.remove(key)
        if self._deletes_everywhere or self._members.owns(operation.service):
            self._sync.enqueue(key, Change.DELETE, now)

    def forget_all(self) -> None:
        """Forget all metadata."""
        self._metadata.clear()

    def protect_threshold(self, namespace: str, name: str) -> float:
        """Return the threshold below which unhealthy instances are listed as healthy."""
        service = self._metadata.get((namespace, name))
        return service.protect_threshold if service else 0.0

    def count_owned(self) -> tuple[int, int, int, int]:
        """Return how many services and instances there are, and how many of each are this node's to judge."""
        counts = dict.fromkeys(self._metadata, 0)
        for named in self._catalogue.names():
            counts[named] = len(self._instances(*named))
        owned = [count for (_, name), count in counts.items() if self._members.owns(name)]
        return len(counts), sum(counts.values()), len(owned), sum(owned)

    def _create(self, service: Service) -> Answer:
        if self.exists(service.namespace, service.name):
            sentence = f"specified service already exists, serviceName : {service.name}"
            return Refused(status=400, message=sentence)
        self._metadata[service.namespace, service.name] = service
        return Done()

    def _update(self, service: Service) -> Answer:
        if not self.exists(service.namespace, service.name):
            return Refused(status=400, message=f"service {service.name} not found!")
        self._metadata[service.namespace, service.name] = service
        return Done()

    def _delete(self, operation: DeleteService, now: float) -> Answer:
        """Delete a service here."""
        namespace, name = operation.namespace, operation.service
        if not self.exists(namespace, name):
            return Refused(status=400, message=f"specified service not exist, serviceName : {name}")
        self._metadata.pop((namespace, name), None)
        self.delete_list(operation, now)
        return Done()

    def _views(self, asked: ReadServices) -> list[ServiceView]:
        return [
            self._view(namespace, name)
            for namespace, name in self._names(asked)
            if asked.namespace in (None, namespace)
        ]

    def _names(self, asked: ReadServices) -> list[tuple[str, str]]:
        if asked.namespace is not None and asked.service is not None:
            known = self.exists(asked.namespace, asked.service)
            return [(asked.namespace, asked.service)] if known else []
        return sorted({*self._metadata, *self._catalogue.names()})

    def _view(self, namespace: str, name: str) -> ServiceView:
        instances = self._instances(namespace, name)
        return ServiceView(
            service=_described(namespace, name, self._metadata.get((namespace, name)), instances),
            instances=instances,
            responsible=self._members.owns(name),
            checksum=self._catalogue.checksum(namespace, name),
        )

    def _instances(self, namespace: str, name: str) -> tuple[Instance, ...]:
        return self._catalogue.instances(namespace, name) or ()

    def _has_list(self, namespace: str, name: str) -> bool:
        return self._catalogue.instances(namespace, name) is not None


def _described(
    namespace: str, name: str, metadata: Service | None, instances: tuple[Instance, ...]
) -> Service:
    """Return a service with all its clusters; one that only has instances has default metadata."""
    service = metadata or Service(namespace=namespace, name=name)
    clusters = {entry.name for entry in service.checks} | {entry.cluster for entry in instances}
    return replace(service, clusters=tuple(sorted(clusters)))
