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


class CheckerKind(StrEnum):
    """How persistent instances are checked (reference 5.4); ephemeral ones are judged by their beats."""

    TCP = "TCP"
    HTTP = "HTTP"
    MYSQL = "MYSQL"
    NONE = "NONE"
    """Not at all: their health is what PUT /health/instance says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """A check and what it needs to know: `path` to `expected_code` for HTTP, the rest for MySQL."""

    kind: CheckerKind = CheckerKind.TCP
    path: str = "/"
    headers: Metadata = ()
    expected_code: int = 200
    user: str = ""
    password: str = ""
    command: str = "SELECT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChecks:
    """How the persistent instances of one cluster are checked, and where."""

    name: str = DEFAULT_CLUSTER
    checker: Checker = Checker()
    check_port: int = 80
    use_instance_port: bool = True
    """False: `check_port` is checked instead of each instance's own port."""
    metadata: Metadata = ()

    def port_of(self, instance: Instance) -> int:
        """Return the port at which an instance is checked."""
        return instance.port if self.use_instance_port else self.check_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Service metadata (Service > Cluster > Instance); without CP it acts on the node that was asked."""

    namespace: str
    name: str
    """The grouped name, `group@@service`."""
    protect_threshold: float = 0.0
    metadata: Metadata = ()
    clusters: tuple[str, ...] = ()
    """What is shown: the clusters of its checks and of its instances."""
    checks: tuple[ClusterChecks, ...] = ()
    """Of clusters that were told how to be checked, sorted by name; the others are checked by TCP."""

    def checks_of(self, cluster: str) -> ClusterChecks:
        """Return how a cluster is checked."""
        return next((entry for entry in self.checks if entry.name == cluster), ClusterChecks(name=cluster))


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

    With CP they act on all nodes, without it on the node that was asked. The first group acts; the rest is
    kept and shown, for what it would switch is not part of this node. Milliseconds are real ones, as on the
    wire.
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
    check_times: int = 3
    """So many checks in a row with the same soft result change the health of a persistent instance."""
    service_status_period_ms: int = 5000
    """How often the responsible node tells all members the health of persistent instances."""
    default_instance_ephemeral: bool = True
    """What an instance is whose registration does not say it."""

    masters: tuple[str, ...] = ()
    distro_threshold: float = 0.7
    auto_change_health_check_enabled: bool = True
    distro_enabled: bool = True
    enable_standalone: bool = True
    server_status_period_ms: int = 2000
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


Record = Instances | Service | SwitchDomain


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """A key and its record; the timestamp is decorative in Distro (reference 1.1) and nothing compares it."""

    key: str
    value: Record
    timestamp: int = 1


def instances_in(*data: Datum) -> int:
    """Return how many instances there are in these data: what they weigh."""
    return sum(len(datum.value.instances) for datum in data if isinstance(datum.value, Instances))
