"""Partitions and links that come and go, while clients read, write and delete on every side (R3)."""

from collections.abc import Callable

import pytest

from harness.checkers import Outcome
from harness.cluster import Cluster
from harness.history import Call
from harness.node import Node
from harness.workload import Refused, Unsure
from tests.worlds.cp.ephemeral_rate import measure
from tests.worlds.cp.registers import Registers
from tests.worlds.cp.story import WITHIN_S, Size, Story, clients_at_work

pytestmark = pytest.mark.requirement("R3")

Judge = Callable[[Story], None]
FLAPS = 3


def test_a_minority_refuses_and_the_majority_goes_on(lasting: Cluster, size: Size, judged: Judge) -> None:
    """One follower alone: it says why it does not write, and that nothing was written; the others do."""
    with clients_at_work(lasting, size) as story:
        leader = story.leader()
        alone = next(node for node in lasting.nodes if node is not leader)
        with lasting.isolate(alone):
            story.it_happens()
            lasting.wait_until(lambda: alone.raft.leader, None, within_s=WITHIN_S)
            lasting.wait_until(
                lambda: refusal_of(alone),
                lambda said: isinstance(said, Refused) and "no leader in this partition" in str(said),
                within_s=WITHIN_S,
            )
            story.goes_on()
    judged(story)


def test_a_link_that_flaps(lasting: Cluster, size: Size, judged: Judge) -> None:
    """The leader and one follower lose each other again and again, while both hear the third."""
    with clients_at_work(lasting, size) as story:
        leader = story.leader()
        follower = next(node for node in lasting.nodes if node is not leader)
        for _ in range(FLAPS):
            story.it_happens()
            with lasting.partition([leader], [follower]):
                story.goes_on()
            story.goes_on()
    judged(story)


@pytest.mark.requirement("R4")
def test_ephemeral_writes_go_on_without_a_quorum(lasting: Cluster) -> None:
    """Nobody leads, persistent writes wait and are refused; the node registers what is its own all the same.

    How fast, `python -m tests.worlds.cp.ephemeral_rate` tells.
    """
    before, without, _ = measure(lasting, 0.05)
    assert min(before, without) > 0


def test_a_history_tells_faults_while_they_were_in_force(cluster: Cluster) -> None:
    """Each with the time in which it was verified; what a node did not live through too."""
    s1, s2, s3 = cluster.nodes
    with cluster.isolate(s1) as before, cluster.record() as recording:
        with cluster.partition([s1, s2], [s3]) as during:
            s2.pause()
            s2.resume()
        s3.kill()
        before.heal()
    history = recording.history()
    spans = {span.description: span for span in history.faults}
    assert list(spans) == [
        "isolate s1 (blackhole)",
        "partition {s1, s2} | {s3} (blackhole)",
        "s2 paused",
        "s3 killed",
    ]
    for fault in (before, during):
        span = spans[fault.description]
        assert fault.ended is not None
        assert (span.since_ns, span.until_ns) == (
            round(fault.in_force_since * 1e9),
            round(fault.ended * 1e9),
        )
    assert spans["s2 paused"].until_ns is not None
    assert spans["s3 killed"].until_ns is None
    assert history.count(Outcome.OK) == 0
    assert cluster.histories == [recording.path]
    assert (cluster.recordings, s1.watchers) == ([], [])


def refusal_of(node: Node) -> Exception | None:
    """Ask a node to write, outside the history; return how it refused, if it did."""
    client = Registers([node], 0)
    try:
        client.do(Call(f="write", key="k98", value="nobody's"))
    except (Refused, Unsure) as refusal:
        return refusal
    finally:
        client.close()
    return None
