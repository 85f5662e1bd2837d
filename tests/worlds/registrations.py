"""Instances that neither expire nor come back by a beat, for tests that delete (requirements, R25-R28)."""

from collections.abc import Callable, Sequence

from harness.client import Instance
from harness.cluster import Cluster
from harness.node import Node
from harness.ownership import grouped_name

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
            register(cluster, cluster.nodes[0], service, instance)
    for service in (*services, CONTROL):
        wait_listed(cluster, service, instances)
    cluster.wait_converged(within_s=20)
    return instances


def register(cluster: Cluster, node: Node, service: str, instance: Instance) -> None:
    """Register through that node as a client does (R21): asking again while it is refused.

    One report that a busy machine delays takes a member out of one ring (R17), and a write that is
    forwarded in that moment is refused as a redirect.
    """
    _ask_until_taken(cluster, lambda: node.api.register(service, instance))


def deregister(cluster: Cluster, node: Node, service: str, instance: Instance) -> None:
    """Deregister through that node, asking again while it is refused."""
    _ask_until_taken(cluster, lambda: node.api.deregister(service, instance))


def delete_on_owner(cluster: Cluster, service: str, among: Sequence[Node]) -> None:
    """Delete a service on the node that all of these hold for responsible; wait until none knows it.

    They must agree: on a node that is not responsible in its own view a delete is undone (R25).
    """
    nodes = {node.address: node for node in among}

    def owners() -> list[str]:
        return sorted({node.api.responsible(service) for node in among})

    (owner,) = cluster.wait_until(owners, lambda found: len(found) == 1 and found[0] in nodes, within_s=60)
    nodes[owner].api.delete_service(service)
    key = f"public##{grouped_name(service)}"
    cluster.wait_until(lambda: [node.name for node in among if key in node.view().data], [], within_s=40)


def wait_listed(
    cluster: Cluster, service: str, expected: Sequence[Instance], nodes: Sequence[Node] | None = None
) -> None:
    """Wait until these nodes (all, if not named) list exactly these instances."""
    asked = cluster.nodes if nodes is None else nodes
    wanted = {node.name: sorted(expected) for node in asked}
    cluster.wait_until(
        lambda: {node.name: node.api.instances(service) for node in asked}, wanted, within_s=60
    )


def _ask_until_taken(cluster: Cluster, write: Callable[[], None]) -> None:
    cluster.wait_until(write, lambda answer: answer is None, within_s=20)
