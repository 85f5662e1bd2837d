"""What is answered by whichever node was asked: instances, their lists, and the records of R4 (R10).

Invariant: nothing here is forwarded; a record that is put here is stored first and then waits for every
other member. Persistent instances are only read here: CP writes them.
"""

from dataclasses import replace

from nodecore.core.answers import (
    Answer,
    Done,
    InstanceAnswer,
    InstancesAnswer,
    RecordAnswer,
    Refused,
    SubscribersAnswer,
)
from nodecore.core.catalogue import Catalogue
from nodecore.core.events import Change
from nodecore.core.keys import is_ephemeral
from nodecore.core.operations import (
    GetInstance,
    ListInstances,
    ListSubscribers,
    PutRecord,
    ReadRecord,
    RemoveRecord,
)
from nodecore.core.push import Pushes
from nodecore.core.records import Instance, InstanceId, Instances, Record
from nodecore.core.replica import Replica
from nodecore.core.services import NO_CP, ServiceOperation, Services
from nodecore.core.switches import Switches
from nodecore.core.sync import Sync

Local = (
    GetInstance | ListInstances | ListSubscribers | ServiceOperation | PutRecord | RemoveRecord | ReadRecord
)


class Naming:
    """Executes operations on this node's data."""

    def __init__(
        self,
        replica: Replica,
        catalogue: Catalogue,
        sync: Sync,
        pushes: Pushes,
        services: Services,
        switches: Switches,
    ) -> None:
        self._replica = replica
        self._catalogue = catalogue
        self._sync = sync
        self._pushes = pushes
        self._services = services
        self._switches = switches

    # ---- everything that is answered by whichever node was asked ---------------------------------

    def local(self, operation: Local, now: float) -> Answer:
        """Answer what is never forwarded."""
        match operation:
            case GetInstance():
                answer: Answer = self.instance(operation)
            case ListInstances():
                answer = self._list(operation, now)
            case ListSubscribers(namespace=namespace, service=service):
                answer = SubscribersAnswer(self._pushes.subscriptions(namespace, service, now))
            case PutRecord():
                answer = self.put_record(operation, now)
            case RemoveRecord():
                answer = self.remove_record(operation, now)
            case ReadRecord():
                answer = self.read_record(operation)
            case _:
                answer = self._services.answer(operation, now)
        return answer

    # ---- reads: answered by whichever node was asked ---------------------------------------------

    def instance(self, operation: GetInstance) -> Answer:
        """Return one ephemeral instance, or the sentence that says which part of its name is unknown."""
        return _one(operation, self._catalogue.ephemeral(operation.namespace, operation.service))

    def persistent_instance(self, operation: GetInstance, applied: Record | None) -> Answer:
        """Return one persistent instance out of the list that CP read, with the health that is known here."""
        listed = applied.instances if isinstance(applied, Instances) else None
        answer = _one(operation, listed)
        if not isinstance(answer, InstanceAnswer):
            return answer
        known = self._catalogue.persistent(operation.namespace, operation.service) or ()
        health = {entry.identity: entry.healthy for entry in known}
        instance = answer.instance
        return InstanceAnswer(replace(instance, healthy=health.get(instance.identity, instance.healthy)))

    def applied(self, operation: GetInstance) -> Instances | None:
        """Return the persistent instances of a service that CP has applied here so far."""
        listed = self._catalogue.persistent(operation.namespace, operation.service)
        return None if listed is None else Instances(listed)

    def knows_ephemeral(self, operation: GetInstance) -> bool:
        """Say whether an ephemeral instance of that name is known here."""
        listed = self._catalogue.ephemeral(operation.namespace, operation.service) or ()
        return _found(operation, listed) is not None

    def instances(self, operation: ListInstances) -> InstancesAnswer:
        """Return the list of a service as clients are to use it."""
        listed = [
            entry
            for entry in self._catalogue.instances(operation.namespace, operation.service) or ()
            if entry.enabled and (not operation.clusters or entry.cluster in operation.clusters)
        ]
        listed = _protected(listed, self._services.protect_threshold(operation.namespace, operation.service))
        return InstancesAnswer(
            namespace=operation.namespace,
            service=operation.service,
            instances=tuple(entry for entry in listed if entry.healthy or not operation.healthy_only),
            known=self._services.exists(operation.namespace, operation.service),
            checksum=self._catalogue.checksum(operation.namespace, operation.service),
            cache_s=self._switches.list_cache_s,
        )

    def pushed(self, namespace: str, service: str, clusters: tuple[str, ...]) -> InstancesAnswer:
        """Return the list that a subscriber is sent: what it would be answered, healthy or not."""
        listed = self.instances(ListInstances(namespace=namespace, service=service, clusters=clusters))
        return replace(listed, cache_s=self._switches.push_cache_s)

    def _list(self, operation: ListInstances, now: float) -> InstancesAnswer:
        listed = self.instances(operation)
        subscriber = operation.subscriber
        if subscriber is None:
            return listed
        accepted = self._pushes.subscribe(operation.namespace, operation.service, subscriber, now)
        return replace(listed, cache_s=self._switches.push_cache_s) if accepted else listed

    # ---- records: what ConsistencyService offers (R4) --------------------------------------------

    def put_record(self, operation: PutRecord, now: float) -> Answer:
        """Store a record here, then send it to every other member, whoever owns it."""
        if not is_ephemeral(operation.key):
            return Refused(status=501, message=f"{operation.key}: {NO_CP}")
        if not isinstance(operation.value, Instances):
            sentence = f"{operation.key}: an instance list was expected, not {type(operation.value).__name__}"
            return Refused(status=400, message=sentence)
        self._replica.put(operation.key, operation.value, now)
        self._sync.enqueue(operation.key, Change.CHANGE, now)
        return Done()

    def remove_record(self, operation: RemoveRecord, now: float) -> Answer:
        """Remove a record here, then delete it on every other member, whoever owns it."""
        if not is_ephemeral(operation.key):
            return Refused(status=501, message=f"{operation.key}: {NO_CP}")
        self._replica.remove(operation.key)
        self._sync.enqueue(operation.key, Change.DELETE, now)
        return Done()

    def read_record(self, operation: ReadRecord) -> Answer:
        """Return what the store holds under a key."""
        if not is_ephemeral(operation.key):
            return Refused(status=501, message=f"{operation.key}: {NO_CP}")
        return RecordAnswer(self._replica.store.get(operation.key))


def _one(operation: GetInstance, listed: tuple[Instance, ...] | None) -> Answer:
    if listed is None:
        return Refused(status=404, message=f"no service {operation.service} found!")
    if not any(entry.cluster == operation.cluster for entry in listed):
        sentence = f"no ips found for cluster {operation.cluster} in service {operation.service}"
        return Refused(status=404, message=sentence)
    found = _found(operation, listed)
    return InstanceAnswer(found) if found else Refused(status=404, message="no matched ip found!")


def _found(operation: GetInstance, listed: tuple[Instance, ...]) -> Instance | None:
    identity: InstanceId = (operation.ip, operation.port, operation.cluster)
    return next((entry for entry in listed if entry.identity == identity), None)


def _protected(listed: list[Instance], threshold: float) -> list[Instance]:
    """Return all as healthy when so few are that the rest would be overrun (reference 4.5).

    A threshold of 0 protects nothing: in the original it shows a lone dead instance as healthy (#2031).
    """
    healthy = sum(entry.healthy for entry in listed)
    if threshold <= 0 or not listed or healthy / len(listed) > threshold:
        return listed
    return [replace(entry, healthy=True) for entry in listed]
