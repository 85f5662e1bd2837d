"""The values the documents name (R6): Record, Instances, Service, SwitchDomain and the Datum around them."""

from dataclasses import dataclass

DEFAULT_CLUSTER = "DEFAULT"
DEFAULT_GROUP = "DEFAULT_GROUP"
DEFAULT_NAMESPACE = "public"

Metadata = tuple[tuple[str, str], ...]
"""Sorted `(name, value)` pairs: hashable, and the same order in every process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance of a service. When it last beat is no part of it: that is known to its judge only."""

    ip: str
    port: int
    service: str
    """The grouped name, `group@@service`."""
    cluster: str = DEFAULT_CLUSTER
    weight: float = 1.0
    healthy: bool = True
    enabled: bool = True
    ephemeral: bool = True
    marked: bool = False
    metadata: Metadata = ()
    app: str = "DEFAULT"

    @property
    def identity(self) -> "InstanceId":
        """What makes two entries the same instance: address and cluster."""
        return (self.ip, self.port, self.cluster)

    @property
    def instance_id(self) -> str:
        """The id clients see: `ip#port#cluster#group@@service`."""
        return f"{self.ip}#{self.port}#{self.cluster}#{self.service}"


InstanceId = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Instances:
    """All instances of one service: the unit Distro replicates."""

    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Service metadata (Service > Cluster > Instance); acts on the node that was asked until CP serves it."""

    namespace: str
    name: str
    """The grouped name, `group@@service`."""
    protect_threshold: float = 0.0
    metadata: Metadata = ()
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDomain:
    """Switches that change a running node; defaults are those of reference/nacos-1.4.md section 8."""

    distro_enabled: bool = True
    health_check_enabled: bool = True
    light_beat_enabled: bool = True
    expire_instances: bool = True


Record = Instances | Service | SwitchDomain


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """A key and its record; the timestamp is decorative in Distro (reference 1.1) and nothing compares it."""

    key: str
    value: Record
    timestamp: int = 1
