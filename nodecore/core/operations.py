"""What a client can ask of a node: frozen data in a closed union; what it is answered: `answers`."""

from dataclasses import dataclass
from enum import StrEnum

from nodecore.core.enquiries import (
    ChangeSwitches,
    FindResponsible,
    ReadMembers,
    ReadMetrics,
    ReadServices,
    ReadSwitches,
    ResetNode,
)
from nodecore.core.records import ClusterChecks, Instance, InstanceId, Metadata, Record, Service
from nodecore.core.subscribers import Subscriber


class Consistency(StrEnum):
    """How fresh the answer to a read of persistent data has to be."""

    LINEARIZABLE = "linearizable"
    """As all that was acknowledged before the read began: it goes through the log of CP."""
    STALE = "stale"
    """What the node that was asked has applied so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterInstance:
    """POST /instance; also PUT /instance, which Nacos treats as an upsert."""

    namespace: str
    instance: Instance
    says_kind: bool = True
    """False: the request does not say `ephemeral`, and with CP a switch decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeregisterInstance:
    """DELETE /instance (R27)."""

    namespace: str
    service: str
    ip: str
    port: int
    cluster: str
    ephemeral: bool = True
    says_kind: bool = True
    """False: the request does not say `ephemeral`, and with CP a switch decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchInstance:
    """PATCH /instance: what is None stays as it is; `ephemeral` None: whichever is known here."""

    namespace: str
    service: str
    ip: str
    port: int
    cluster: str
    weight: float | None = None
    healthy: bool | None = None
    enabled: bool | None = None
    metadata: Metadata | None = None
    app: str | None = None
    ephemeral: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMetadata:
    """PUT and DELETE /instance/metadata/batch: some names of the metadata of many instances."""

    namespace: str
    service: str
    metadata: Metadata
    """DELETE looks at the names only."""
    remove: bool
    instances: tuple[InstanceId, ...] | None
    """None: all of them."""
    ephemeral: bool = True
    """Of which kind the instances are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetHealth:
    """PUT /health/instance: of a persistent instance whose cluster is not checked (NONE)."""

    namespace: str
    service: str
    ip: str
    port: int
    cluster: str
    healthy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """PUT /instance/beat; `instance` is the full beat's own description, None for a light beat."""

    namespace: str
    service: str
    ip: str
    port: int
    cluster: str
    instance: Instance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInstance:
    """GET /instance; `ephemeral` None: an ephemeral one if it is known here, else a persistent one."""

    namespace: str
    service: str
    ip: str
    port: int
    cluster: str
    ephemeral: bool | None = None
    consistency: Consistency = Consistency.LINEARIZABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInstances:
    """GET /instance/list; no clusters named means all."""

    namespace: str
    service: str
    clusters: tuple[str, ...] = ()
    healthy_only: bool = False
    subscriber: Subscriber | None = None
    """Who wants to be pushed what changes from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSubscribers:
    """GET /service/subscribers: who is pushed to by the node that was asked."""

    namespace: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateService:
    """POST /service: metadata in CP; without CP on the node that was asked."""

    service: Service


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateService:
    """PUT /service: metadata in CP; without CP on the node that was asked."""

    service: Service


@dataclass(frozen=True, slots=True, kw_only=True)
class SetChecks:
    """PUT /cluster: how the persistent instances of a cluster are checked (R19)."""

    namespace: str
    service: str
    checks: ClusterChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class GetService:
    """GET /service."""

    namespace: str
    service: str
    consistency: Consistency = Consistency.LINEARIZABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteService:
    """DELETE /service, never forwarded (R25, R26); with CP its metadata and persistent instances go first."""

    namespace: str
    service: str


@dataclass(frozen=True, slots=True)
class ReadState:
    """Everything an observer may want to know of a node at one moment; also answered before loading."""


@dataclass(frozen=True, slots=True)
class PutRecord:
    """ConsistencyService.put (R4): local first, then to every member (R11)."""

    key: str
    value: Record


@dataclass(frozen=True, slots=True)
class RemoveRecord:
    """ConsistencyService.remove (R4): local first, then as a delete of its own to every member (R12)."""

    key: str


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """ConsistencyService.get (R4)."""

    key: str


InstanceWrite = RegisterInstance | DeregisterInstance | PatchInstance | ChangeMetadata | Beat | SetHealth
"""What is forwarded to the responsible node (R10), unless it is CP's."""

AskedOfCp = (
    RegisterInstance
    | DeregisterInstance
    | PatchInstance
    | ChangeMetadata
    | CreateService
    | UpdateService
    | SetChecks
    | DeleteService
    | ChangeSwitches
    | GetInstance
    | GetService
)
"""What CP may have to be asked about."""


@dataclass(frozen=True, slots=True)
class CpAnswered:
    """CP has done what `operation` asks, or told `value`: the record it asks for, or the one it changed."""

    operation: AskedOfCp
    value: Record | None = None


Operation = (
    InstanceWrite
    | CpAnswered
    | GetInstance
    | ListInstances
    | ListSubscribers
    | CreateService
    | UpdateService
    | SetChecks
    | GetService
    | DeleteService
    | ReadServices
    | FindResponsible
    | ReadMembers
    | ReadMetrics
    | ReadSwitches
    | ChangeSwitches
    | ReadState
    | ResetNode
    | PutRecord
    | RemoveRecord
    | ReadRecord
)
