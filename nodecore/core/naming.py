"""What a client is answered by the node that serves it: services and instances (R10, R18, R25-R27, R4).

Invariant: every write is stored here first and then waits for every other member; service metadata acts on
this node alone and never touches an instance list.
"""

from dataclasses import replace
from typing import assert_never

from nodecore.config import Timings
from nodecore.core.events import Change
from nodecore.core.judge import SWITCHES, beat_interval_s
from nodecore.core.keys import ephemeral_key, is_ephemeral
from nodecore.core.members import Members
from nodecore.core.operations import (
    Answer,
    Beat,
    BeatAnswer,
    CreateService,
    DeleteService,
    DeregisterInstance,
    Done,
    GetInstance,
    GetService,
    InstanceAnswer,
    InstancesAnswer,
    InstanceWrite,
    ListInstances,
    ListSubscribers,
    PutRecord,
    ReadRecord,
    RecordAnswer,
    Refused,
    RegisterInstance,
    RemoveRecord,
    ServiceAnswer,
    SubscribersAnswer,
)
from nodecore.core.push import Pushes
from nodecore.core.records import Instance, InstanceId, Instances, Service
from nodecore.core.replica import Replica
from nodecore.core.sync import Sync

Local = (
    GetInstance
    | ListInstances
    | ListSubscribers
    | CreateService
    | GetService
    | DeleteService
    | PutRecord
    | RemoveRecord
    | ReadRecord
)

NO_CP = "persistent data is served by the CP protocol, and this node has no CP protocol yet"


