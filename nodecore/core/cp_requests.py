"""Which operations are CP's business, what is asked of it, and what its answer makes of them.

The core itself asks nothing: it says what is to be asked, and is told what CP answered. Invariant: a node
without CP asks nothing of it; what CP confirmed never touches an ephemeral list, but for the deletion of a
service, of which the ephemeral half is done on the node that was asked (R25, R26).
"""

from dataclasses import replace
from typing import assert_never

from nodecore.core.answers import Answer, AskCp, Done, Refused, UpdatedAnswer
from nodecore.core.catalogue import Catalogue
from nodecore.core.commands import INSTANCES_GROUP, METADATA_GROUP, SWITCH_GROUP, Command, Kind, Query
from nodecore.core.enquiries import ChangeSwitches
from nodecore.core.keys import SWITCH_KEY, is_persistent, metadata_key, persistent_key
from nodecore.core.naming import Naming
from nodecore.core.operations import (
    Beat,
    ChangeMetadata,
    Consistency,
    CpAnswered,
    CreateService,
    DeleteService,
    DeregisterInstance,
    GetInstance,
    GetService,
    Operation,
    PatchInstance,
    RegisterInstance,
    SetChecks,
    UpdateService,
)
from nodecore.core.persistent import PATCHED_FIELDS
from nodecore.core.records import Instance, InstanceId, Instances, Service, SwitchDomain
from nodecore.core.services import Services
from nodecore.core.switches import Switches

Named = RegisterInstance | DeregisterInstance | PatchInstance | ChangeMetadata


class CpRequests:
    """Asks CP on behalf of clients of a node that has it."""

    def __init__(self, catalogue: Catalogue, naming: Naming, services: Services, switches: Switches) -> None:
        self._catalogue = catalogue
        self._naming = naming
        self._services = services
        self._switches = switches

    # ---- what is CP's ----------------------------------------------------------------------------

    def asked(self, operation: Operation) -> Answer | None:
        """Return what CP is to be asked, or why not; None for what is not CP's business."""
        match operation:
            case RegisterInstance() | DeregisterInstance() | PatchInstance() | ChangeMetadata():
                return self._of_instances(operation)
            case Beat(instance=Instance(ephemeral=False)):
                return Refused(status=400, message="a persistent instance does not beat: it is checked")
            case CreateService() | UpdateService() | SetChecks() | DeleteService():
                return self._of_services(operation)
            case ChangeSwitches(here_only=False):
                return _switches_asked(operation)
            case GetInstance() | GetService():
                return self._read(operation)
            case _:
                return None

    def answered(self, said: CpAnswered, now: float) -> Answer:
        """Return what the client is answered now that CP has done its part."""
        operation, value = said.operation, said.value
        match operation:
            case GetInstance():
                return self._naming.persistent_instance(operation, value)
            case GetService():
                return self._services.get(operation, value if isinstance(value, Service) else None)
            case ChangeMetadata():
                return UpdatedAnswer(value.instances if isinstance(value, Instances) else ())
            case DeleteService():
                self._services.delete_list(operation, now)
                return Done()
            case _:
                return Done()

    # ---- instances -------------------------------------------------------------------------------

    def _of_instances(self, operation: Named) -> Answer | None:
        if self._is_ephemeral(operation):
            return None
        service = operation.instance.service if isinstance(operation, RegisterInstance) else operation.service
        key = persistent_key(operation.namespace, service)
        if not is_persistent(key):
            sentence = f"namespaceId {operation.namespace} cannot hold persistent instances: choose another"
            return Refused(status=400, message=sentence)
        if isinstance(operation, PatchInstance) and operation.healthy is not None:
            sentence = "the health of a persistent instance is what its checks say: leave out healthy"
            return Refused(status=400, message=sentence)
        return AskCp(_instances_command(operation, key), operation)

    def _is_ephemeral(self, operation: Named) -> bool:
        match operation:
            case RegisterInstance(says_kind=False) | DeregisterInstance(says_kind=False):
                return self._switches.now.default_instance_ephemeral
            case RegisterInstance(instance=instance):
                return instance.ephemeral
            case PatchInstance(ephemeral=None):
                return not self._knows_persistent_only(operation)
            case DeregisterInstance() | PatchInstance() | ChangeMetadata():
                return operation.ephemeral is not False

    def _knows_persistent_only(self, operation: PatchInstance) -> bool:
        identity = (operation.ip, operation.port, operation.cluster)
        ephemeral = self._catalogue.ephemeral(operation.namespace, operation.service) or ()
        persistent = self._catalogue.persistent(operation.namespace, operation.service) or ()
        return not _holds(ephemeral, identity) and _holds(persistent, identity)

    # ---- services and switches -------------------------------------------------------------------

    def _of_services(self, operation: CreateService | UpdateService | SetChecks | DeleteService) -> AskCp:
        match operation:
            case CreateService(service=service):
                kind, record = Kind.CREATE, service
            case UpdateService(service=service):
                kind, record = Kind.UPDATE, service
            case SetChecks():
                name, checks = operation.service, (operation.checks,)
                kind, record = (
                    Kind.SET_CHECKS,
                    Service(namespace=operation.namespace, name=name, checks=checks),
                )
            case DeleteService():
                kind, record = Kind.DELETE, Service(namespace=operation.namespace, name=operation.service)
            case _:
                assert_never(operation)
        command = Command(
            group=METADATA_GROUP,
            key=metadata_key(record.namespace, record.name),
            kind=kind,
            record=None if kind is Kind.DELETE else record,
            listed=self._catalogue.ephemeral(record.namespace, record.name) is not None,
        )
        return AskCp(command, operation)

    # ---- reads -----------------------------------------------------------------------------------

    def _read(self, operation: GetInstance | GetService) -> Answer | None:
        """One record is read through the log, unless the client takes what this node has."""
        if isinstance(operation, GetService):
            if operation.consistency is Consistency.STALE:
                return None
            key = metadata_key(operation.namespace, operation.service)
            return AskCp(Query(group=METADATA_GROUP, key=key), operation)
        if operation.ephemeral or (operation.ephemeral is None and self._naming.knows_ephemeral(operation)):
            return None
        key = persistent_key(operation.namespace, operation.service)
        if operation.consistency is Consistency.STALE:
            return self._naming.persistent_instance(operation, self._naming.applied(operation))
        return AskCp(Query(group=INSTANCES_GROUP, key=key), operation)


