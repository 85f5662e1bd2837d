"""What a client's parameters mean: Nacos' names, defaults and leniency (nacos-1.4.md 9, nacos-clients.md).

Invariant: a parameter is either understood or refused with a sentence that says what would be right; nothing
a client writes gets further into the node unchecked.
"""

import ipaddress
import re
import socket
from collections.abc import Mapping

from nodecore.core.operations import Consistency
from nodecore.core.records import (
    DEFAULT_CLUSTER,
    DEFAULT_GROUP,
    DEFAULT_NAMESPACE,
    Instance,
    Metadata,
)
from nodecore.core.subscribers import Subscriber, cluster_names
from nodecore.errors import BadRequest, Malformed
from nodecore.runtime.wire.values import (
    as_flag,
    as_integer,
    as_metadata,
    as_number,
    as_text,
    load_object,
)

WEIGHT_MAX = 10000.0
PORT_MAX = 65535
_NAME_LENGTH_MAX = 512

_SERVICE = re.compile(r"[0-9a-zA-Z@.:_-]+")
_CLUSTER = re.compile(r"[0-9a-zA-Z-]+")
_NAMESPACE = re.compile(r"[0-9a-zA-Z_.-]+")
_HOST = re.compile(r"[0-9a-zA-Z.:_-]+")
_DOTTED = re.compile(r"[0-9.]+")
_TRUE = frozenset({"true", "on", "yes", "y", "t"})

Parameters = Mapping[str, str]


def required(parameters: Parameters, name: str) -> str:
    """Return a parameter that must be there and not be blank."""
    value = parameters.get(name, "").strip()
    if not value:
        raise BadRequest(f"Param '{name}' is required.")
    return value


def optional(parameters: Parameters, names: tuple[str, ...], default: str) -> str:
    """Return the first of these parameters that is not blank."""
    return next((value for name in names if (value := parameters.get(name, "").strip())), default)


def namespace(parameters: Parameters) -> str:
    """Return the namespace; `public` by default."""
    value = optional(parameters, ("namespaceId",), DEFAULT_NAMESPACE)
    return _matching("namespaceId", value, _NAMESPACE, "0-9a-zA-Z_.-")


def grouped_service(parameters: Parameters) -> str:
    """Return `group@@service`; a name that has its group already wins over `groupName`."""
    name = required(parameters, "serviceName")
    if "@@" not in name:
        name = f"{optional(parameters, ('groupName',), DEFAULT_GROUP)}@@{name}"
    return checked_service(name)


def checked_service(name: str) -> str:
    """Return a grouped name whose two halves are there and whose characters are allowed."""
    _matching("serviceName", name, _SERVICE, "0-9a-zA-Z-._:@")
    group, _, service = name.partition("@@")
    if not group or not service:
        raise BadRequest(
            "Param 'serviceName' is illegal, it should be format as 'groupName@@serviceName', "
            f"current: {_shown(name)}"
        )
    return name


def cluster(parameters: Parameters) -> str:
    """Return the cluster's name; `DEFAULT` by default."""
    return checked_cluster(optional(parameters, ("clusterName", "cluster"), DEFAULT_CLUSTER))


def checked_cluster(name: str) -> str:
    """Return a cluster name whose characters are allowed."""
    return _matching("clusterName", name, _CLUSTER, "0-9a-zA-Z-")


def cluster_list(parameters: Parameters) -> tuple[str, ...]:
    """Return the clusters asked for; none means all."""
    return cluster_names(parameters.get("clusters", ""))


def subscriber(parameters: Parameters, agent: str, remote_ip: str) -> Subscriber | None:
    """Return who asks to be pushed to: `udpPort`, at `clientIP` or where the request came from."""
    udp_port = _port("udpPort", optional(parameters, ("udpPort",), "0"))
    if not udp_port:
        return None
    return Subscriber(
        ip=_address("clientIP", optional(parameters, ("clientIP",), remote_ip)),
        port=udp_port,
        agent=_short("User-Agent", agent),
        clusters=_short("clusters", parameters.get("clusters", "")),
        app=_short("app", optional(parameters, ("app",), "unknown")),
    )


def ip(parameters: Parameters) -> str:
    """Return the address of an instance."""
    return checked_ip(required(parameters, "ip"))


def checked_ip(value: str) -> str:
    """Return an IP address or host name; digits and dots must make an IPv4 address."""
    _matching("ip", value, _HOST, "0-9a-zA-Z.:_-")
    if _DOTTED.fullmatch(value):
        try:
            socket.inet_pton(socket.AF_INET, value)
        except OSError as error:
            raise BadRequest(
                f"ip {_shown(value)} is no IPv4 address: four numbers up to 255 are needed"
            ) from error
    return value


def port(parameters: Parameters) -> int:
    """Return the port of an instance."""
    return _port("port", required(parameters, "port"))


def checked_port(value: int) -> int:
    """Return a port within range."""
    if not 0 <= value <= PORT_MAX:
        raise BadRequest(f"port {value} is out of range: 0 to {PORT_MAX}")
    return value


def weight(parameters: Parameters) -> float:
    """Return the weight; 1 by default."""
    value = optional(parameters, ("weight",), "1")
    return checked_weight(_number("weight", value))


def checked_weight(value: float) -> float:
    """Return a weight within range."""
    if not 0 <= value <= WEIGHT_MAX:
        raise BadRequest(f"weight {value} is out of range: 0 to {WEIGHT_MAX:.0f}")
    return value + 0.0  # -0.0 would be another text, so another checksum