class Naming:
    """Executes operations on this node's data."""

    def __init__(
        self, replica: Replica, members: Members, sync: Sync, pushes: Pushes, timings: Timings
    ) -> None:
        self._replica = replica
        self._pushes = pushes
        self._members = members
        self._sync = sync
        self._timings = timings
        self._services: dict[tuple[str, str], Service] = {}

    # ---- instances: executed by the responsible node (R10) ---------------------------------------

    def write(self, operation: InstanceWrite, now: float) -> Answer:
        """Execute a write for which this node is responsible."""
        match operation:
            case RegisterInstance():
                self._register(operation.namespace, operation.instance, now)
                return Done()
            case DeregisterInstance():
                return self._deregister(operation, now)
            case Beat():
                return self._beat(operation, now)
            case _:
                assert_never(operation)

    def _register(self, namespace: str, instance: Instance, now: float) -> None:
        key = ephemeral_key(namespace, instance.service)
        others = self._without(key, instance.identity)
        self._replica.put(key, Instances((*others, instance)), now)
        self._replica.beats.heard(key, instance.identity, now)
        self._sync.enqueue(key, Change.CHANGE, now)

    def _deregister(self, operation: DeregisterInstance, now: float) -> Answer:
        key = ephemeral_key(operation.namespace, operation.service)
        identity = (operation.ip, operation.port, operation.cluster)
        if self._find(key, identity) is not None:
            self._replica.put(key, Instances(self._without(key, identity)), now)
            self._sync.enqueue(key, Change.CHANGE, now)
        return Done()

    def _beat(self, operation: Beat, now: float) -> Answer:
        key = ephemeral_key(operation.namespace, operation.service)
        identity = (operation.ip, operation.port, operation.cluster)
        known = self._find(key, identity)
        if known is None and operation.instance is None:
            return self._beat_answer(None, known=False)
        if known is None and operation.instance is not None:
            self._register(operation.namespace, operation.instance, now)
            return self._beat_answer(operation.instance, known=True)
        self._replica.beats.heard(key, identity, now)
        if known is not None and not known.healthy and not known.marked:
            others = self._without(key, identity)
            self._replica.put(key, Instances((*others, replace(known, healthy=True))), now)
        return self._beat_answer(known, known=True)

    def _beat_answer(self, instance: Instance | None, *, known: bool) -> BeatAnswer:
        interval_s = beat_interval_s(instance, self._timings)
        return BeatAnswer(interval_s=interval_s, known=known, light_beats=SWITCHES.light_beat_enabled)

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
            case CreateService():
                answer = self.create_service(operation)
            case GetService():
                answer = self.service(operation)
            case DeleteService():
                answer = self.delete_service(operation, now)
            case PutRecord():
                answer = self.put_record(operation, now)
            case RemoveRecord():
                answer = self.remove_record(operation, now)
            case ReadRecord():
                answer = self.read_record(operation)
            case _:
                assert_never(operation)
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
        service = self._services.get((operation.namespace, operation.service))
        listed = [
            entry
            for entry in (stored.instances if stored else ())
            if entry.enabled and (not operation.clusters or entry.cluster in operation.clusters)
        ]
        listed = _protected(listed, service.protect_threshold if service else 0.0)
        return InstancesAnswer(
            namespace=operation.namespace,
            service=operation.service,
            instances=tuple(entry for entry in listed if entry.healthy or not operation.healthy_only),
            known=stored is not None or service is not None,
            checksum=self._replica.store.checksum(key) or "",
            cache_s=self._timings.list_cache_s,
        )

    def pushed(self, namespace: str, service: str, clusters: tuple[str, ...]) -> InstancesAnswer:
        """Return the list that a subscriber is sent: what it would be answered, healthy or not."""
        listed = self.instances(ListInstances(namespace=namespace, service=service, clusters=clusters))
        return replace(listed, cache_s=self._timings.push_cache_s)

    def _list(self, operation: ListInstances, now: float) -> InstancesAnswer:
        listed = self.instances(operation)
        subscriber = operation.subscriber
        if subscriber is None:
            return listed
        accepted = self._pushes.subscribe(operation.namespace, operation.service, subscriber, now)
        return replace(listed, cache_s=self._timings.push_cache_s) if accepted else listed

    # ---- services: on the node that was asked, never forwarded (R25) -----------------------------

    def create_service(self, operation: CreateService) -> Answer:
        """Store the metadata of a service that does not exist here."""
        service = operation.service
        if self._exists(service.namespace, service.name):
            sentence = f"specified service already exists, serviceName : {service.name}"
            return Refused(status=400, message=sentence)
        self._services[service.namespace, service.name] = service
        return Done()

    def service(self, operation: GetService) -> Answer:
        """Return the metadata of a service; one that only has instances has the defaults."""
        namespace, name = operation.namespace, operation.service
        if not self._exists(namespace, name):
            return Refused(status=404, message=f"service {name} is not found!")
        service = self._services.get((namespace, name), Service(namespace=namespace, name=name))
        stored = self._replica.instances(ephemeral_key(namespace, name))
        used = {entry.cluster for entry in stored.instances} if stored else set()
        return ServiceAnswer(replace(service, clusters=tuple(sorted({*service.clusters, *used}))))

    def delete_service(self, operation: DeleteService, now: float) -> Answer:
        """Delete a service here; the delete travels only when this node is responsible (R25, R26)."""
        namespace, name = operation.namespace, operation.service
        if not self._exists(namespace, name):
            return Refused(status=400, message=f"specified service not exist, serviceName : {name}")
        key = ephemeral_key(namespace, name)
        self._services.pop((namespace, name), None)
        self._replica.remove(key)
        if self._members.owns(name):
            self._sync.enqueue(key, Change.DELETE, now)
        return Done()

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

    def _without(self, key: str, identity: InstanceId) -> tuple[Instance, ...]:
        stored = self._replica.instances(key) or Instances()
        return tuple(entry for entry in stored.instances if entry.identity != identity)

    def _exists(self, namespace: str, name: str) -> bool:
        return (namespace, name) in self._services or (
            self._replica.instances(ephemeral_key(namespace, name)) is not None
        )


def _protected(listed: list[Instance], threshold: float) -> list[Instance]:
    """Return all as healthy when so few are that the rest would be overrun (reference 4.5).

    A threshold of 0 protects nothing: in the original it shows a lone dead instance as healthy (#2031).
    """
    healthy = sum(entry.healthy for entry in listed)
    if threshold <= 0 or not listed or healthy / len(listed) > threshold:
        return listed
    return [replace(entry, healthy=True) for entry in listed]