def _switches_asked(operation: ChangeSwitches) -> AskCp:
    changes = dict(operation.changes)
    record = replace(SwitchDomain(), **changes)  # type: ignore[arg-type]
    command = Command(
        group=SWITCH_GROUP, key=SWITCH_KEY, kind=Kind.PUT, record=record, fields=tuple(sorted(changes))
    )
    return AskCp(command, operation)


def _instances_command(operation: Named, key: str) -> Command:
    match operation:
        case RegisterInstance(instance=instance):
            return _command(key, Kind.REGISTER, replace(instance, ephemeral=False))
        case DeregisterInstance():
            return _command(key, Kind.DEREGISTER, _named(operation))
        case PatchInstance():
            given = {
                name: value for name in PATCHED_FIELDS if (value := getattr(operation, name)) is not None
            }
            command = _command(key, Kind.PATCH, replace(_named(operation), **given))
            return replace(command, fields=tuple(sorted(given)))
        case ChangeMetadata():
            kind = Kind.REMOVE_METADATA if operation.remove else Kind.SET_METADATA
            named = operation.instances
            command = _command(key, kind, *(_with_metadata(operation, i) for i in named or (("", 0, ""),)))
            return replace(command, all_instances=named is None)


def _command(key: str, kind: Kind, *instances: Instance) -> Command:
    return Command(group=INSTANCES_GROUP, key=key, kind=kind, record=Instances(instances))


def _named(operation: DeregisterInstance | PatchInstance) -> Instance:
    ip, port, cluster = operation.ip, operation.port, operation.cluster
    return Instance(ip=ip, port=port, service=operation.service, cluster=cluster, ephemeral=False)


def _with_metadata(operation: ChangeMetadata, identity: InstanceId) -> Instance:
    ip, port, cluster = identity
    return Instance(
        ip=ip,
        port=port,
        service=operation.service,
        cluster=cluster,
        ephemeral=False,
        metadata=operation.metadata,
    )


def _holds(instances: tuple[Instance, ...], identity: InstanceId) -> bool:
    return any(entry.identity == identity for entry in instances)
