"""Faults as a test uses them: in force at once, healed with the block, composed, never silently absent."""

import pytest

from harness.cluster import Cluster
from harness.links.link import Channel
from harness.links.matrix import FaultNotInForce
from harness.node import Node
from harness.waits import NodeDied, NotReached


def codes(cluster: Cluster) -> dict[str, str]:
    """What each link of the peer channel does now, as three letters (o ok, s silent, r refused)."""
    return {
        f"{cell.source}-{cell.target}": cell.reading.code
        for cell in cluster.links.matrix()
        if cell.channel is Channel.PEER
    }


def broken(cluster: Cluster) -> list[str]:
    """Links that are not whole."""
    return sorted(name for name, code in codes(cluster).items() if code != "ooo")


def test_a_partition_is_in_force_when_the_call_returns(cluster: Cluster) -> None:
    """It need not be used as a context manager: a fault that is made is in force until it is healed."""
    s1, s2, s3 = cluster.nodes
    fault = cluster.partition([s1, s2], [s3])
    assert broken(cluster) == ["s1-s3", "s2-s3", "s3-s1", "s3-s2"]
    fault.heal()
    fault.heal()
    assert broken(cluster) == []


def test_leaving_the_block_heals_also_when_it_raised(cluster: Cluster) -> None:
    """The block's own exception is the one that is raised, with a note of how the cluster was then."""
    s1, _, s3 = cluster.nodes
    with pytest.raises(ZeroDivisionError) as failure, cluster.partition([s1], [s3]):
        _ = 1 / len([name for name in broken(cluster) if name not in ("s1-s3", "s3-s1")])
    assert broken(cluster) == []
    (note,) = failure.value.__notes__
    assert note.startswith("raised while partition {s1} | {s3} (blackhole) was in force:\ns1 127.0.0.1:")
    assert "links cut: peer-s1-s3: requests lost" in note


def test_overlapping_faults_compose(cluster: Cluster) -> None:
    """A link heals when no fault holds it, in whatever order they end."""
    s1, s2, s3 = cluster.nodes
    first = cluster.isolate(s1)
    second = cluster.partition([s1, s2], [s3])
    first.heal()
    assert broken(cluster) == ["s1-s3", "s2-s3", "s3-s1", "s3-s2"]
    cluster.heal()
    assert broken(cluster) == []
    second.heal()


def test_a_one_way_cut_reads_as_the_design_says(cluster: Cluster) -> None:
    """blackhole a -> b: pair (a, b) request silent; pair (b, a) request ok, reply silent."""
    s1, s2, _ = cluster.nodes
    with cluster.cut(s1, s2):
        now = codes(cluster)
        assert (now["s1-s2"], now["s2-s1"]) == ("oss", "oos")


def test_dead_and_paused_nodes_are_judged_by_the_link_server(cluster: Cluster) -> None:
    """A dead node's links refuse; a paused one's cannot be probed; both are whole again afterwards."""
    s1, s2, s3 = cluster.nodes
    s3.kill()
    s2.pause()
    with cluster.isolate(s1):
        assert "(" in codes(cluster)["s1-s2"]
    s2.resume()
    s3.restart()
    cluster.wait_converged(within_s=60)
    assert broken(cluster) == []


def test_a_change_behind_the_harness_back_shows_in_the_next_verification(cluster: Cluster) -> None:
    """A user's own toxiproxy-python call is a fault nobody asked for."""
    link = next(link for link in cluster.links.links if (link.source, link.target) == ("s1", "s2"))
    cluster.toxiproxy.get_proxy(cluster.links.proxy_name(link)).disable()
    with pytest.raises(FaultNotInForce, match="peer-s1-s2"):
        cluster.isolate(cluster.nodes[2])
    cluster.toxiproxy.get_proxy(cluster.links.proxy_name(link)).enable()
    cluster.heal()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([["s1"], []], "group 2 of 2 is empty"),
        ([["s1"], ["s9"]], "s9"),
        ([["s1"]], "needs two groups or more"),
    ],
)
def test_a_partition_that_makes_no_sense_is_refused(
    cluster: Cluster, groups: list[list[str]], message: str
) -> None:
    """Nothing is cut by it."""
    with pytest.raises(ValueError, match=message):
        cluster.partition(*groups)
    assert broken(cluster) == []


def test_an_unknown_cut_names_the_known_ones(cluster: Cluster) -> None:
    """One line: what was wrong, and what would be right."""
    s1, s2, _ = cluster.nodes
    with pytest.raises(
        ValueError, match=r"sever.*blackhole, hold, slow\(ms, jitter_ms=0\), refuse, lose_requests"
    ):
        cluster.cut(s1, s2, cut="sever")


def test_a_wait_that_times_out_says_what_was_last_seen_and_dumps_stacks(cluster: Cluster) -> None:
    """Every node's view is in the message, every node's stacks are in its log."""
    s1, *_ = cluster.nodes
    with pytest.raises(NotReached) as failure:
        cluster.wait_until(lambda: s1.api.instances("nobody"), ["somebody"], within_s=1)
    assert "wait_until ['somebody']; last seen: []" in str(failure.value)
    for node in cluster.nodes:
        assert f"{node.name} {node.address} pid {node.pid} running" in str(failure.value)
        node.log.wait_for(r"in _run_timer$")


def test_a_node_that_dies_by_itself_ends_every_wait_at_once(cluster: Cluster) -> None:
    """With how it ended; a crash is not something to wait out."""
    s1, s2, _ = cluster.nodes
    s2.process.kill()
    with pytest.raises(NodeDied, match=r"s2 .*was killed by SIGKILL"):
        cluster.wait_until(lambda: s1.api.instances("nobody"), ["somebody"], within_s=600)
    assert isinstance(cluster["s2"], Node)
    assert cluster["s2"].condition == "crashed"


def test_an_unknown_party_names_the_known_ones(cluster: Cluster) -> None:
    """cluster["s7"] says which there are."""
    with pytest.raises(KeyError, match="no node or agent 's7' in this cluster; there are s1, s2, s3"):
        _ = cluster["s7"]
