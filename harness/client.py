"""What a test says to one node over HTTP: the client API of the registry, and the observer's view.

Goes around the links. What its calls raise stands in `http_client`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.http_client import TIMEOUT_REAL_S, HttpClient
from harness.ownership import DEFAULT_GROUP, grouped_name

if TYPE_CHECKING:
    import requests

IDENTITY_HEADER = "X-Cutheal-Identity"
DEFAULT_NAMESPACE = "public"

LINEARIZABLE = "linearizable"
STALE = "stale"
"""How fresh a read of what CP holds is: in its place among all writes, or as the node asked has it."""


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """An instance as lists show it; two are equal when address and cluster are."""

    ip: str
    port: int
    cluster: str = "DEFAULT"
    healthy: bool = field(default=True, compare=False)
    weight: float = field(default=1.0, compare=False)
    enabled: bool = field(default=True, compare=False)
    metadata: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}" + ("" if self.healthy else " unhealthy")


def instance_from_json(entry: dict[str, Any]) -> Instance:
    """Read one host of an instance list or of a node's state."""
    return Instance(
        ip=entry["ip"],
        port=entry["port"],
        cluster=entry.get("clusterName") or entry.get("cluster", "DEFAULT"),
        healthy=entry["healthy"],
        weight=entry["weight"],
        enabled=entry["enabled"],
        metadata=tuple(sorted(entry.get("metadata", {}).items())),
    )


