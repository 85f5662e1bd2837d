"""The documents' own story: three servers, three clients, a cut, and what it was before the cut."""

import pytest

from harness.cluster import Cluster
from harness.documents import (
    AGENTS,
    CUT,
    CUT_WITHIN_S,
    HEALED,
    HEALED_WITHIN_S,
    SERVICES,
    STEADY,
    STEADY_WITHIN_S,
    Tables,
    watch,
)
from tests.worlds.registrations import lasting, register


def check(cluster: Cluster, name: str, expected: Tables, within_s: float) -> None:
    """Fail with both tables when the cluster does not come to say what the documents print."""
    phase = watch(cluster, name, expected, within_s)
    seen = phase.seen.text() if phase.seen else "a node could not be asked"
    if not phase.matches:
        raise AssertionError(f"{name}: the documents print\n{expected.text()}\nthe cluster says\n{seen}")


@pytest.mark.requirement("R22", "R23", "R24", "R9", "R17", "R18", "R21")
def test_lists_and_owners_through_cut_and_heal(cluster: Cluster) -> None:
    """All nine lists, all owners and the health of all members, steady, cut and healed.

    R23 cuts {S1, S2, C1, C2} | {S3, C3}; no client is restarted for R24.
    """
    s1, s2, s3 = cluster.nodes
    c1, c2, c3 = (cluster.agent(name, SERVICES) for name in AGENTS)
    check(cluster, "steady (R22)", STEADY, STEADY_WITHIN_S)
    with cluster.partition([s1, s2, c1, c2], [s3, c3]):
        check(cluster, "cut (R23)", CUT, CUT_WITHIN_S)
    check(cluster, "healed (R24)", HEALED, HEALED_WITHIN_S)
    cluster.wait_converged(within_s=20)


@pytest.mark.requirement("R23", "R10")
def test_both_sides_of_a_cut_accept_writes(cluster: Cluster) -> None:
    """During the cut each side takes registrations for every service, and after heal all are on all nodes."""
    s1, s2, s3 = cluster.nodes
    with cluster.partition([s1, s2], [s3]):
        cluster.wait_members({s1: [s1, s2], s2: [s1, s2], s3: [s3]}, within_s=40)
        for number, node in enumerate((s1, s3)):
            for service in SERVICES:
                register(cluster, node, f"{service}-{node.name}", lasting(number))
        cluster.wait_until(
            lambda: [s2.api.instances(f"{service}-s1") for service in SERVICES],
            [[lasting(0)]] * len(SERVICES),
            within_s=20,
        )
    cluster.wait_converged(within_s=40)
    for node in cluster.nodes:
        assert [node.api.instances(f"{service}-s1") for service in SERVICES] == [[lasting(0)]] * 3
        assert [node.api.instances(f"{service}-s3") for service in SERVICES] == [[lasting(1)]] * 3


def test_tables_that_differ_are_shown_side_by_side(cluster: Cluster) -> None:
    """The failing path: without agents the tables differ, and the reader sees both."""
    with pytest.raises(AssertionError) as failure:
        check(cluster, "steady (R22)", STEADY, 1)
    assert "the documents print\ns1  healthy: s1, s2, s3\n  ServiceA0(C1, C2, C3)  owner s1" in str(
        failure.value
    )
    assert "the cluster says\ns1  healthy: s1, s2, s3\n  ServiceA0()  owner s1" in str(failure.value)
