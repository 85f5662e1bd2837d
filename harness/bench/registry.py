"""What benches say to the nodes of a registry: requests of the client API, and writes as a client makes them.

The instances live an hour without a beat, so that none expires while something else is measured.
"""

from harness.bench.closed_loop import http_request
from harness.client import Instance
from harness.cluster import Cluster
from harness.node import Node
from harness.ownership import grouped_name

HOUR_MS = str(3600 * 1000)
LASTING = (("preserved.heart.beat.timeout", HOUR_MS), ("preserved.ip.delete.timeout", HOUR_MS))
PORT = 8080
TAKEN_WITHIN_S = 60.0


def lasting(ip: str) -> Instance:
    """Return an instance that lives an hour: on a fast clock a busy machine takes longer than an expiry."""
    return Instance(ip, PORT, metadata=LASTING)


def register(cluster: Cluster, node: Node, service: str, instance: Instance) -> None:
    """Register as a client does (R21): asking again while the node refuses a redirect."""
    cluster.wait_until(
        lambda: node.api.register(service, instance), lambda answer: answer is None, within_s=TAKEN_WITHIN_S
    )


def service_name(number: int) -> str:
    """Return the plain name of a service."""
    return f"Bench{number}"


def ip(number: int) -> str:
    """Return the address of an instance; different for the first sixteen million."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def register_request(service: str, instance: int) -> bytes:
    """Register an instance that lives long."""
    metadata = ",".join(f"{name}={value}" for name, value in LASTING)
    return http_request("POST", "/nacos/v1/ns/instance", _of(service, instance) | {"metadata": metadata})


def beat_request(service: str, instance: int) -> bytes:
    """Send a light beat for it."""
    return http_request("PUT", "/nacos/v1/ns/instance/beat", _of(service, instance))


def list_request(service: str, _instance: int) -> bytes:
    """Ask for the list of its service."""
    return http_request("GET", "/nacos/v1/ns/instance/list", {"serviceName": grouped_name(service)})


def _of(service: str, instance: int) -> dict[str, object]:
    return {"serviceName": grouped_name(service), "ip": ip(instance), "port": PORT}
