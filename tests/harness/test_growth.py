"""Adding and removing nodes as a user sees it: names, what is refused and why, what a failure leaves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.members_file import write_members_file
from harness.node import Condition
from harness.program import EVERYTHING, CannotDo, Capability, NodePlan, Start
from harness.programs.nodecore import Nodecore
from harness.slots import NoRoom, Room, Slots
from harness.spec import BadSpec, ClusterSpec
from harness.waits import NodeDied, NotReached

ClusterFactory = Callable[..., Cluster]


@pytest.mark.cluster(nodes=1, grow_to=3)
def test_names_are_never_used_again_and_nodes_stay_in_ring_order(cluster: Cluster) -> None:
    """An added node has the next number; the report still shows who is gone, and where its log is."""
    s1 = cluster.nodes[0]
    s2 = cluster.add_node()
    cluster.remove_node(s2)
    s3 = cluster.add_node()
    assert (s1.name, s2.name, s3.name) == ("s1", "s2", "s3")
    assert cluster.nodes == sorted([s1, s3], key=lambda node: node.address)
    assert {(link.source, link.target) for link in cluster.links.links} == {("s1", "s3"), ("s3", "s1")}
    cluster.wait_members(within_s=60)
    report = cluster.describe()
    assert [(party.name, party.condition) for party in report.removed] == [("s2", Condition.REMOVED)]
    assert "event=stopped" in report.removed[0].last_lines[-1]
    assert f"s2 {s2.address} pid {s2.pid} removed" in report.text()
    counted = [node.metrics for node in report.nodes]
    assert all('nodecore_members{state="UP"} 2.0' in page for page in counted), counted
    with pytest.raises(KeyError, match="no node or agent 's2' in this cluster; there are"):
        cluster["s2"]
    with pytest.raises(
        ValueError, match=r"s2 was removed from its cluster; cluster.add_node\(\) makes a new"
    ):
        s2.restart()


@pytest.mark.cluster(nodes=1)
def test_the_last_node_cannot_be_removed_nor_one_twice(cluster: Cluster) -> None:
    """Each error says what would be right."""
    (s1,) = cluster.nodes
    with pytest.raises(
        ValueError, match=r"s1 is the last node: a cluster keeps one; cluster.close\(\) ends it"
    ):
        cluster.remove_node(s1)
    s2 = cluster.add_node()
    cluster.remove_node(s2)
    with pytest.raises(ValueError, match="s2 is not in this cluster; there are s1"):
        cluster.remove_node(s2)


def test_a_program_that_learns_its_members_once_is_refused(cluster_factory: ClusterFactory) -> None:
    """Nothing is guessed, nothing changes."""
    fixed = Nodecore(name="fixed", capabilities=EVERYTHING - {Capability.GROWTH})
    cluster = cluster_factory(nodes=2, program=fixed)
    said = r"cluster.add_node\(\): fixed learns its members when it starts and never again"
    with pytest.raises(CannotDo, match=said):
        cluster.add_node()
    with pytest.raises(CannotDo, match=r"cluster.remove_node\(s1\): fixed learns"):
        cluster.remove_node(cluster["s1"])  # type: ignore[arg-type]
    assert [node.name for node in cluster.nodes] == ["s1", "s2"]


class Broken(Nodecore):
    """Its third node ends at once."""

    def start(self, plan: NodePlan) -> Start:
        start = Nodecore.start(self, plan)
        return replace(start, argv=(*start.argv, "--nonsense")) if plan.name == "s3" else start


def test_a_node_that_ends_while_it_is_added_is_taken_back(cluster_factory: ClusterFactory) -> None:
    """It is said how it ended; the others do not have it on their lists any more, and a next try works."""
    cluster = cluster_factory(nodes=2, program=Broken())
    with pytest.raises(NodeDied, match=r"(?s)s3 .*exited with status 2.*unrecognized arguments: --nonsense"):
        cluster.add_node()
    assert [node.name for node in cluster.nodes] == ["s1", "s2"]
    assert len(cluster.links.verify().cells) == 2
    s4 = cluster.add_node()
    cluster.wait_converged(within_s=60)
    assert sorted(node.name for node in cluster.nodes) == ["s1", "s2", "s4"]
    assert all(s4.address in node.api.members() for node in cluster.nodes)
    assert all(len(node.api.members()) == 3 for node in cluster.nodes)


def test_a_member_that_does_not_read_its_list_is_named(
    cluster_factory: ClusterFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait has a deadline; what was begun is taken back."""
    cluster = cluster_factory(nodes=2, config={"timings.lookup_file_s": 10_000})
    monkeypatch.setattr("harness.growth.TOLD_WITHIN_S", 1.0)
    with pytest.raises(NotReached, match=r"s1, s2 to know s3"):
        cluster.add_node()
    with pytest.raises(NotReached, match=r"s1 to have s2 off their lists; last seen: \['s1'\]"):
        cluster.remove_node(cluster["s2"])  # type: ignore[arg-type]
    assert [node.name for node in cluster.nodes] == ["s1", "s2"]
    cluster.links.verify()
    cluster.wait_converged(within_s=60)


def test_the_members_file_is_nacos_own_with_the_links(tmp_path: Path) -> None:
    """Its own address alone, the others with the link that leads to them; nothing is left beside it."""
    plan = NodePlan(
        name="s1",
        client_address="127.0.0.1:1",
        peer_address="127.0.0.1:11",
        members=("127.0.0.1:1", "127.0.0.1:2"),
        dial=(("127.0.0.1:2", "127.0.0.1:22"),),
        time_scale=0.05,
        members_file=str(tmp_path / "s1.members"),
    )
    write_members_file(plan)
    assert (tmp_path / "s1.members").read_text() == "127.0.0.1:1\n127.0.0.1:2=127.0.0.1:22\n"
    assert [path.name for path in tmp_path.iterdir()] == ["s1.members"]


# ---- room ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grow_to", [2, 21])
def test_a_cluster_grows_to_no_less_than_it_has_and_no_more_than_twenty(grow_to: int) -> None:
    """The specification says what would be right."""
    with pytest.raises(BadSpec, match=f"grow_to={grow_to}: from nodes=3 to 20"):
        ClusterSpec(nodes=3, grow_to=grow_to)


def test_slots_for_more_nodes_are_taken_and_given_back(tmp_path: Path) -> None:
    """While others could have them a node more waits for nobody: it has room at once, or is refused."""
    slots, others = Slots(tmp_path, 8), Slots(tmp_path, 8)
    with slots.take(2, who="grows"):
        room = Room(slots, nodes=1, per_node=2, who="grows")
        room.fit(3)
        with others.take(2, who="another"):
            with pytest.raises(NoRoom, match=r"no free slots for node number 4 of this cluster.*grow_to=4"):
                room.fit(4)
            room.fit(1)
            room.fit(3)
            room.close()
        with others.take(6, who="another", within_real_s=5.0) as got:
            assert got == 6


def test_who_has_the_whole_pool_grows_as_it_likes(tmp_path: Path) -> None:
    """As a cluster larger than the pool is let in: it disturbs nobody but itself."""
    slots = Slots(tmp_path, 4)
    with slots.take(4, who="alone"):
        room = Room(slots, nodes=2, per_node=2, who="alone")
        room.fit(9)
        room.close()
