"""Clusters with CP as a user sees them: who leads, what cuts and kills make of it, what is said without."""

import re

import pytest

from harness.client import Instance
from harness.cluster import Cluster
from harness.http_client import ApiError, Unreachable
from harness.links.link import Channel
from harness.node import Node
from harness.program import CannotDo
from harness.spec import BadSpec, ClusterSpec
from harness.waits import NotReached
from tests.programs.test_counter import COUNTER

ONE = Instance("127.0.0.1", 9)

WITHIN_S = 400.0
"""Document seconds, 20 s real: an election takes a few, on a busy machine some more."""


def raft_codes(cluster: Cluster) -> dict[str, str]:
    """Source, target and code of each link of channel raft that is not whole."""
    cells = [cell for cell in cluster.links.matrix() if cell.channel is Channel.RAFT]
    assert len(cells) == len(cluster.nodes) * (len(cluster.nodes) - 1)
    return {f"{c.source}->{c.target}": c.reading.code for c in cells if c.reading.code != "ooo"}


def wait_follows(cluster: Cluster, node: Node) -> None:
    """Wait until the node follows whom the cluster follows."""

    def follows() -> bool:
        leader = cluster.leader()
        return leader is not None and node.raft.leader == leader.name

    cluster.wait_until(follows, True, within_s=WITHIN_S)


@pytest.mark.requirement("R3", "R5")
@pytest.mark.cluster(nodes=3, cp=True)
def test_a_leader_that_is_cut_off_or_killed_is_replaced(cluster: Cluster) -> None:
    """A cut of a node cuts its Raft too, and is proved on that channel; so is what a kill makes of it."""
    assert raft_codes(cluster) == {}
    grudge = cluster.topology.minority(leader=True)
    (old,) = [n for n in cluster.nodes if all(n.name in edge for edge in grudge.edges)]
    rest = [node for node in cluster.nodes if node is not old]
    with cluster.grudge(grudge):
        assert set(raft_codes(cluster).values()) == {"oss"}
        assert cluster.wait_leader(within_s=WITHIN_S, among=rest) in rest
        assert cluster.leader() is not old
        with pytest.raises(ApiError, match="503 no leader in this partition"):
            old.api.register("orders", ONE, ephemeral=False)
    assert raft_codes(cluster) == {}
    wait_follows(cluster, old)
    killed = cluster.wait_leader(within_s=WITHIN_S)
    killed.kill()
    assert set(raft_codes(cluster).values()) == {"(rrr/ccc)"}
    heir = cluster.wait_leader(within_s=WITHIN_S)
    assert heir is not killed
    assert any(killed.data_dir.iterdir()), "its journal is there"
    with pytest.raises(Unreachable) as refused:
        killed.api.instance("orders", ONE)
    assert refused.value.is_definite, "nobody took the connection"
    killed.restart()
    wait_follows(cluster, killed)
    assert raft_codes(cluster) == {}
    assert set(killed.raft.members) == {"s1", "s2", "s3"}


@pytest.mark.requirement("R16")
@pytest.mark.cluster(nodes=2, grow_to=3, cp=True)
def test_a_node_that_is_added_votes_and_one_that_is_removed_does_not(cluster: Cluster) -> None:
    """Both ways to it are links, and whoever leads takes it in; two of three can do without a third."""

    def members() -> list[list[str]]:
        return [sorted(node.raft.members) for node in cluster.nodes]

    s3 = cluster.add_node()
    assert raft_codes(cluster) == {}
    cluster.wait_until(members, [["s1", "s2", "s3"]] * 3, within_s=WITHIN_S)
    gone = next(node for node in cluster.nodes if node is not s3)
    rest = [node for node in cluster.nodes if node is not gone]
    with cluster.isolate(gone):
        cluster.wait_leader(within_s=WITHIN_S, among=rest)
        cluster.wait_until(lambda: s3.api.register("orders", ONE, ephemeral=False), None, within_s=WITHIN_S)
    cluster.remove_node(gone)
    cluster.wait_until(members, [sorted(node.name for node in rest)] * 2, within_s=WITHIN_S)
    cluster.wait_until(lambda: rest[0].api.instance("orders", ONE), ONE, within_s=WITHIN_S)


@pytest.mark.cluster(nodes=3, cp=True)
def test_a_wait_for_a_leader_that_cannot_be_shows_what_each_node_says(cluster: Cluster) -> None:
    """Three nodes, each alone: nobody leads; the time-out and every failure report say how each sees it."""
    s1, s2, s3 = cluster.nodes
    leads = re.compile(r"^    raft leader in term \d+, members s1 s2 s3", re.MULTILINE)
    cluster.wait_until(lambda: leads.search(cluster.describe().text()), bool, within_s=WITHIN_S)
    with cluster.partition([s1], [s2], [s3]):
        cluster.wait_until(cluster.leader, None, within_s=WITHIN_S)
        with pytest.raises(NotReached, match=r"waited [\d.]+ s for a leader among s1, s2, s3") as raised:
            cluster.wait_leader(within_s=1)
    for name in ("s1", "s2", "s3"):
        assert re.search(rf"^  {name}: raft (leader|candidate|follower)", str(raised.value), re.MULTILINE)


@pytest.mark.cluster(nodes=1)
def test_without_cp_the_question_who_leads_is_refused_with_what_to_ask_for(cluster: Cluster) -> None:
    """One sentence each, and a cluster without CP has no link and no port of Raft."""
    (s1,) = cluster.nodes
    for call, ask in (
        ("s1.raft", lambda: s1.raft),
        ("cluster.leader()", cluster.leader),
        ("cluster.wait_leader()", lambda: cluster.wait_leader(within_s=1)),
    ):
        with pytest.raises(CannotDo, match=rf"^{re.escape(call)}: .* no CP; ask for one with cp=True$"):
            ask()
    assert s1.plan.raft_address == ""


def test_a_program_without_cp_is_refused_by_name() -> None:
    """Before anything is started."""
    with pytest.raises(BadSpec, match=f"cp=True: {COUNTER.name} has no CP protocol"):
        ClusterSpec(cp=True, program=COUNTER)