class NodeApi:
    """One node's client API and observer endpoints, over one keep-alive session.

    Args:
        url: `http://ip:port` of the node's client port.
        timeout_real_s: real seconds until a call gives up with Unreachable.

    """

    def __init__(self, url: str, timeout_real_s: float = TIMEOUT_REAL_S) -> None:
        self.url = url
        self._http = HttpClient(url, timeout_real_s)

    def close(self) -> None:
        """Close the session's connections."""
        self._http.close()

    # ---- instances ----

    def register(self, service: str, instance: Instance, *, ephemeral: bool = True, **more: Any) -> None:
        """Register an instance once, without an agent, or change it; `more`: parameters as Nacos names them.

        A persistent one (`ephemeral=False`) is written by CP: an error's `is_definite` tells whether
        certainly nothing was written.
        """
        __tracebackhide__ = True
        parameters = _naming(service) | _address(instance)
        parameters |= {"weight": instance.weight, "healthy": _flag(instance.healthy)}
        parameters |= {"enabled": _flag(instance.enabled), "ephemeral": _flag(ephemeral)}
        if instance.metadata:
            parameters["metadata"] = ",".join(f"{name}={value}" for name, value in instance.metadata)
        self._http.ask("POST", "/nacos/v1/ns/instance", parameters | more)

    def deregister(self, service: str, instance: Instance, *, ephemeral: bool = True) -> None:
        """Deregister an instance (R27)."""
        __tracebackhide__ = True
        kind = {} if ephemeral else {"ephemeral": "false"}
        self._http.ask("DELETE", "/nacos/v1/ns/instance", _naming(service) | _address(instance) | kind)

    def beat(self, service: str, instance: Instance) -> dict[str, Any]:
        """Send one light beat; the answer's `code` is 20404 when the instance is unknown."""
        __tracebackhide__ = True
        parameters = _naming(service) | _address(instance)
        return dict(json.loads(self._http.ask("PUT", "/nacos/v1/ns/instance/beat", parameters).body))

    def instances(self, service: str, **more: Any) -> list[Instance]:
        """Return this node's own list of the service, sorted by address."""
        __tracebackhide__ = True
        listed = self._http.read("/nacos/v1/ns/instance/list", _naming(service) | more)
        return sorted(instance_from_json(host) for host in listed["hosts"])

    def instance(self, service: str, instance: Instance, *, consistency: str = LINEARIZABLE) -> Instance:
        """Return one instance by its address, as this node answers.

        Args:
            service: where it is registered.
            instance: whose address and cluster it has.
            consistency: of a persistent one: `linearizable`, in its place on the log, or `stale`, what this
                node has applied.

        Raises:
            ApiError: 404 where there is none; 503 where a read found no majority.
            Unreachable: no answer.

        """
        __tracebackhide__ = True
        parameters = _naming(service) | _address(instance) | _consistency(consistency)
        return instance_from_json({"enabled": True} | self._http.read("/nacos/v1/ns/instance", parameters))

    # ---- services ----

    def create_service(self, service: str, **more: Any) -> None:
        """Create service metadata: in CP, or without it on this node; `more` as Nacos names parameters."""
        __tracebackhide__ = True
        self._http.ask("POST", "/nacos/v1/ns/service", _naming(service) | more)

    def update_service(self, service: str, *, protect_threshold: float = 0.0, **metadata: str) -> None:
        """Put a service's metadata anew; 404 where there is no such service."""
        __tracebackhide__ = True
        text = ",".join(f"{name}={value}" for name, value in metadata.items())
        said = {"protectThreshold": protect_threshold} | ({"metadata": text} if text else {})
        self._http.ask("PUT", "/nacos/v1/ns/service", _naming(service) | said)

    def service(self, service: str, *, consistency: str = LINEARIZABLE) -> dict[str, Any]:
        """Return service metadata; without CP, or `stale`, as this node has it."""
        __tracebackhide__ = True
        parameters = _naming(service) | _consistency(consistency)
        return dict(self._http.read("/nacos/v1/ns/service", parameters))

    def delete_service(self, service: str) -> None:
        """Delete a service: in CP, and its ephemeral instances on this node (R25, R26)."""
        __tracebackhide__ = True
        self._http.ask("DELETE", "/nacos/v1/ns/service", _naming(service))

    # ---- the cluster as this node sees it ----

    def responsible(self, service: str) -> str:
        """Return the `ip:port` this node believes responsible for the service (R9)."""
        answer = self._http.read("/nacos/v1/ns/operator/distro/server", _naming(service))
        return str(answer["responsibleServer"])

    def members(self) -> dict[str, str]:
        """Return every member's state, `ip:port` -> `UP | SUSPICIOUS | DOWN`."""
        answer = self._http.read("/nacos/v1/core/cluster/nodes", {})
        return {member["address"]: member["state"] for member in answer["data"]}

    def state(self) -> dict[str, Any]:
        """Return the observer's view (`GET /cutheal/state`), also before the node has loaded."""
        return dict(self._http.read("/cutheal/state", {}))

    def raft(self) -> dict[str, Any]:
        """Return what the node says of its Raft log (`GET /cutheal/raft`)."""
        return dict(self._http.read("/cutheal/raft", {}))

    def dial_instances(self, links: Mapping[str, str], identity: str) -> None:
        """Have the node check the instances at these addresses through these links (R19), as a member may."""
        __tracebackhide__ = True
        self._http.ask("PUT", "/cutheal/probe-dial", {}, {IDENTITY_HEADER: identity}, json.dumps(links))

    def metrics(self) -> str:
        """Return what the node has counted so far, as Prometheus reads it (`GET /metrics`)."""
        return self._http.ask("GET", "/metrics", {}).text

    def call(
        self,
        method: str,
        path: str,
        parameters: dict[str, Any],
        body: str | bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> "requests.Response":
        """Send one request with query parameters and return its 2xx answer.

        Raises:
            ApiError: the node answered with another status.
            Unreachable: it did not answer.

        """
        __tracebackhide__ = True
        return self._http.call(method, path, parameters, body, headers)


def _naming(service: str) -> dict[str, Any]:
    return {
        "serviceName": grouped_name(service, DEFAULT_GROUP),
        "namespaceId": DEFAULT_NAMESPACE,
    }


def _address(instance: Instance) -> dict[str, Any]:
    return {"ip": instance.ip, "port": instance.port, "clusterName": instance.cluster}


def _consistency(consistency: str) -> dict[str, str]:
    """Say it only where it is not what every node does by itself: foreign ones know no such parameter."""
    return {} if consistency == LINEARIZABLE else {"consistency": consistency}


def _flag(value: bool) -> str:
    return "true" if value else "false"