def protect_threshold(parameters: Parameters) -> float:
    """Return the protect threshold; 0 by default."""
    value = _number("protectThreshold", optional(parameters, ("protectThreshold",), "0"))
    if not 0 <= value <= 1:
        raise BadRequest(f"protectThreshold {value} is out of range: 0 to 1")
    return value + 0.0


def check_selector(parameters: Parameters) -> None:
    """Refuse a selector that would choose: this node has the one that does not, `{"type": "none"}`."""
    text = parameters.get("selector", "").strip()
    if not text or text == "none":
        return
    kind = load_object(text, "selector").get("type", "none")
    if kind != "none":
        raise BadRequest(f'selector {_shown(text)}: this node has no selector but {{"type": "none"}}')


def flag(parameters: Parameters, names: tuple[str, ...], default: bool) -> bool:
    """Return a boolean as Nacos reads it: true, on, yes, y, t in any case; everything else is false."""
    return optional(parameters, names, "true" if default else "false").lower() in _TRUE


def says(parameters: Parameters, name: str) -> bool:
    """Say whether a parameter is there and not blank."""
    return bool(parameters.get(name, "").strip())


def kind(parameters: Parameters) -> bool | None:
    """Return whether an ephemeral instance is meant, None where it is not said."""
    return flag(parameters, ("ephemeral",), default=True) if says(parameters, "ephemeral") else None


def consistency(parameters: Parameters) -> Consistency:
    """Return how fresh a read has to be; `linearizable` by default."""
    value = optional(parameters, ("consistency",), Consistency.LINEARIZABLE)
    if value not in set(Consistency):
        raise BadRequest(f"consistency {_shown(value)} is none of {', '.join(Consistency)}")
    return Consistency(value)


def check_port(parameters: Parameters) -> int:
    """Return the port at which the instances of a cluster are checked; 80 by default."""
    return _port("checkPort", optional(parameters, ("checkPort",), "80"))


def is_true(parameters: Parameters, name: str) -> bool:
    """Return a boolean that only `true` makes true, in any case, as Java's parseBoolean has it."""
    return parameters.get(name, "").strip().lower() == "true"


def metadata(parameters: Parameters) -> Metadata:
    """Return metadata given as a JSON object or as `k=v,k=v`."""
    text = parameters.get("metadata", "").strip()
    if not text:
        return ()
    if text.startswith("{"):
        try:
            return as_metadata(load_object(text, "metadata"), "metadata")
        except Malformed as error:
            raise BadRequest(f"metadata format incorrect: {error}") from error
    return _comma_pairs(text)


def instance(parameters: Parameters) -> Instance:
    """Return the instance that a registration or an update describes."""
    return Instance(
        ip=ip(parameters),
        port=port(parameters),
        service=grouped_service(parameters),
        cluster=cluster(parameters),
        weight=weight(parameters),
        healthy=flag(parameters, ("healthy",), default=True),
        enabled=flag(parameters, ("enabled", "enable"), default=True),
        ephemeral=flag(parameters, ("ephemeral",), default=True),
        metadata=metadata(parameters),
        app=optional(parameters, ("app",), "DEFAULT"),
    )


def beat_instance(text: str, service: str) -> Instance:
    """Return the instance that the JSON of a full beat describes.

    Args:
        text: the parameter `beat`.
        service: the grouped name, which the request's own parameters decide.
    """
    try:
        return _beat_instance(text, service)
    except Malformed as error:
        raise BadRequest(f"beat: {error}") from error


def _beat_instance(text: str, service: str) -> Instance:
    beat = {name: value for name, value in load_object(text, "beat").items() if value is not None}
    return Instance(
        ip=checked_ip(as_text(beat.get("ip", ""), "ip").strip()),
        port=checked_port(as_integer(beat.get("port"), "port")),
        service=service,
        cluster=checked_cluster(as_text(beat.get("cluster") or DEFAULT_CLUSTER, "cluster")),
        weight=checked_weight(as_number(beat.get("weight", 1.0), "weight")),
        ephemeral=as_flag(beat.get("ephemeral", True), "ephemeral"),
        metadata=as_metadata(beat.get("metadata", {}), "metadata"),
    )


def _comma_pairs(text: str) -> Metadata:
    pairs: dict[str, str] = {}
    for part in text.split(","):
        name, separator, value = part.partition("=")
        if not separator or not name.strip():
            raise BadRequest(
                f"metadata format incorrect: {_shown(part)} is neither JSON nor k=v; "
                'write {"k": "v"} or k=v,k=v'
            )
        pairs[name.strip()] = value.strip()
    return tuple(sorted(pairs.items()))


def _port(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise BadRequest(f"{name} {_shown(value)} is not a number from 0 to {PORT_MAX}")
    return checked_port(int(value))


def _address(name: str, value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise BadRequest(f"{name} {_shown(value)} is no IP address: nothing can be pushed there") from error


def _number(name: str, text: str) -> float:
    try:
        return as_number(float(text), name)
    except (ValueError, Malformed) as error:
        raise BadRequest(f"{name} {_shown(text)} is not a number") from error


def _matching(name: str, value: str, pattern: re.Pattern[str], allowed: str) -> str:
    if not pattern.fullmatch(value):
        raise BadRequest(f"{name} can only have these characters: {allowed}, current: {_shown(value)}")
    return _short(name, value)


def _short(name: str, value: str) -> str:
    if len(value) > _NAME_LENGTH_MAX:
        raise BadRequest(f"{name} has {len(value)} characters, the limit is {_NAME_LENGTH_MAX}")
    return value


def _shown(value: str) -> str:
    return value if len(value) <= 80 else f"{value[:80]}..."
