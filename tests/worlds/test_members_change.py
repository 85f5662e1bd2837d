"""Nodes that are added and removed while a cluster runs (R16): ring, data, deletes and beats move too."""

from dataclasses import replace

import pytest

from harness.cluster import Cluster
from harness.documents import AGENTS
from harness.members_file import write_members_file
from harness.node import Condition
from tests.worlds.registrations import (
    CONTROL,
    delete_on_owner,
    deregister,
    lasting,
    register,
    register_lasting,
    wait_listed,
)
from tests.worlds.test_deletes import knowing
from tests.worlds.test_deletes_across_cut import HEAL_WITHIN_S, wait_split

MANY = 60
EXPIRING = (("preserved.heart.beat.timeout", "4000"), ("preserved.ip.delete.timeout", "8000"))
"""Real milliseconds: longer than it takes to add two nodes, short enough to be waited for."""


@pytest.mark.cluster(nodes=1, grow_to=5)
@pytest.mark.requirement("R16", "R9", "R26", "R27")
def test_grow_from_one_to_five_and_shrink_to_three(cluster: Cluster) -> None:
    """At every size all agree, ring and matrix are the new set's, and what was deleted stays so."""
    services = [f"Grown{number}" for number in range(12)]
    first, second = register_lasting(cluster, services)
    left = list(services)
    for size in (2, 3, 4, 5, 4, 3):
        if size > len(cluster.nodes):
            cluster.add_node()
        else:
            cluster.remove_node(cluster.nodes[size // 2])
        delete_on_owner(cluster, left.pop(), cluster.nodes)
        deregister(cluster, cluster.nodes[0], left[0], first)
        register(cluster, cluster.nodes[-1], left[0], first)
        cluster.wait_converged(within_s=HEAL_WITHIN_S)
        addresses = [node.address for node in cluster.nodes]
        assert addresses == sorted(addresses)
        assert len(addresses) == size
        assert [node.api.state()["ring"] for node in cluster.nodes] == [addresses] * size
        assert len(cluster.links.verify().cells) == size * (size - 1)
    for service in (*left, CONTROL):
        wait_listed(cluster, service, [first, second])
    assert [name for service in services for name in knowing(cluster, service) if service not in left] == []


@pytest.mark.cluster(nodes=1, grow_to=3)
@pytest.mark.requirement("R16", "R18")
def test_many_services_grown_from_one_to_three_expire_everywhere(cluster: Cluster) -> None:
    """Their clients have stopped: each service's new owner judges them, and none stays (10.1, 4829, 5131)."""
    (s1,) = cluster.nodes
    register(cluster, s1, CONTROL, lasting(1))
    for number in range(MANY):
        register(cluster, s1, f"Many{number}", replace(lasting(number % 5), metadata=EXPIRING))
    cluster.add_node()
    cluster.add_node()

    def left() -> dict[str, list[str]]:
        data = {node.name: node.view().data for node in cluster.nodes}
        return {name: [key for key, entries in found.items() if entries] for name, found in data.items()}

    only_control = [f"public##DEFAULT_GROUP@@{CONTROL}"]
    cluster.wait_until(left, {node.name: only_control for node in cluster.nodes}, within_s=400)
    cluster.wait_converged(within_s=HEAL_WITHIN_S)


@pytest.mark.cluster(nodes=3, grow_to=5, time_scale=0.2)
@pytest.mark.requirement("R16", "R18")
def test_live_clients_stay_through_scaling_out_and_in(cluster: Cluster) -> None:
    """Most services get another owner twice, which counts their beats from then on (10.1, 7697, 7699).

    Slower than other tests: 6 s without a beat is no busy machine, so who is removed was not waited for.
    """
    services = [f"Live{number}" for number in range(4)]
    agents = [cluster.agent(name, services) for name in AGENTS]
    instances = [agent.instance for agent in agents]
    for service in services:
        wait_listed(cluster, service, instances)
    old = cluster.nodes[0]
    cluster.add_node()
    cluster.add_node()
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    cluster.remove_node(old)
    for service in services:
        wait_listed(cluster, service, instances)
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    logs = {node.name: node.log.since(0) for node in (old, *cluster.nodes)}
    assert [name for name, log in logs.items() if "event=instance_removed" in log] == []


@pytest.mark.requirement("R16", "R11")
def test_a_dead_node_that_is_removed_is_retried_no_longer(cluster: Cluster) -> None:
    """What waited for it is dropped, the merges owed to it too (reference 10.1, 4586)."""
    s1, s2, s3 = cluster.nodes
    register_lasting(cluster, ["Before"])
    s3.kill()
    wait_split(cluster, [s1, s2])
    register(cluster, s1, "Waiting", lasting(7))
    cluster.wait_until(lambda: s1.view().pending + s2.view().pending > 0, True, within_s=20)
    cluster.remove_node(s3)
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    assert s3.condition is Condition.REMOVED
    assert [node.api.members().keys() for node in (s1, s2)] == [{s1.address, s2.address}] * 2
    wait_listed(cluster, "Waiting", [lasting(7)])


@pytest.mark.cluster(nodes=3, grow_to=4)
@pytest.mark.requirement("R16", "R17")
def test_a_dead_node_stays_down_when_another_is_added(cluster: Cluster) -> None:
    """A change of the list resets nobody's state (reference 10.3, 4925 and 4948)."""
    s1, s2, s3 = cluster.nodes
    instances = register_lasting(cluster, ["Before"])
    s3.kill()
    wait_split(cluster, [s1, s2])
    cluster.wait_until(lambda: s1.api.members()[s3.address], "DOWN", within_s=60)  # SUSPICIOUS before
    mark = s1.log.mark()
    s4 = cluster.add_node()
    cluster.wait_members({s1: [s1, s2, s4], s2: [s1, s2, s4], s4: [s1, s2, s4]}, within_s=60)
    assert s1.api.members()[s3.address] == "DOWN"
    assert f"member={s3.address} state=UP" not in s1.log.since(mark)
    s3.restart()
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    wait_listed(cluster, "Before", instances)


@pytest.mark.requirement("R16", "R10")
def test_lists_that_differ_are_said_and_heal(cluster: Cluster) -> None:
    """s1 has s3 not on its list: s3 is told so, and nothing is lost once it has (reference 10.6, S13)."""
    s1, s2, s3 = cluster.nodes
    services = [cluster.service_owned_by(node) for node in cluster.nodes]
    instances = register_lasting(cluster, services)
    plan, mark = s1.plan, s3.log.mark()
    write_members_file(replace(plan, members=(s1.address, s2.address)))
    s3.log.wait_for(f"event=not_known_there member={s1.address}", mark)
    write_members_file(plan)
    s3.log.wait_for(f"event=known_there member={s1.address}", mark)
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    for service in (*services, CONTROL):
        wait_listed(cluster, service, instances)


@pytest.mark.cluster(nodes=3, grow_to=4)
@pytest.mark.requirement("R16", "R28")
def test_a_node_added_during_a_partition(cluster: Cluster) -> None:
    """Its own links are whole; cut off with one side it takes part in a delete there, which holds later."""
    s1, s2, s3 = cluster.nodes
    doomed, shortened = "Doomed", "Shortened"
    first, second = register_lasting(cluster, [doomed, shortened])
    with cluster.partition([s1, s2], [s3]):
        wait_split(cluster, [s1, s2], [s3])
        s4 = cluster.add_node()
        with cluster.partition([s4], [s3]):
            wait_split(cluster, [s1, s2, s4], [s3])
            delete_on_owner(cluster, doomed, [s1, s2, s4])
            deregister(cluster, s2, shortened, first)
            wait_listed(cluster, shortened, [second], [s1, s2, s4])
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    assert knowing(cluster, doomed) == []
    wait_listed(cluster, shortened, [second])
    wait_listed(cluster, CONTROL, [first, second])


@pytest.mark.requirement("R16", "R28")
@pytest.mark.parametrize("state", ["running", "paused", "dead"])
def test_a_node_removed_during_a_partition(cluster: Cluster, state: str) -> None:
    """The fault that cuts it heals without it; what was deleted on one side is gone on both."""
    s1, s2, s3 = cluster.nodes
    first, second = register_lasting(cluster, ["Doomed", "Shortened"])
    with cluster.partition([s1, s2], [s3]):
        wait_split(cluster, [s1, s2], [s3])
        if state == "paused":
            s2.pause()
        if state == "dead":
            s2.kill()
        cluster.remove_node(s2)
        wait_split(cluster, [s1], [s3])
        delete_on_owner(cluster, "Doomed", [s1])
        deregister(cluster, s3, "Shortened", first)
        wait_listed(cluster, "Shortened", [second], [s3])
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    assert knowing(cluster, "Doomed") == []
    wait_listed(cluster, "Shortened", [second])
    wait_listed(cluster, CONTROL, [first, second])
    assert [node.name for node in cluster.nodes] == ["s1", "s3"]
