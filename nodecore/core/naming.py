"""What is answered by whichever node was asked: instances, their lists, and the records of R4 (R10).

Invariant: nothing here is forwarded; a record that is put here is stored first and then waits for every
other member.
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
from nodecore.core.events import Change
from nodecore.core.keys import ephemeral_key, is_ephemeral
from nodecore.core.operations import (
    GetInstance,
    ListInstances,
    ListSubscribers,
    PutRecord,
    ReadRecord,
    RemoveRecord,
)
from nodecore.core.push import Pushes
from nodecore.core.records import Instance, InstanceId, Instances
from nodecore.core.replica import Replica
from nodecore.core.services import ServiceOperation, Services
from nodecore.core.switches import Switches
from nodecore.core.sync import Sync

Local = (
    GetInstance | ListInstances | ListSubscribers | ServiceOperation | PutRecord | RemoveRecord | ReadRecord
)

NO_CP = "persistent data is served by the CP protocol, and this node has no CP protocol yet"


class Naming:
    """Executes operations on this node's data."""

    def __init__(
        self, replica: Replica, sync: Sync, pushes: Pushes, services: Services, switches: Switches
    ) -> None:
        self._replica = replica
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
        """Return one instance, or the sentence that says which part of its name is unknown."""
        key = ephemeral_key(operation.namespace, operation.service)
        instances = self._replica.instances(key)
        if instances is None:
            return Refused(status=404, message=f"no service {operation.service} found!")
        if not any(entry.cluster == operation.cluster for entry in instances.instances):
            sentence = f"no ips found for cluster {operation.cluster} in service {operation.service}"
            return Refused(status=404, message=sentence)
        found = self._find(key, (operation.ip, operation.port, operation.cluster))
        return InstanceAnswer(found) if found else Refused(status=404, message="no matched ip found!")

    def instances(self, operation: ListInstances) -> InstancesAnswer:
        """Return the list of a service as clients are to use it."""
        key = ephemeral_key(operation.namespace, operation.service)
        stored = self._replica.instances(key)
        listed = [
            entry
            for entry in (stored.instances if stored else ())
            if entry.enabled and (not operation.clusters or entry.cluster in operation.clusters)
        ]
        listed = _protected(listed, self._services.protect_threshold(operation.namespace, operation.service))
        return InstancesAnswer(
            namespace=operation.namespace,
            service=operation.service,
            instances=tuple(entry for entry in listed if entry.healthy or not operation.healthy_only),
            known=self._services.exists(operation.namespace, operation.service),
            checksum=self._replica.store.checksum(key) or "",
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

    # ---- helpers ---------------------------------------------------------------------------------

    def _find(self, key: str, identity: InstanceId) -> Instance | None:
        stored = self._replica.instances(key) or Instances()
        return next((entry for entry in stored.instances if entry.identity == identity), None)


def _protected(listed: list[Instance], threshold: float) -> list[Instance]:
    """Return all as healthy when so few are that the rest would be overrun (reference 4.5).

    A threshold of 0 protects nothing: in the original it shows a lone dead instance as healthy (#2031).
    """
    healthy = sum(entry.healthy for entry in listed)
    if threshold <= 0 or not listed or healthy / len(listed) > threshold:
        return listed
    return [replace(entry, healthy=True) for entry in listed]
