"""The judge is judged: nodes that break a promise on purpose are caught, in every run (`--trials 10`).

What an honest node refuses, they answer, in the same stories: the checkers are told nothing else.
"""

from collections.abc import Callable
from itertools import count

import pytest

from harness.cluster import Cluster
from harness.history import Call, Kind
from harness.node import Node
from harness.workload import perform
from tests.doubles.broken_raft import GIVEN_UP, BrokenNodecore
from tests.worlds.cp.conftest import RUN
from tests.worlds.cp.registers import Registers
from tests.worlds.cp.story import STUCK, WITHIN_S, Size, Story, clients_at_work

Property = Callable[[str, object], None]


@pytest.mark.cluster(nodes=3, cp=True, program=BrokenNodecore(broken="acknowledges_early"))
def test_a_node_that_acknowledges_before_commit(
    cluster: Cluster, size: Size, record_property: Property
) -> None:
    """It says yes without a majority; when its own time-out is over nobody has what it acknowledged."""
    with clients_at_work(cluster, size) as story:
        alone = follower_of(story)
        with cluster.isolate(alone):
            cluster.wait_until(lambda: alone.raft.leader, None, within_s=WITHIN_S)
            value = acknowledged_by(story, alone)
            alone.log.wait_for(f"{GIVEN_UP}.*{value}", within_s=WITHIN_S)
    caught(story, record_property, "lost: ", "not linearizable")


@pytest.mark.cluster(nodes=3, cp=True, program=BrokenNodecore(broken="reads_stale"))
def test_a_node_that_serves_a_stale_read_as_linearizable(
    cluster: Cluster, size: Size, record_property: Property
) -> None:
    """It answers from its own state, alone, while the others write on."""
    with clients_at_work(cluster, size) as story:
        alone = follower_of(story)
        with cluster.isolate(alone):
            others = [node for node in cluster.nodes if node is not alone]
            acknowledged_by(story, cluster.wait_leader(within_s=WITHIN_S, among=others))
            cluster.wait_until(
                lambda: asked(story, alone, Call(f="read", key=story.apart)), Kind.OK, within_s=WITHIN_S
            )
    caught(story, record_property, "not linearizable")


def follower_of(story: Story) -> Node:
    """A node that does not lead."""
    leader = story.leader()
    return next(node for node in story.cluster.nodes if node is not leader)


def acknowledged_by(story: Story, node: Node) -> str:
    """Have a node write, asked again until it says yes; return the value that it said yes to."""
    values = (f"by-hand-{number}-" for number in count(1))
    tried: list[str] = []

    def attempt() -> Kind:
        tried.append(next(values))
        return asked(story, node, Call(f="write", key=story.apart, value=tried[-1]))

    story.cluster.wait_until(attempt, Kind.OK, within_s=WITHIN_S)
    return tried[-1]


def asked(story: Story, node: Node, call: Call) -> Kind:
    """Have one node asked, on the record."""
    client = Registers([node], 0)
    try:
        return perform(story.recording.writer, "by-hand", client, call)[0]
    finally:
        client.close()


def caught(story: Story, record_property: Property, *said: str) -> None:
    """Judge the run: it has to be found out, and for the right reason, if it came so far."""
    if any(doubt.startswith(STUCK) for doubt in story.doubts):
        record_property(RUN, f"INCONCLUSIVE ({'; '.join(story.doubts)})")
        return
    with pytest.raises(AssertionError) as violation:
        story.judge()
    for words in said:
        assert words in str(violation.value)
    record_property(RUN, f"caught: {str(violation.value).splitlines()[1]}")
