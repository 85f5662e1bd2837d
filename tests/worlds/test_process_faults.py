"""Processes that crash again and again, die together, or stop for longer than every time-out.

After each fault the nodes agree again; what was deleted meanwhile stays deleted, and what nobody deleted,
the control service among it, is still there.
"""

from itertools import count

import pytest

from harness.cluster import Cluster
from harness.documents import AGENTS
from harness.node import Node
from harness.ownership import owner_of
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

CRASHES = 8


@pytest.mark.requirement("R14", "R26", "R27")
def test_a_node_in_a_crash_loop_brings_nothing_back(cluster: Cluster) -> None:
    """Killed at one moment of its start after another, while the others deregister, register and delete."""
    s1, s2, s3 = cluster.nodes
    doomed, shortened = services = [owned_all_along(node, cluster, s3, "Looped") for node in (s1, s2)]
    meanwhile = owned_all_along(s2, cluster, s3, "Meanwhile")
    first, second = register_lasting(cluster, services)
    for crash in range(CRASHES):
        s3.kill()
        s3.restart()
        if crash == CRASHES // 2:
            deregister(cluster, s1, shortened, first)
            register(cluster, s2, meanwhile, lasting(9))
        if crash % 2:
            cluster.wait_until(s3.api.state, bool, within_s=40)
    s3.kill()
    wait_split(cluster, [s1, s2])
    delete_on_owner(cluster, doomed, [s1, s2])
    s3.restart()
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    assert knowing(cluster, doomed) == []
    wait_listed(cluster, shortened, [second])
    wait_listed(cluster, meanwhile, [lasting(9)])
    wait_listed(cluster, CONTROL, [first, second])


@pytest.mark.requirement("R14", "R18", "R26")
@pytest.mark.parametrize("wipe", [False, True])
def test_all_nodes_killed_at_once_are_a_cluster_again(cluster: Cluster, wipe: bool) -> None:
    """Their data live in memory: gone, the deleted too; the beats of live clients bring theirs back."""
    service = cluster.service_owned_by(cluster.nodes[1])
    agents = [cluster.agent(name, ["Live"]) for name in AGENTS]
    register_lasting(cluster, [service])
    delete_on_owner(cluster, service, cluster.nodes)
    for node in cluster.nodes:
        (node.data_dir / "kept").write_text("on disk", encoding="utf-8")
        node.kill()
    for node in cluster.nodes:
        node.restart(wipe=wipe)
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    wait_listed(cluster, "Live", [agent.instance for agent in agents])
    assert knowing(cluster, service) == knowing(cluster, CONTROL) == []
    assert [(node.data_dir / "kept").exists() for node in cluster.nodes] == [not wipe] * 3


@pytest.mark.requirement("R17", "R26", "R27")
@pytest.mark.parametrize("former_owner", ["s1", "s2", "s3"])
def test_a_node_paused_beyond_every_time_out_brings_nothing_back(cluster: Cluster, former_owner: str) -> None:
    """It resumes with what it knew, believing that nothing has happened (reference 10.6, S17)."""
    s1, s2, s3 = cluster.nodes
    owner = cluster[former_owner]
    assert isinstance(owner, Node)
    doomed = cluster.service_owned_by(owner, prefix="Doomed")
    shortened = cluster.service_owned_by(owner, prefix="Shortened")
    first, second = register_lasting(cluster, [doomed, shortened])
    s3.pause()
    wait_split(cluster, [s1, s2])
    delete_on_owner(cluster, doomed, [s1, s2])
    deregister(cluster, s1, shortened, first)
    wait_listed(cluster, shortened, [second], [s1, s2])
    s3.resume()
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    assert knowing(cluster, doomed) == []
    wait_listed(cluster, shortened, [second])
    wait_listed(cluster, CONTROL, [first, second])


@pytest.mark.requirement("R17", "R18")
def test_all_nodes_paused_at_once_expire_nobody(cluster: Cluster) -> None:
    """A machine that slept: each counts every beat and every member anew."""
    agents = [cluster.agent(name, ["Live"]) for name in AGENTS]
    instances = register_lasting(cluster, ["Still"])
    wait_listed(cluster, "Live", [agent.instance for agent in agents])
    marks = {node: node.log.mark() for node in cluster.nodes}
    for node in cluster.nodes:
        node.pause()
    for agent in agents:
        agent.log.wait_for("reached_nobody", 0)
    for node in cluster.nodes:
        node.resume()
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    wait_listed(cluster, "Live", [agent.instance for agent in agents])
    wait_listed(cluster, CONTROL, instances)
    assert not any("event=instance_removed" in node.log.since(mark) for node, mark in marks.items())


@pytest.mark.requirement("R28", "R14")
@pytest.mark.parametrize("back", ["before heal", "after heal"])
def test_a_node_killed_during_a_partition(cluster: Cluster, back: str) -> None:
    """s2 dies on the majority's side and comes back there, before or after the heal; both sides deleted."""
    s1, s2, s3 = cluster.nodes
    by_s1 = cluster.service_owned_by(s1, alive=[s1, s2], prefix="ByOne")
    shortened = cluster.service_owned_by(s2, prefix="Shortened")
    first, second = register_lasting(cluster, [by_s1, "ByThree", shortened])
    with cluster.partition([s1, s2], [s3]):
        wait_split(cluster, [s1, s2], [s3])
        delete_on_owner(cluster, by_s1, [s1, s2])
        delete_on_owner(cluster, "ByThree", [s3])
        s2.kill()
        wait_split(cluster, [s1])
        deregister(cluster, s1, shortened, first)
        if back == "before heal":
            s2.restart()
            wait_split(cluster, [s1, s2])
    if back == "after heal":
        s2.restart()
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    assert knowing(cluster, by_s1) == knowing(cluster, "ByThree") == []
    wait_listed(cluster, shortened, [second])
    wait_listed(cluster, CONTROL, [first, second])


@pytest.mark.requirement("R14")
@pytest.mark.parametrize("together", [1, 2])
def test_a_rolling_restart_in_short_time_loses_nothing(cluster: Cluster, together: int) -> None:
    """The next goes down as soon as the last has loaded, one or two at once (10.1, 8436 and 8437)."""
    s1, s2, s3 = cluster.nodes
    services = [cluster.service_owned_by(node) for node in cluster.nodes]
    gone = cluster.service_owned_by(s2, prefix="Gone")
    instances = register_lasting(cluster, [*services, gone])
    delete_on_owner(cluster, gone, cluster.nodes)
    for group in ([s1], [s2], [s3]) if together == 1 else ([s1, s2], [s2, s3]):
        for node in group:
            node.restart()
        for node in group:
            cluster.wait_until(lambda node=node: node.api.state()["loaded"], True, within_s=60)  # type: ignore[misc]
    cluster.wait_converged(within_s=HEAL_WITHIN_S)
    for service in (*services, CONTROL):
        wait_listed(cluster, service, instances)
    assert knowing(cluster, gone) == []


def owned_all_along(node: Node, cluster: Cluster, crashing: Node, prefix: str) -> str:
    """Return a service that `node` owns with and without the crashing one, which would lose the only copy."""
    everybody = [member.address for member in cluster.nodes]
    alive = [address for address in everybody if address != crashing.address]
    names = (f"{prefix}{index}" for index in count())
    return next(n for n in names if {owner_of(n, everybody), owner_of(n, alive)} == {node.address})
