"""Subscribers on real clusters: what they are pushed, and what cuts, losses and deaths do to that (R20)."""

import pytest

from harness.agent import Agent, Sight
from harness.client import Instance
from harness.cluster import Cluster
from harness.node import Node
from harness.ownership import grouped_name
from tests.worlds.registrations import deregister, lasting, register

# A list is good for 2 s real: no subscription lapses while a busy machine holds an agent up, and what is
# learnt sooner than after half a second was pushed.
pytestmark = [
    pytest.mark.requirement("R20"),
    pytest.mark.cluster(nodes=2, config={"timings.push_cache_s": 40}),
]

SERVICE = "ServiceA0"


def subscribers(node: Node) -> int:
    """How many clients a node pushes changes of the service to."""
    parameters = {"serviceName": grouped_name(SERVICE), "namespaceId": "public"}
    answer = node.api.call("GET", "/nacos/v1/ns/service/subscribers", {**parameters, "aggregation": "false"})
    return len(answer.json()["subscribers"])


def subscribed(cluster: Cluster) -> Agent:
    """An agent that every node pushes to."""
    agent = cluster.agent("C9", subscribes=[SERVICE])
    cluster.wait_until(lambda: [subscribers(node) for node in cluster.nodes], [1, 1], within_s=60)
    return agent


def pushes(agent: Agent, node: Node, after: int = 0) -> list[Sight]:
    """What a node has pushed to it, from the so-manieth news on."""
    return [s for s in agent.sights(SERVICE)[after:] if (s.how, s.node) == ("push", node.name)]


def wait_pushed(cluster: Cluster, agent: Agent, node: Node, after: int, *instances: Instance) -> None:
    """Wait until a node has pushed exactly this list."""
    cluster.wait_until(
        lambda: [sight.instances for sight in pushes(agent, node, after)],
        lambda lists: instances in lists,
        within_s=20,
    )


def test_every_node_pushes_a_change_to_its_own_subscribers(cluster: Cluster) -> None:
    """A registration, a second one and a deregistration, whichever node took it."""
    s1, s2 = cluster.nodes
    agent, first, second = subscribed(cluster), lasting(1), lasting(2)
    register(cluster, s1, SERVICE, first)
    for node in (s1, s2):
        wait_pushed(cluster, agent, node, 0, first)
    register(cluster, s2, SERVICE, second)
    for node in (s1, s2):
        wait_pushed(cluster, agent, node, 0, first, second)
    seen = len(agent.sights(SERVICE))
    deregister(cluster, s2, SERVICE, first)
    for node in (s1, s2):
        wait_pushed(cluster, agent, node, seen, second)
    sight = agent.sees(SERVICE)
    assert sight is not None
    assert sight.instances == (second,)


@pytest.mark.requirement("R18")
def test_an_expiry_is_pushed_too(cluster: Cluster) -> None:
    """A dead client's instance is first shown unhealthy, then gone; nobody has to ask."""
    s1, _ = cluster.nodes
    agent = subscribed(cluster)
    mortal = cluster.agent("C1", [SERVICE])
    wait_pushed(cluster, agent, s1, 0, mortal.instance)
    seen = len(agent.sights(SERVICE))
    mortal.kill()
    cluster.wait_until(
        lambda: [[i.healthy for i in sight.instances] for sight in pushes(agent, s1, seen)],
        lambda lists: [False] in lists and [] in lists,
        within_s=60,
    )


def test_a_partition_cuts_pushes_and_leaves_polling_through_the_other_side(cluster: Cluster) -> None:
    """While it holds nothing comes from the far node; after heal that node's pushes come again."""
    s1, s2 = cluster.nodes
    agent, first, second = subscribed(cluster), lasting(1), lasting(2)
    with cluster.partition([s1], [agent]):
        seen = len(agent.sights(SERVICE))
        register(cluster, s1, SERVICE, first)
        wait_pushed(cluster, agent, s2, seen, first)
        assert [sight for sight in agent.sights(SERVICE)[seen:] if sight.node == s1.name] == []
    cluster.wait_until(lambda: subscribers(s1), 1, within_s=60)
    register(cluster, s2, SERVICE, second)
    wait_pushed(cluster, agent, s1, seen, first, second)


def test_a_lost_acknowledgement_brings_one_more_push(cluster: Cluster) -> None:
    """What the agent says to one node is lost: that node sends the same list once more, then gives up."""
    s1, _ = cluster.nodes
    agent, instance = subscribed(cluster), lasting(1)
    with cluster.cut(agent, s1):
        mark, seen = s1.log.mark(), len(agent.sights(SERVICE))
        register(cluster, s1, SERVICE, instance)
        s1.log.wait_for("event=push_not_acknowledged", mark, within_s=120)
        pushed = [(instance,), (instance,)]  # the second may still be on its way
        cluster.wait_until(
            lambda: [sight.instances for sight in pushes(agent, s1, seen)], pushed, within_s=60
        )
        assert s1.log.since(mark).count("event=push_again") == 1


def test_who_asks_no_more_is_forgotten(cluster: Cluster) -> None:
    """A dead subscriber lapses on every node; changes go on without it."""
    s1, s2 = cluster.nodes
    agent = subscribed(cluster)
    agent.kill()
    cluster.wait_until(lambda: [subscribers(node) for node in cluster.nodes], [0, 0], within_s=120)
    mark = s1.log.mark()
    register(cluster, s2, SERVICE, lasting(1))
    cluster.wait_until(lambda: s1.api.instances(SERVICE), [lasting(1)], within_s=20)
    assert "push" not in s1.log.since(mark)


def test_an_agent_must_do_something(cluster: Cluster) -> None:
    """Neither a service to register in nor one to subscribe to is a mistake."""
    with pytest.raises(ValueError, match="at least one service to register in or to subscribe to"):
        cluster.agent("C1")
