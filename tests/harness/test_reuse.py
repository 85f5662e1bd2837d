"""A cluster that is used again: as good as new, or not used again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.options import SETTINGS
from harness.cluster import Cluster
from harness.program import Capability
from harness.session import Session, SessionOptions
from harness.spec import ClusterSpec
from tests.programs.test_counter import COUNTER
from tests.worlds.registrations import lasting, register

SPEC = ClusterSpec(nodes=2)


@pytest.fixture
def session(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Session]:
    folder = tmp_path / "run"
    links = request.config.stash[SETTINGS].links
    started = Session(SessionOptions(folder=folder / "worker", run_folder=folder, links=links, seed=7))
    yield started
    started.close()


def pids(cluster: Cluster) -> list[int]:
    return [node.pid for node in cluster.nodes]


def brought_back(session: Session, use: Callable[[Cluster], None] = lambda _: None) -> Cluster:
    """Return a cluster that was used and then kept.

    A machine that is too busy for a reset has it refused, and rightly: then with another cluster.
    """
    for attempt in range(20):
        cluster = session.cluster(SPEC, owner=f"attempt {attempt}")
        use(cluster)
        if session.reuse.keep(cluster) == "":
            return cluster
    raise AssertionError("no cluster was kept in 20 attempts")


def hear_of_orders(cluster: Cluster) -> None:
    """An agent, a cut that is healed, and a write that has not been sent to anybody at the end."""
    s1, s2 = cluster.nodes
    agent = cluster.agent("C1", ["orders"])
    cluster.wait_until(lambda: s2.api.instances("orders"), [agent.instance], within_s=60)
    with cluster.isolate(s1):
        pass
    cluster.wait_members(within_s=60)
    register(cluster, s2, cluster.service_owned_by(s2, prefix="unsent"), lasting(1))


def test_a_cluster_is_brought_back_and_used_again(session: Session) -> None:
    """The same processes; no data, no agent, no cut, nothing of the first test in any log."""
    first = brought_back(session, hear_of_orders)
    used, logs = pids(first), [node.log for node in first.nodes]
    assert session.leaks() == []
    first.close()  # what the test before still holds ends nothing
    lines = [line for log in logs for line in log.path.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if "unsent" in line] == []

    phases: list[str] = []
    second = session.cluster(SPEC, owner="second", on_took=lambda phase, _: phases.append(phase))
    assert second.agents == []
    assert [node.view().data for node in second.nodes] == [{}, {}]
    assert (pids(second) == used) == (phases == ["reuse"])
    second.nodes[0].log.wait_for("event=loaded")
    agent = second.agent("C1", ["payments"])
    second.wait_until(lambda: second.nodes[1].api.instances("payments"), [agent.instance], within_s=60)
    second.close()
    assert session.leaks() == []


def test_what_could_still_show_rules_a_cluster_out(session: Session) -> None:
    """Each with its reason; the cluster is closed, and whoever asks next gets another."""
    cluster = session.cluster(SPEC, owner="first")
    s1, s2 = cluster.nodes
    before = pids(cluster)
    assert cluster.toxiproxy is not None
    with cluster.cut(s1, s2, "hold"):
        pass
    cluster.cut(s2, s1)
    (s1.data_dir / "notes").write_text("mine")
    s2.pause()
    s2.resume()
    reasons = session.reuse.keep(cluster)
    for reason in (
        "a node was killed, paused or restarted, or ended",
        "a link is still cut",
        "the link server was spoken to behind the harness's back",
        "what a cut delayed may still arrive",
        "a test wrote into a node's files",
    ):
        assert reason in reasons
    assert session.leaks() == []
    other = session.cluster(SPEC, owner="second")
    assert not set(pids(other)) & set(before)
    other.nodes[0].api.call(
        "PUT", "/nacos/v1/ns/operator/switches", {"entry": "pushEnabled", "value": "false"}
    )
    assert "its switches were changed" in session.reuse.keep(other)


def test_a_cluster_that_changed_while_it_waited_is_not_given(session: Session) -> None:
    """It is looked at again: here a write came after the reset; another spec would not do either."""
    cluster = brought_back(session)
    plan, used = cluster.nodes[0].plan, pids(cluster)
    late = SPEC.program.connect(plan)
    late.register("late", lasting(1))
    late.close()
    other = session.cluster(SPEC, owner="second")
    assert not set(pids(other)) & set(used)
    other.close()
    brought_back(session)
    bigger = session.cluster(ClusterSpec(nodes=3), owner="third")
    assert len(bigger.nodes) == 3
    bigger.close()
    assert session.leaks() == []


def test_a_cluster_with_cp_is_not_used_again(session: Session) -> None:
    """Its log remembers what a test wrote. (A single node leads itself.)"""
    cluster = session.cluster(ClusterSpec(nodes=1, cp=True), owner="me")
    assert cluster.leader() is cluster.nodes[0]
    assert session.reuse.keep(cluster) == "its Raft log remembers"


def test_a_foreign_program_is_used_again_only_if_it_can_be_emptied_and_shows_it() -> None:
    """Without both its clusters are started anew."""
    assert Capability.RESET not in COUNTER.capabilities
    assert Capability.RESET in replace(COUNTER, reset="/forget").capabilities
    assert Capability.RESET not in replace(COUNTER, reset="/forget", data=None).capabilities
