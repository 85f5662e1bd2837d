"""What a client is answered: frozen data in a closed union."""

from dataclasses import dataclass
from enum import StrEnum

from nodecore.core.commands import Command, Query
from nodecore.core.enquiries import MetricsAnswer, ResponsibleAnswer, ServicesAnswer, SwitchesAnswer
from nodecore.core.operations import AskedOfCp
from nodecore.core.records import Datum, Instance, Instances, Service
from nodecore.core.subscribers import Subscriber


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
    persistent: tuple[tuple[str, Instances], ...] = ()
    """What CP has applied here, by key, with the health that this node knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No: an HTTP status, a sentence, and whether nothing was done for certain (errors.py)."""

    status: int
    message: str
    definite: bool = True


@dataclass(frozen=True, slots=True)
class AskCp:
    """It is CP's: ask it this, and come back with its answer (`CpAnswered`)."""

    request: Command | Query
    operation: AskedOfCp


@dataclass(frozen=True, slots=True)
class WouldForward:
    """Another member is responsible, and the one who asked may not wait for it; nothing was done."""


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
    | AskCp
    | WouldForward
    | Relayed
)
