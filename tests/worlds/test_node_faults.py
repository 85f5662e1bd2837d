"""Nodes that die, stop, or all restart: nothing that was not deleted is missing at the end."""

import pytest

from harness.cluster import Cluster
from harness.documents import AGENTS, SERVICES
from tests.worlds.registrations import CONTROL, lasting, register, register_lasting, wait_listed


@pytest.mark.requirement("R9", "R17", "R18")
def test_owner_killed_and_restarted(cluster: Cluster) -> None:
    """Its services move, no live instance expires wrongly, and it loads everything when it is back."""
    s1, s2, s3 = cluster.nodes
    agents = [cluster.agent(name, SERVICES) for name in AGENTS]
    instances = [agent.instance for agent in agents]
    for service in SERVICES:
        wait_listed(cluster, service, instances)
    s3.kill()
    cluster.wait_members({s1: [s1, s2], s2: [s1, s2]}, within_s=40)
    for service in SERVICES:
        assert s1.api.responsible(service) == s2.api.responsible(service) != s3.address
        wait_listed(cluster, service, instances, [s1, s2])
    s3.restart()
    cluster.wait_converged(within_s=60)
    for service in SERVICES:
        wait_listed(cluster, service, instances)


@pytest.mark.requirement("R17", "R18")
def test_paused_node_is_left_out_and_judges_nobody_when_it_resumes(cluster: Cluster) -> None:
    """A resumed process must not expire the world: it counts every beat from that moment."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s3)
    agents = [cluster.agent(name, [service]) for name in AGENTS]
    instances = [agent.instance for agent in agents]
    wait_listed(cluster, service, instances)
    mark = s3.log.mark()
    s3.pause()
    cluster.wait_members({s1: [s1, s2], s2: [s1, s2]}, within_s=60)
    wait_listed(cluster, service, instances, [s1, s2])
    s3.resume()
    s3.log.wait_for("event=stall", mark)
    cluster.wait_converged(within_s=60)
    wait_listed(cluster, service, instances)
    assert "event=instance_removed" not in s3.log.since(mark)


@pytest.mark.requirement("R14", "R18", "R21")
def test_all_nodes_restarted_beats_bring_everything_back(cluster: Cluster) -> None:
    """Data live in memory only: after all nodes are gone the clients' full beats register them again."""
    agents = [cluster.agent(name, SERVICES) for name in AGENTS]
    instances = [agent.instance for agent in agents]
    for service in SERVICES:
        wait_listed(cluster, service, instances)
    for node in cluster.nodes:
        node.kill()
    for node in cluster.nodes:
        node.restart()
    cluster.wait_converged(within_s=60)
    for service in SERVICES:
        wait_listed(cluster, service, instances)
    cluster.wait_converged(within_s=40)


@pytest.mark.requirement("R14")
def test_restarted_behind_a_black_hole_is_not_ready_until_heal(cluster: Cluster) -> None:
    """A silent peer may hold data: keep asking, answer clients 503 (R14)."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s1)
    instances = register_lasting(cluster, [service])
    with cluster.isolate(s3):
        s3.restart()
        cluster.wait_until(lambda: s3.api.state()["loaded"], False, within_s=20)
        register(cluster, s1, "AfterTheCut", lasting(9))
        wait_listed(cluster, "AfterTheCut", [lasting(9)], [s1, s2])
        assert s3.api.state()["loaded"] is False
    cluster.wait_converged(within_s=60)
    wait_listed(cluster, service, instances)
    wait_listed(cluster, CONTROL, instances)


@pytest.mark.requirement("R14")
def test_restarted_behind_refuse_deletes_nobodys_data_at_heal(cluster: Cluster) -> None:
    """Refused links look like dead peers: the empty node loads, takes one write, and must merge at heal."""
    s1, s2, s3 = cluster.nodes
    service = cluster.service_owned_by(s3)
    first, second = register_lasting(cluster, [service])
    with cluster.partition([s1, s2], [s3], cut="refuse"):
        s3.restart()
        cluster.wait_until(lambda: s3.api.state()["loaded"], True, within_s=40)
        register(cluster, s3, service, lasting(9))
        wait_listed(cluster, service, [lasting(9)], [s3])
    cluster.wait_converged(within_s=60)
    wait_listed(cluster, service, [first, second, lasting(9)])
    wait_listed(cluster, CONTROL, [first, second])


@pytest.mark.requirement("R14")
def test_one_of_three_restarted_while_the_others_are_dead(cluster: Cluster) -> None:
    """Dead processes have no data, so it loads empty; the others load from it."""
    s1, s2, s3 = cluster.nodes
    for node in cluster.nodes:
        node.kill()
    s1.restart()
    cluster.wait_until(lambda: s1.api.state()["loaded"], True, within_s=40)
    register(cluster, s1, "Survivor", lasting(1))
    s2.restart()
    s3.restart()
    cluster.wait_converged(within_s=60)
    wait_listed(cluster, "Survivor", [lasting(1)])
