"""Deletes while the network is cut, on either side, then heal (R28).

Expected after heal under `documented`: the delete holds on all nodes, whichever side took it, except
that a node which is not responsible on its own side gets the service back (R25).
"""

from collections.abc import Sequence

import pytest

from harness.cluster import Cluster
from harness.node import Node
from harness.ownership import owner_of
from tests.worlds.registrations import CONTROL, deregister, register_lasting, wait_listed
from tests.worlds.test_deletes import knowing

HEAL_WITHIN_S = 60


def wait_split(cluster: Cluster, *sides: Sequence[Node]) -> None:
    """Wait until every node holds exactly its own side for healthy."""
    cluster.wait_members({node: side for side in sides for node in side}, within_s=60)


@pytest.mark.requirement("R28", "R26")
@pytest.mark.parametrize("deleter", ["s1", "s3"])
@pytest.mark.parametrize("former_owner", ["s1", "s2", "s3"])
def test_delete_by_the_owner_of_a_side_holds_after_heal(
    cluster: Cluster, deleter: str, former_owner: str
) -> None:
    """s1 deletes what it owns on {s1, s2}; s3 what it owns alone; whoever owned it before the cut."""
    s1, s2, s3 = cluster.nodes
    side = [s1, s2] if deleter == "s1" else [s3]
    node = cluster[deleter]
    assert isinstance(node, Node)
    service = owned_in_both(cluster, former_owner, node, side)
    instances = register_lasting(cluster, [service])
    with cluster.partition([s1, s2], [s3]):
        wait_split(cluster, [s1, s2], [s3])
        node.api.delete_service(service)
        cluster.wait_until(
            lambda: [name for name in knowing(cluster, service) if name in {n.name for n in side}],
            [],
            within_s=20,
        )
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    assert knowing(cluster, service) == []
    wait_listed(cluster, CONTROL, instances)


@pytest.mark.requirement("R28", "R25")
def test_delete_by_a_non_owner_during_a_cut_is_undone_on_its_side(cluster: Cluster) -> None:
    """It needs a side with two nodes: on a lone node every service is its own."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s2, alive=[s1, s2])
    instances = register_lasting(cluster, [service])
    with cluster.partition([s1, s2], [s3]):
        wait_split(cluster, [s1, s2], [s3])
        s1.api.delete_service(service)
        wait_listed(cluster, service, instances, [s1])
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    wait_listed(cluster, service, instances)
    wait_listed(cluster, CONTROL, instances)


@pytest.mark.requirement("R28", "R27")
@pytest.mark.parametrize("asked", ["s1", "s2", "s3"])
def test_deregistration_during_a_cut_holds_after_heal(cluster: Cluster, asked: str) -> None:
    """Whichever side took it, the instance is gone from all nodes and the other one is not."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s3)
    first, second = register_lasting(cluster, [service])
    node = cluster[asked]
    assert isinstance(node, Node)
    with cluster.partition([s1, s2], [s3]):
        wait_split(cluster, [s1, s2], [s3])
        deregister(cluster, node, service, first)
        side = [s3] if asked == "s3" else [s1, s2]
        wait_listed(cluster, service, [second], side)
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    wait_listed(cluster, service, [second])
    wait_listed(cluster, CONTROL, [first, second])


@pytest.mark.requirement("R28", "R26")
def test_delete_while_the_owner_is_dead_holds_when_it_is_back(cluster: Cluster) -> None:
    """The owner is killed, its successor deletes, the owner restarts and loads: no resurrection."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s3)
    instances = register_lasting(cluster, [service])
    s3.kill()
    wait_split(cluster, [s1, s2])
    successor = next(n for n in (s1, s2) if n.address == s1.api.responsible(service))
    successor.api.delete_service(service)
    cluster.wait_until(
        lambda: [key for n in (s1, s2) for key in n.view().data if service in key], [], within_s=20
    )
    s3.restart()
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    assert knowing(cluster, service) == []
    wait_listed(cluster, CONTROL, instances)


@pytest.mark.requirement("R28", "R27")
def test_deregistration_while_the_owner_is_dead_holds_when_it_is_back(cluster: Cluster) -> None:
    """The same for one instance; the other stays."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s3)
    first, second = register_lasting(cluster, [service])
    s3.kill()
    wait_split(cluster, [s1, s2])
    deregister(cluster, s1, service, first)
    wait_listed(cluster, service, [second], [s1, s2])
    s3.restart()
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    wait_listed(cluster, service, [second])
    wait_listed(cluster, CONTROL, [first, second])


@pytest.mark.requirement("R28", "R18")
def test_live_agents_bring_a_service_back_after_a_delete_across_a_cut(cluster: Cluster) -> None:
    """The second set: with live agents the service is back, complete, after heal."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s3)
    agents = [cluster.agent(name, [service]) for name in ("C1", "C2", "C3")]
    wait_listed(cluster, service, [agent.instance for agent in agents])
    with cluster.partition([s1, s2, *agents[:2]], [s3, agents[2]]):
        wait_split(cluster, [s1, s2], [s3])
        s3.api.delete_service(service)
        wait_listed(cluster, service, [agents[2].instance], [s3])
    wait_listed(cluster, service, [agent.instance for agent in agents])
    cluster.wait_converged(within_s=HEAL_WITHIN_S)


def owned_in_both(cluster: Cluster, former: str, later: Node, side: Sequence[Node]) -> str:
    """A service that `former` owns in the whole ring and `later` owns in the ring of its side."""
    owner = cluster[former]
    assert isinstance(owner, Node)
    whole, part = [node.address for node in cluster.nodes], [node.address for node in side]
    return next(
        name
        for name in (f"Split{number}" for number in range(1000))
        if (owner_of(name, whole), owner_of(name, part)) == (owner.address, later.address)
    )
