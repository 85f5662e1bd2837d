"""What clusters share, what becomes of them when it dies, and that nothing is left behind."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fixtures.options import SETTINGS
from harness.processes import LauncherDied
from harness.session import Session, SessionOptions
from harness.spec import BadSpec, ClusterSpec
from harness.waits import NodeDied, NotReached
from tests.worlds.registrations import lasting


@pytest.fixture
def session(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Session]:
    """A session of our own, so that it may be hurt; on the link server of the parameter, or of the run."""
    folder, links = tmp_path / "run", getattr(request, "param", request.config.stash[SETTINGS].links)
    started = Session(SessionOptions(folder=folder / "worker", run_folder=folder, links=links, seed=7))
    yield started
    started.close()


def test_two_clusters_side_by_side_do_not_know_each_other(session: Session) -> None:
    """One link server, one launcher, two clusters: a write and a cut in one are not seen in the other."""
    first = session.cluster(ClusterSpec(), owner="first")
    second = session.cluster(ClusterSpec(), owner="second")
    first.nodes[0].api.register("orders", lasting(1))
    with first.isolate(first.nodes[2]):
        assert second.links.cut_now() == ()
        assert [node.api.instances("orders") for node in second.nodes] == [[], [], []]
    first.close()
    second.wait_converged(within_s=20)
    second.close()
    assert session.leaks() == []


def test_nothing_is_left_after_close(tmp_path: Path) -> None:
    """No process, no folder, no port; the agents and a paused node included."""
    session = Session(SessionOptions(folder=tmp_path / "run" / "worker", run_folder=tmp_path / "run", seed=7))
    cluster = session.cluster(ClusterSpec(), owner="test")
    cluster.agent("C1", ["orders"])
    cluster.nodes[1].pause()
    pids = [party.pid for party in (*cluster.nodes, *cluster.agents)]
    assert all(psutil.pid_exists(pid) for pid in pids)
    session.close()
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
    assert list(tmp_path.iterdir()) == []


def test_a_dead_launcher_is_said_and_replaced(session: Session) -> None:
    """Who uses the old cluster hears of it; the next cluster works."""
    cluster = session.cluster(ClusterSpec(), owner="test")
    psutil.Process(cluster.nodes[0].pid).parent().kill()  # type: ignore[union-attr]
    with pytest.raises((LauncherDied, NodeDied, NotReached)):
        cluster.nodes[0].restart()
    sentence = session.revive()
    assert sentence is not None
    assert "killed by SIGKILL" in sentence
    assert "s1" in sentence
    replacement = session.cluster(ClusterSpec(), owner="test")
    replacement.wait_converged(within_s=20)
    replacement.close()
    cluster.close()
    assert session.revive() is None


@pytest.mark.parametrize("session", ["toxiproxy", "embedded"], indirect=True)
def test_a_dead_link_server_is_replaced_and_its_links_restored(session: Session) -> None:
    """A cluster that was cut when the server died is cut behind the new one too."""
    cluster = session.cluster(ClusterSpec(), owner="test")
    fault = cluster.isolate(cluster.nodes[2])
    siblings = psutil.Process(cluster.nodes[0].pid).parent().children()  # type: ignore[union-attr]
    next(process for process in siblings if session.link_backend.name in process.name()).kill()
    sentence = session.revive()
    assert sentence is not None
    assert "was killed by SIGKILL; it was replaced and the links of 1 cluster(s) restored" in sentence
    cluster.links.verify()
    assert len(cluster.links.cut_now()) == 4
    fault.heal()
    cluster.wait_converged(within_s=60)
    cluster.close()


def test_a_node_that_dies_while_starting_is_reported_at_once_with_its_last_lines(session: Session) -> None:
    """A setting that makes no sense ends it with one clear line, which the message quotes."""
    with pytest.raises(NodeDied, match=r"exited with status 2[\s\S]*timings\.verify_s"):
        session.cluster(ClusterSpec(config={"timings.verify_s": "soon"}), owner="test")
    assert session.leaks() == []


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("nodes", 0, "nodes=0: a cluster has 1 to 20 nodes"),
        ("profile", "perfect", "there are 'documented' and 'corrected'"),
        ("time_scale", 0.001, "live instances expire from scheduling noise alone"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(field: str, value: object, message: str) -> None:
    """One line, before anything is started."""
    with pytest.raises(BadSpec, match=message):
        ClusterSpec(**{field: value})  # type: ignore[arg-type]
