"""Cuts after which the nodes disagree about who is healthy: the documents' literal cut, one way, a bridge.

Under `documented` whole lists overwrite each other meanwhile, so lists may flap: what was missing,
where and for how long is recorded and printed. After heal everything is complete.
"""

import time
from collections.abc import Callable

import pytest

from harness.agent import Agent
from harness.cluster import Cluster
from harness.documents import AGENTS, SERVICES
from harness.fault import Fault

WATCH_S = 60.0
"""Document seconds: longer than a beat time-out, a removal and a re-registration together."""


class Flaps:
    """For how many document seconds each agent was missing from each list, as far as it was looked."""

    def __init__(self, cluster: Cluster, agents: list[Agent]) -> None:
        self._cluster = cluster
        self._agents = agents
        self._last = time.monotonic()
        self.missing_s: dict[str, float] = {}

    def look(self) -> int:
        """Look once at all nine lists; return how many entries are missing now."""
        now = time.monotonic()
        step_s, self._last = (now - self._last) / self._cluster.time_scale, now
        missing = self._missing_now()
        for entry in missing:
            self.missing_s[entry] = self.missing_s.get(entry, 0.0) + step_s
        return len(missing)

    def text(self) -> str:
        """One line for every entry that was ever missing."""
        return "\n".join(f"{entry}: {spent:.1f} document seconds" for entry, spent in self.missing_s.items())

    def _missing_now(self) -> list[str]:
        lists = {node.name: node.view().data for node in self._cluster.nodes}
        return [
            f"{agent.name} missing from {service} on {node}"
            for node, data in lists.items()
            for service in SERVICES
            for agent in self._agents
            if str(agent.instance) not in data.get(f"public##DEFAULT_GROUP@@{service}", ())
        ]


def check_complete_after_heal(cluster: Cluster, cut: Callable[[], Fault]) -> None:
    """Nine complete lists, a cut that is watched for a minute of document time, nine complete lists."""
    agents = [cluster.agent(name, SERVICES) for name in AGENTS]
    flaps = Flaps(cluster, agents)
    cluster.wait_until(flaps.look, 0, within_s=20)
    flaps.missing_s.clear()
    ends = time.monotonic() + WATCH_S * cluster.time_scale
    with cut():
        cluster.wait_until(lambda: (flaps.look(), time.monotonic() >= ends)[1], True, within_s=WATCH_S)
    print(f"missing while cut, under documented:\n{flaps.text() or 'nothing'}")
    cluster.wait_until(flaps.look, 0, within_s=60)
    cluster.wait_converged(within_s=40)


@pytest.mark.requirement("R23b")
def test_the_documents_literal_cut(cluster: Cluster) -> None:
    """Only S2 and S3 are disconnected; S1 reaches both and the clients reach everybody."""
    _, s2, s3 = cluster.nodes
    check_complete_after_heal(cluster, lambda: cluster.partition([s2], [s3]))


@pytest.mark.requirement("R17", "R23b")
def test_a_one_way_cut(cluster: Cluster) -> None:
    """Messages from S1 to S3 are lost, the other direction works."""
    s1, _, s3 = cluster.nodes
    check_complete_after_heal(cluster, lambda: cluster.cut(s1, s3))


@pytest.mark.requirement("R17", "R23b")
@pytest.mark.parametrize("cut", ["lose_requests", "lose_replies"])
def test_requests_or_replies_of_one_direction_lost(cluster: Cluster, cut: str) -> None:
    """A lost update and an ambiguous result are different tests; both must be survived."""
    s1, s2, _ = cluster.nodes
    check_complete_after_heal(cluster, lambda: cluster.cut(s1, s2, cut=cut))


@pytest.mark.cluster(nodes=5)
@pytest.mark.requirement("R23b")
def test_a_bridge(cluster: Cluster) -> None:
    """Two halves of five see each other only through the third node."""
    s1, s2, s3, s4, s5 = cluster.nodes
    check_complete_after_heal(cluster, lambda: cluster.partition([s1, s2, s3], [s3, s4, s5]))
