"""Cuts of every kind on a real cluster, by text or by value: verified, and what nodes make of them."""

import pytest

from harness import Cut
from harness.cluster import Cluster
from harness.links.matrix import FaultNotInForce


@pytest.mark.parametrize(
    "cut",
    [
        "hold",
        "slow(200,50)",
        "reset",
        "rate(50)",
        "slow_close(100)",
        "slice(100,200)",
        "cut_after(5000)",
        Cut.slow(ms=100),
    ],
    ids=str,
)
def test_a_partition_of_any_kind_heals_to_what_it_was(cluster: Cluster, cut: str | Cut) -> None:
    """Verified under the cut and after it; the nodes agree in the end."""
    s1, s2, s3 = cluster.nodes
    with cluster.partition([s1, s2], [s3], cut=cut) as fault:
        assert repr(fault) == f"<partition {{s1, s2}} | {{s3}} ({Cut.parse(str(cut))}), in force>"
        assert cluster.links.verify().reading("s1", "s3").code != "ooo"
    assert {cell.reading.code for cell in cluster.links.verify()} == {"ooo"}
    cluster.wait_converged(within_s=120)


def test_a_held_write_arrives_at_heal(cluster: Cluster) -> None:
    """A node behind a hold is out of the ring as behind a black hole, and hears everything at heal."""
    s1, s2, s3 = cluster.nodes
    with cluster.partition([s1, s2], [s3], cut="hold"):
        cluster.wait_members({s1: [s1, s2], s2: [s1, s2], s3: [s3]}, within_s=60)
    cluster.wait_members(within_s=60)
    cluster.wait_converged(within_s=120)


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "paused"])
def test_a_hold_is_healed_though_an_end_died_or_stood_still_meanwhile(cluster: Cluster, kill: bool) -> None:
    """What was held for it is given up; Toxiproxy 2.12 would hang."""
    s1, s2, s3 = cluster.nodes
    with cluster.partition([s1, s2], [s3], cut="hold"):
        s3.kill() if kill else s3.pause()
    if kill:
        s3.restart()
    else:
        s3.resume()
    cluster.wait_converged(within_s=120)
    assert {cell.reading.code for cell in cluster.links.verify()} == {"ooo"}


def test_a_slow_link_and_a_black_hole_over_it(cluster: Cluster) -> None:
    """Nested blocks: the black hole hides the delay as long as it is there."""
    s1, s2, _ = cluster.nodes
    with cluster.cut(s1, s2, cut="slow(100)"):
        with cluster.cut(s1, s2):
            assert cluster.links.verify().reading("s1", "s2").code == "oss"
        assert cluster.links.verify().reading("s1", "s2").code == "olo"
    assert cluster.links.cut_now() == ()


def test_a_cut_that_was_changed_behind_the_harness_fails_the_test(cluster: Cluster) -> None:
    """Also where no probe can tell."""
    s1, s2, _ = cluster.nodes
    name = next(
        cluster.links.proxy_name(link)
        for link in cluster.links.links
        if link.name == f"peer-{s1.name}-{s2.name}"
    )
    with (
        pytest.raises(FaultNotInForce, match="the link server says whole, right would be replies at rate"),
        cluster.cut(s1, s2, cut="rate(10)"),
    ):
        cluster.toxiproxy.get_proxy(name).destroy_toxic("cut_rate_downstream")
