"""Nodes that die and come back with what they had on disk, all at once or one after another (R3)."""

from collections.abc import Callable

import pytest

from harness.cluster import Cluster
from tests.worlds.cp.story import Size, Story, clients_at_work

OFTEN = {"limits.raft_compact_entries": 20}
"""The log is compacted again and again meanwhile: what comes back is snapshot and journal together."""

pytestmark = [pytest.mark.cluster(nodes=3, cp=True, config=OFTEN), pytest.mark.requirement("R3")]

Judge = Callable[[Story], None]


def test_all_nodes_killed_at_once_have_what_they_acknowledged(
    cluster: Cluster, size: Size, judged: Judge
) -> None:
    """kill -9 of all three while they write; started again they go on where they were."""
    with clients_at_work(cluster, size) as story:
        story.leader()
        story.it_happens()
        for node in cluster.nodes:
            node.process.kill()
        for node in cluster.nodes:
            node.kill()
        for node in cluster.nodes:
            node.restart()
        story.goes_on()
    judged(story)


def test_a_rolling_restart(cluster: Cluster, size: Size, judged: Judge) -> None:
    """Each node in turn, the next one when the cluster writes again."""
    with clients_at_work(cluster, size) as story:
        for node in cluster.nodes:
            story.leader()
            story.it_happens()
            node.restart()
            cluster.wait_until(lambda node=node: node.api.state()["loaded"], True, within_s=600)  # type: ignore[misc]
            story.goes_on()
    judged(story)
