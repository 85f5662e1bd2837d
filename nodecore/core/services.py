"""Services: their metadata on the node that was asked, and the view of all that it knows (R25, R26).

Invariant: metadata act on this node alone until CP serves them, and never touch an instance list; a service
exists here when it was created here or has an instance list, be it empty.
"""

from dataclasses import replace

from nodecore.core.answers import Answer, Done, Refused, ServiceAnswer
from nodecore.core.enquiries import ReadServices, ServicesAnswer, ServiceView
from nodecore.core.events import Change
from nodecore.core.keys import ephemeral_key, namespace_of, service_of
from nodecore.core.members import Members
from nodecore.core.operations import CreateService, DeleteService, GetService, UpdateService
from nodecore.core.records import Instance, Instances, Service
from nodecore.core.replica import Replica
from nodecore.core.sync import Sync

ServiceOperation = CreateService | UpdateService | GetService | DeleteService | ReadServices


class Services:
    """All services that this node knows."""

    def __init__(self, replica: Replica, members: Members, sync: Sync) -> None:
        self._replica = replica
        self._members = members
        self._sync = sync
        self._metadata: dict[tuple[str, str], Service] = {}

    def answer(self, operation: ServiceOperation, now: float) -> Answer:
        """Do what is asked of services; never forwarded (R25)."""
        match operation:
            case CreateService(service=service):
                return self._create(service)
            case UpdateService(service=service):
                return self._update(service)
            case GetService(namespace=namespace, service=name):
                return self._get(namespace, name)
            case DeleteService():
                return self._delete(operation, now)
            case ReadServices():
                return ServicesAnswer(tuple(self._views(operation)))

    def exists(self, namespace: str, name: str) -> bool:
        """Say whether a service was created here or has a list."""
        return (namespace, name) in self._metadata or self._has_list(namespace, name)

    def forget_all(self) -> None:
        """Forget all metadata."""
        self._metadata.clear()

    def protect_threshold(self, namespace: str, name: str) -> float:
        """Return the threshold below which unhealthy instances are listed as healthy."""
        service = self._metadata.get((namespace, name))
        return service.protect_threshold if service else 0.0

    def count_owned(self) -> tuple[int, int, int, int]:
        """Return how many services and instances there are, and how many of each are this node's to judge."""
        keys = {ephemeral_key(*named): 0 for named in self._metadata}
        for datum in self._replica.store.data():
            keys[datum.key] = len(datum.value.instances) if isinstance(datum.value, Instances) else 0
        owned = [count for key, count in keys.items() if self._members.owns(service_of(key))]
        return len(keys), sum(keys.values()), len(owned), sum(owned)

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

    def _get(self, namespace: str, name: str) -> Answer:
        if not self.exists(namespace, name):
            return Refused(status=404, message=f"service {name} is not found!")
        return ServiceAnswer(self._described(namespace, name, self._instances(namespace, name)))

    def _delete(self, operation: DeleteService, now: float) -> Answer:
        """Delete a service here; the delete travels only when this node is responsible (R25, R26)."""
        namespace, name = operation.namespace, operation.service
        if not self.exists(namespace, name):
            return Refused(status=400, message=f"specified service not exist, serviceName : {name}")
        key = ephemeral_key(namespace, name)
        self._metadata.pop((namespace, name), None)
        self._replica.remove(key)
        if self._members.owns(name):
            self._sync.enqueue(key, Change.DELETE, now)
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
        listed = {(namespace_of(d.key), service_of(d.key)) for d in self._replica.store.data()}
        return sorted({*self._metadata, *listed})

    def _view(self, namespace: str, name: str) -> ServiceView:
        instances = self._instances(namespace, name)
        return ServiceView(
            service=self._described(namespace, name, instances),
            instances=instances,
            responsible=self._members.owns(name),
            checksum=self._replica.store.checksum(ephemeral_key(namespace, name)) or "",
        )

    def _described(self, namespace: str, name: str, instances: tuple[Instance, ...]) -> Service:
        """Return the metadata of a service; one that only has instances has the defaults."""
        service = self._metadata.get((namespace, name))
        clusters = {entry.cluster for entry in instances}
        if service is None:
            return Service(namespace=namespace, name=name, clusters=tuple(sorted(clusters)))
        return replace(service, clusters=tuple(sorted({*service.clusters, *clusters})))

    def _instances(self, namespace: str, name: str) -> tuple[Instance, ...]:
        stored = self._replica.instances(ephemeral_key(namespace, name))
        return stored.instances if stored else ()

    def _has_list(self, namespace: str, name: str) -> bool:
        return self._replica.instances(ephemeral_key(namespace, name)) is not None
