"""What a client can ask of a node, and what it is answered: frozen data in two closed unions."""

from dataclasses import dataclass
from enum import StrEnum

from nodecore.core.enquiries import (
    ChangeSwitches,
    FindResponsible,
    MetricsAnswer,
    ReadMembers,
    ReadMetrics,
    ReadServices,
    ReadSwitches,
    ResetNode,
    ResponsibleAnswer,
    ServicesAnswer,
    SwitchesAnswer,
)
from nodecore.core.records import Datum, Instance, InstanceId, Metadata, Record, Service
from nodecore.core.subscribers import Subscriber

# ---- what a client can ask ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterInstance:
    """POST /instance; also PUT /instance, which Nacos treats as an upsert."""

    namespace: str
    instance: Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class DeregisterInstance:
    """DELETE /instance (R27)."""

    namespace: str
    service: str
    ip: str
    port: int
    cluster: str
    ephemeral: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchInstance:
    """PATCH /instance: what is None stays as it is."""

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
    """GET /instance."""

    namespace: str
    service: str
    ip: str
    port: int
    cluster: str


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
    """POST /service: metadata on the node that was asked."""

    service: Service


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateService:
    """PUT /service: metadata on the node that was asked."""

    service: Service


@dataclass(frozen=True, slots=True, kw_only=True)
class GetService:
    """GET /service."""

    namespace: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteService:
    """DELETE /service, never forwarded (R25, R26)."""

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


InstanceWrite = RegisterInstance | DeregisterInstance | PatchInstance | ChangeMetadata | Beat
"""What is forwarded to the responsible node (R10)."""

Operation = (
    InstanceWrite
    | GetInstance
    | ListInstances
    | ListSubscribers
    | CreateService
    | UpdateService
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

# ---- what a client is answered ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """The body `ok`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatAnswer:
    """`interval_s` is in real seconds; `known` False is Nacos' code 20404: register again."""

    interval_s: float
    known: bool
    light_beats: bool


@dataclass(frozen=True, slots=True)
class UpdatedAnswer:
    """The instances whose metadata are now as was asked."""

    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class InstanceAnswer:
    """One instance."""

    instance: Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancesAnswer:
    """The list of a service; `known` False when nobody ever registered it here."""

    namespace: str
    service: str
    instances: tuple[Instance, ...]
    known: bool
    checksum: str
    cache_s: float
    """Real seconds until a client should ask again; longer when it is pushed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscriber of a service."""

    namespace: str
    service: str
    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class SubscribersAnswer:
    """All that are pushed to, in the order in which they came."""

    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """Service metadata."""

    service: Service


class MemberState(StrEnum):
    """DOWN and SUSPICIOUS are both unhealthy: out of the ring (R17)."""

    UP = "UP"
    SUSPICIOUS = "SUSPICIOUS"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as one node sees it."""

    address: str
    state: MemberState
    reports_failed: int = 0


@dataclass(frozen=True, slots=True)
class MembersAnswer:
    """All members in ring order (string order of `ip:port`)."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class RecordAnswer:
    """The datum of a key, None when there is none."""

    datum: Datum | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAnswer:
    """A node's whole view, the store in key order. `pending` waits for a peer (R11), `calls` carry data."""

    name: str
    address: str
    profile: str
    loaded: bool
    stalled: bool
    members: tuple[Member, ...]
    ring: tuple[str, ...]
    pending: int
    calls: int
    merges_owed: tuple[str, ...]
    data: tuple[Datum, ...]
    checksums: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No: an HTTP status, a sentence, and whether nothing was done for certain (errors.py)."""

    status: int
    message: str
    definite: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """A forwarded answer exactly as the responsible node gave it over HTTP."""

    status: int
    content_type: str
    body: bytes


Answer = (
    Done
    | BeatAnswer
    | UpdatedAnswer
    | InstanceAnswer
    | InstancesAnswer
    | SubscribersAnswer
    | ServiceAnswer
    | ServicesAnswer
    | MetricsAnswer
    | SwitchesAnswer
    | ResponsibleAnswer
    | MembersAnswer
    | RecordAnswer
    | StateAnswer
    | Refused
    | Relayed
)
