"""The values the documents name (R6): Record, Instances, Service, SwitchDomain and the Datum around them."""

from dataclasses import dataclass
from enum import StrEnum

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


class ServerStatus(StrEnum):
    """What a node may be told to call itself, whatever it is (the switch overriddenServerStatus)."""

    UP = "UP"
    DOWN = "DOWN"
    STARTING = "STARTING"
    PAUSED = "PAUSED"
    WRITE_ONLY = "WRITE_ONLY"
    READ_ONLY = "READ_ONLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDomain:
    """Switches that change a running node; defaults are those of reference/nacos-1.4.md section 8.

    They act on the node that was asked until CP serves them. The first group acts; the rest is kept and
    shown, for what it would switch is not part of this node. Milliseconds are real ones, as on the wire.
    """

    health_check_enabled: bool = True
    """False: nobody's beats are judged, but for services on the white list."""
    health_check_white_list: tuple[str, ...] = ()
    light_beat_enabled: bool = True
    client_beat_interval_ms: int = 5000
    default_cache_ms: int = 3000
    default_push_cache_ms: int = 10000
    push_enabled: bool = True
    overridden_server_status: ServerStatus | None = None
    expire_instances: bool = True
    """No switch in the original but a setting: False keeps silent instances for ever."""

    masters: tuple[str, ...] = ()
    distro_threshold: float = 0.7
    auto_change_health_check_enabled: bool = True
    distro_enabled: bool = True
    enable_standalone: bool = True
    check_times: int = 3
    server_status_period_ms: int = 2000
    service_status_period_ms: int = 5000
    disable_add_ip: bool = False
    send_beat_only: bool = False
    limited_url_map: tuple[tuple[str, int], ...] = ()
    distro_server_expired_ms: int = 10000
    push_versions: tuple[tuple[str, str], ...] = (
        ("Go", "0.1.0"),
        ("Java", "0.1.0"),
        ("Python", "0.4.3"),
        ("C", "1.0.12"),
        ("CSharp", "0.9.0"),
    )
    enable_authentication: bool = False
    default_instance_ephemeral: bool = True


Record = Instances | Service | SwitchDomain


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """A key and its record; the timestamp is decorative in Distro (reference 1.1) and nothing compares it."""

    key: str
    value: Record
    timestamp: int = 1
