"""An agent that subscribes, as the harness starts, pauses and ends it, and the relay of its pushes (R20)."""

import os
import signal
from collections.abc import Iterator

import pytest

from harness.agent import Agent
from harness.cluster import Cluster
from harness.links.api import LinkServerDied
from harness.links.link import Channel
from harness.session import Session, SessionOptions
from harness.spec import ClusterSpec

pytestmark = pytest.mark.requirement("R20")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session of its own, whose relays may be killed."""
    folder = tmp_path_factory.mktemp("push") / "run"
    made = Session(SessionOptions(folder=folder / "worker", run_folder=folder))
    yield made
    made.close()


@pytest.fixture
def cluster(session: Session) -> Iterator[Cluster]:
    """Two nodes."""
    made = session.cluster(ClusterSpec(nodes=2), owner="test")
    yield made
    made.close()
    assert session.leaks() == []


@pytest.fixture
def agent(cluster: Cluster) -> Agent:
    return cluster.agent("C3", subscribes=["ServiceA0"])


def pushes(cluster: Cluster) -> dict[str, str]:
    """How each node's pushes to the agent were found."""
    matrix = cluster.links.matrix()
    return {cell.source: cell.reading.code for cell in matrix if cell.channel is Channel.PUSH}


def relay_pid(cluster: Cluster) -> int:
    host = cluster._crew.datagrams
    assert host is not None
    return host.process.pid


@pytest.mark.parametrize("cut", ["blackhole", "hold", "refuse"])
def test_a_partition_cuts_datagrams_too(cluster: Cluster, agent: Agent, cut: str) -> None:
    """The matrix has a table of its own for them; after the heal all is whole."""
    s1, s2 = cluster.nodes
    assert pushes(cluster) == {"s1": "ooo", "s2": "ooo"}
    with cluster.partition([s1], [s2, agent], cut=cut):
        assert pushes(cluster) == {"s1": "oss", "s2": "ooo"}
    with cluster.cut(agent, s2, cut=cut):
        assert pushes(cluster) == {"s1": "ooo", "s2": "oos"}
    assert pushes(cluster) == {"s1": "ooo", "s2": "ooo"}
    assert "push  C3" in cluster.links.matrix().lines()


def test_cuts_of_connections_leave_datagrams_alone(cluster: Cluster, agent: Agent) -> None:
    """What slows or resets connections has none to act on here."""
    s1, _ = cluster.nodes
    with cluster.cut(agent, s1, cut="reset"):
        assert pushes(cluster) == {"s1": "ooo", "s2": "ooo"}


def test_a_paused_agent_is_judged_on_the_relays_word(cluster: Cluster, agent: Agent) -> None:
    """As is a dead one: nobody is there to answer a probe."""
    s1, _ = cluster.nodes
    agent.pause()
    with cluster.partition([s1], [agent]):
        assert pushes(cluster) == {"s1": "(oss)", "s2": "(ooo)"}
    agent.resume()
    assert pushes(cluster) == {"s1": "ooo", "s2": "ooo"}
    agent.kill()
    assert pushes(cluster) == {"s1": "(ooo)", "s2": "(ooo)"}


def test_a_dead_relay_fails_the_next_cut_and_is_replaced(
    session: Session, cluster: Cluster, agent: Agent
) -> None:
    """One sentence that names it; then the same ports carry pushes again, cut as they were."""
    s1, s2 = cluster.nodes
    fault = cluster.cut(s1, agent)
    os.kill(relay_pid(cluster), signal.SIGKILL)
    with pytest.raises(LinkServerDied, match=r"the datagram relay at .* does not answer"):
        cluster.partition([s2], [agent])
    sentence = session.revive()
    assert sentence is not None
    assert "it was replaced and its links restored" in sentence
    assert session.revive() is None
    assert pushes(cluster) == {"s1": "oss", "s2": "ooo"}
    fault.heal()
    assert pushes(cluster) == {"s1": "ooo", "s2": "ooo"}


def test_agents_end_at_sigterm_whenever_it_comes(cluster: Cluster) -> None:
    """Also in the very first moments: exit status 0, or the signal itself where none of its code has run."""
    for number in range(10):
        agent = cluster.agent(f"C{number}", ["ServiceA0"])
        agent.process.terminate()
        end = agent.process.wait(10.0)
        assert end.status == 0 or end.signal == signal.SIGTERM
