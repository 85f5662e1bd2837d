"""Many instances into a cluster, as fast as its nodes take them.

The nodes are sent data in batches, as a member sends them (R12, R15): a registration of each instance by
itself would replicate every list once for each of its instances. Whoever is responsible for a service is told
of it first, for what its checksums lack the others would drop (R13).

Invariant: all nodes hold the same at the end.
"""

import json
from collections.abc import Iterator
from itertools import chain
from math import ceil

from harness.bench.closed_loop import ask_all, http_request
from harness.bench.registry import LASTING, PORT, ip, service_name
from harness.client import IDENTITY_HEADER
from harness.cluster import Cluster
from harness.node import Node
from harness.ownership import grouped_name, owner_of

INSTANCES_PER_SERVICE = 10
SERVICES_PER_BATCH = 200
"""About 0.7 MB, of the 8 MB that a node takes at once: it answers nobody else while it reads them."""

CONNECTIONS = 2
FILLED_WITHIN_S = 600.0
KEY_PREFIX = "com.alibaba.nacos.naming.iplist.ephemeral.public##"


def fill(cluster: Cluster, instances: int) -> None:
    """Give every node so many instances, ten in a service, and wait until it counts them.

    Raises:
        BadAnswer: a node refused a batch.
        NotReached: a node counts others.

    """
    owned = {node.address: list(_batches(cluster, node, instances)) for node in cluster.nodes}
    for address, batches in owned.items():
        ask_all(address, batches, CONNECTIONS)
    for address in owned:
        others = [batches for owner, batches in owned.items() if owner != address]
        ask_all(address, chain.from_iterable(others), CONNECTIONS)
    for node in cluster.nodes:
        cluster.wait_until(lambda node=node: counted_instances(node), instances, within_s=FILLED_WITHIN_S)  # type: ignore[misc]


def counted_instances(node: Node) -> int:
    """Return how many instances a node says that it holds."""
    metrics = node.api.call("GET", "/nacos/v1/ns/operator/metrics", {}).json()
    return int(metrics["instanceCount"])


def instance_bytes() -> int:
    """Return how long one of these instances is on the wire."""
    return len(json.dumps(_instance_body(99_999, grouped_name(service_name(9_999)))))


def _batches(cluster: Cluster, owner: Node, instances: int) -> Iterator[bytes]:
    """Give the requests that tell any node of all services that one is responsible for."""
    ring = [node.address for node in cluster.nodes]
    headers = f"{IDENTITY_HEADER}: {owner.plan.identity}\r\nContent-Type: application/json\r\n"
    services = range(ceil(instances / INSTANCES_PER_SERVICE))
    owned = [number for number in services if owner_of(service_name(number), ring) == owner.address]
    for begin in range(0, len(owned), SERVICES_PER_BATCH):
        data = dict(_datum(number, instances) for number in owned[begin : begin + SERVICES_PER_BATCH])
        yield http_request("PUT", "/nacos/v1/ns/distro/datum", {}, json.dumps(data).encode(), headers)


def _datum(number: int, instances: int) -> tuple[str, dict[str, object]]:
    service = grouped_name(service_name(number))
    key = KEY_PREFIX + service
    first = number * INSTANCES_PER_SERVICE
    last = min(first + INSTANCES_PER_SERVICE, instances)
    listed = [_instance_body(instance, service) for instance in range(first, last)]
    return key, {"key": key, "value": {"instanceList": listed}, "timestamp": 1}


def _instance_body(number: int, service: str) -> dict[str, object]:
    address = ip(number)
    return {
        "instanceId": f"{address}#{PORT}#DEFAULT#{service}",
        "ip": address,
        "port": PORT,
        "weight": 1.0,
        "healthy": True,
        "enabled": True,
        "ephemeral": True,
        "clusterName": "DEFAULT",
        "serviceName": service,
        "metadata": dict(LASTING),
    }
