"""The leader is killed, isolated, paused, or cut one way, while clients read, write and delete (R3)."""

from collections.abc import Callable

import pytest

from harness.cluster import Cluster
from tests.worlds.cp.story import WITHIN_S, Size, Story, clients_at_work

pytestmark = pytest.mark.requirement("R3")

Judge = Callable[[Story], None]


@pytest.mark.cluster(nodes=3, cp=True)
def test_leader_killed(cluster: Cluster, size: Size, judged: Judge) -> None:
    """kill -9 under load: the others elect one and go on; nothing acknowledged is lost."""
    with clients_at_work(cluster, size) as story:
        leader = story.leader()
        story.it_happens()
        leader.kill()
        story.goes_on()
    judged(story)


def test_leader_isolated(lasting: Cluster, size: Size, judged: Judge) -> None:
    """Cut from both others: it must not answer as if it led; its clients go on asking it meanwhile."""
    with clients_at_work(lasting, size) as story:
        leader = story.leader()
        others = [node for node in lasting.nodes if node is not leader]
        story.it_happens()
        with lasting.isolate(leader):
            lasting.wait_leader(within_s=WITHIN_S, among=others)
            story.goes_on()
    judged(story)


def test_leader_paused(lasting: Cluster, size: Size, judged: Judge) -> None:
    """Paused until the others have elected one: what it believes when it wakes up is over."""
    with clients_at_work(lasting, size) as story:
        leader = story.leader()
        others = [node for node in lasting.nodes if node is not leader]
        story.it_happens()
        leader.pause()
        lasting.wait_leader(within_s=WITHIN_S, among=others)
        story.goes_on()
        leader.resume()
        story.goes_on()
    judged(story)


def test_leader_that_is_heard_and_does_not_hear(lasting: Cluster, size: Size, judged: Judge) -> None:
    """One-way cut: what it sends arrives, what is sent to it does not."""
    with clients_at_work(lasting, size) as story:
        leader = story.leader()
        others = [node for node in lasting.nodes if node is not leader]
        story.it_happens()
        with lasting.cut(others[0], leader), lasting.cut(others[1], leader):
            story.goes_on()
    judged(story)
