"""The tests of the run that the kill storm strikes: an agent, a paused node if wanted, cuts and heals."""

import os

import pytest

PAUSED = "CUTHEAL_STORM_PAUSED" in os.environ


@pytest.mark.parametrize("number", range(3))
def test_storm(cluster, moments, number):
    """Boots, cuts and heals twice, and ends; says which of them begins."""
    s1, s2, s3 = cluster.nodes
    cluster.agent("C1", ["orders"])
    if PAUSED:
        s3.pause()
    for _ in range(2):
        moments.phase = "cut"
        with cluster.isolate(s1):
            cluster.wait_until(lambda: s2.api.state()["loaded"], True, within_s=5)
            moments.phase = "heal"
