"""Deleting a service or an instance while the network is whole (R25-R27)."""

import pytest

from harness.cluster import Cluster
from harness.ownership import grouped_name
from tests.worlds.registrations import CONTROL, deregister, lasting, register, register_lasting, wait_listed


def key(service: str) -> str:
    """The key under which a node's state and log name a service."""
    return f"public##{grouped_name(service)}"


def knowing(cluster: Cluster, service: str) -> list[str]:
    """Names of the nodes that have any entry, be it an empty one, for the service."""
    return [node.name for node in cluster.nodes if key(service) in node.api.state()["services"]]


@pytest.mark.requirement("R25", "R13")
def test_service_deleted_on_a_non_owner_returns_there(cluster: Cluster) -> None:
    """Under `documented` a node that does not own the service drops it alone, and verify brings it back."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s1)
    instances = register_lasting(cluster, [service])
    marks = {node: node.log.mark() for node in cluster.nodes}
    s2.api.delete_service(service)
    s2.log.wait_for(f"event=service_removed .*{key(service)}", marks[s2])
    wait_listed(cluster, service, instances, [s2])
    cluster.wait_converged(within_s=20)
    wait_listed(cluster, service, instances)
    wait_listed(cluster, CONTROL, instances)
    for node in (s1, s3):
        assert "event=service_removed" not in node.log.since(marks[node])


@pytest.mark.requirement("R26", "R12")
@pytest.mark.parametrize("owner_number", [0, 1, 2])
def test_service_deleted_on_its_owner_is_gone_everywhere(cluster: Cluster, owner_number: int) -> None:
    """The owner's delete travels as an operation of its own: no node keeps even an empty entry."""
    owner = cluster.nodes[owner_number]
    service = cluster.service_owned_by(owner)
    instances = register_lasting(cluster, [service])
    owner.api.delete_service(service)
    cluster.wait_until(lambda: knowing(cluster, service), [], within_s=20)
    cluster.wait_converged(within_s=20)
    assert knowing(cluster, service) == []
    wait_listed(cluster, CONTROL, instances)


@pytest.mark.requirement("R26", "R13")
def test_an_owners_only_service_leaves_no_ghost(cluster: Cluster) -> None:
    """Its verify map is empty from then on, and is sent all the same (reference 10.6, S5)."""
    owner = cluster.nodes[0]
    service = cluster.service_owned_by(owner)
    register(cluster, owner, service, lasting(1))
    wait_listed(cluster, service, [lasting(1)])
    owner.api.delete_service(service)
    cluster.wait_until(lambda: knowing(cluster, service), [], within_s=20)


@pytest.mark.requirement("R27", "R10")
@pytest.mark.parametrize("asked_number", [0, 1, 2])
def test_deregistration_through_any_node_reaches_all(cluster: Cluster, asked_number: int) -> None:
    """The other instance of the service stays."""
    service = cluster.service_owned_by(cluster.nodes[0])
    first, second = register_lasting(cluster, [service])
    deregister(cluster, cluster.nodes[asked_number], service, first)
    wait_listed(cluster, service, [second])
    cluster.wait_converged(within_s=20)
    wait_listed(cluster, CONTROL, [first, second])


@pytest.mark.requirement("R27")
def test_deregistering_the_last_instance_empties_every_list(cluster: Cluster) -> None:
    """The key stays with an empty list, as in the original (reference 1.3)."""
    service = cluster.service_owned_by(cluster.nodes[1])
    (only,) = register_lasting(cluster, [service], count=1)
    deregister(cluster, cluster.nodes[2], service, only)
    wait_listed(cluster, service, [])
    cluster.wait_converged(within_s=20)


@pytest.mark.requirement("R26", "R18")
def test_a_deleted_service_is_back_with_a_live_clients_next_beat(cluster: Cluster) -> None:
    """What the documents imply: a full beat registers an unknown instance again."""
    owner = cluster.nodes[0]
    service = cluster.service_owned_by(owner)
    agent = cluster.agent("C1", [service])
    wait_listed(cluster, service, [agent.instance])
    mark = owner.log.mark()
    owner.api.delete_service(service)
    owner.log.wait_for(f"event=service_removed .*{key(service)}", mark)
    wait_listed(cluster, service, [agent.instance])
