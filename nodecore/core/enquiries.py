"""What operators ask of a node and what they are answered: services, metrics, switches.

Invariant: nothing here changes what clients are listed, but switches; all is about the node that was asked.
"""

from dataclasses import dataclass

from nodecore.core.records import Instance, ServerStatus, Service, SwitchDomain


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadServices:
    """All services, those of one namespace, or one service; what lists and catalogues are made of."""

    namespace: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindResponsible:
    """GET /operator/distro/server: who this node believes owns the service (R9)."""

    service: str


@dataclass(frozen=True, slots=True)
class ResetNode:
    """POST /cutheal/reset: be as just after loading, with the same members (`nodecore.core.reset`)."""


@dataclass(frozen=True, slots=True)
class ReadMembers:
    """All members: GET /core/cluster/nodes and its like."""


@dataclass(frozen=True, slots=True)
class ReadMetrics:
    """GET /operator/metrics; also answered before loading."""


@dataclass(frozen=True, slots=True)
class ReadSwitches:
    """GET /operator/switches; also answered before loading."""


@dataclass(frozen=True, slots=True)
class ChangeSwitches:
    """PUT /operator/switches: fields of SwitchDomain and their new values."""

    changes: tuple[tuple[str, object], ...]
    here_only: bool = False
    """`debug=true`: on the node that was asked, until one is changed for all. Without CP it always is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """One service as a node sees it."""

    service: Service
    instances: tuple[Instance, ...]
    """Disabled and unhealthy ones too, without protection."""
    responsible: bool
    checksum: str
    """Of the instance list, as verify compares it."""


@dataclass(frozen=True, slots=True)
class ServicesAnswer:
    """The services asked for, by namespace and grouped name."""

    services: tuple[ServiceView, ...]


@dataclass(frozen=True, slots=True)
class ResponsibleAnswer:
    """The `ip:port` this node believes responsible."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsAnswer:
    """Counts of one moment; `status` is what the node calls itself."""

    status: ServerStatus
    services: int
    instances: int
    services_owned: int
    instances_owned: int
    records: int
    """Keys in the store."""
    pending: int
    """Changes and deletes that wait for a member, over all members."""
    subscribers: int
    members: tuple[tuple[str, int], ...]
    """How many members are in each state, this node included."""


@dataclass(frozen=True, slots=True)
class SwitchesAnswer:
    """The switches as they are."""

    switches: SwitchDomain
