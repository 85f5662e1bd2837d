"""Instances that neither expire nor come back by a beat, for tests that delete (requirements, R25-R28)."""

from collections.abc import Sequence

from harness.client import Instance
from harness.cluster import Cluster
from harness.node import Node

HOUR_MS = str(3600 * 1000)

CONTROL = "ControlService"
"""Never deleted by any test: it must still be there at the end."""


def lasting(number: int) -> Instance:
    """An instance that lives an hour without a beat, so that no expiry does a test's deleting."""
    return Instance(
        f"10.1.0.{number}",
        8080,
        metadata=(("preserved.heart.beat.timeout", HOUR_MS), ("preserved.ip.delete.timeout", HOUR_MS)),
    )


def register_lasting(cluster: Cluster, services: Sequence[str], count: int = 2) -> list[Instance]:
    """Register the same instances once in each service and in the control service, and wait for all nodes."""
    instances = [lasting(number) for number in range(1, count + 1)]
    for service in (*services, CONTROL):
        for instance in instances:
            cluster.nodes[0].api.register(service, instance)
    for service in (*services, CONTROL):
        wait_listed(cluster, service, instances)
    cluster.wait_converged(within_s=20)
    return instances


def wait_listed(
    cluster: Cluster, service: str, expected: Sequence[Instance], nodes: Sequence[Node] | None = None
) -> None:
    """Wait until these nodes (all, if not named) list exactly these instances."""
    asked = cluster.nodes if nodes is None else nodes
    wanted = {node.name: sorted(expected) for node in asked}
    cluster.wait_until(
        lambda: {node.name: node.api.instances(service) for node in asked}, wanted, within_s=60
    )
