"""Members that come and go while the log goes on (R16 reaches CP), and who may vote."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.ports import Reservations
from harness.waiting import wait_for
from nodecore.raft.status import RaftRole
from tests.runtime.raft_members import PATIENCE_S, Member, joining, leader_of, members, start


def await_members(group: list[Member], expected: set[str]) -> None:
    """All of these agree on who the members are."""
    wait_for(
        "the same members everywhere",
        lambda: [set(member.protocol.status().members) for member in group],
        lambda seen: all(one == expected for one in seen),
        PATIENCE_S,
    )


def change(group: list[Member], wanted: list[str]) -> None:
    """What the lookup of every node does; whichever leads acts on it."""
    for member in group:
        member.protocol.member_change(wanted)


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # PySyncObj closes no file that it sent a snapshot from
@pytest.mark.requirement("R16")
@pytest.mark.requirement("R3")
def test_a_member_joins_with_an_empty_log_and_counts_from_then_on(tmp_path: Path) -> None:
    """It gets snapshot and log, and votes when it is told who the members are; who has left is gone."""
    with Reservations() as ports, members(2, tmp_path, compact_entries=10) as group:
        leader_of(group)
        for number in range(15):
            group[0].put(f"k{number}", number)
        newcomer = joining(group, ports.reserve(1)[0], tmp_path)
        group.append(newcomer)
        everybody = [member.config.address for member in group]
        assert newcomer.protocol.status().role is RaftRole.FOLLOWER
        change(group, everybody)
        await_members(group, set(everybody))
        wait_for("it has joined", newcomer.log.getvalue, lambda text: "event=raft_joined" in text, PATIENCE_S)
        assert newcomer.get("k14") == 14
        group.pop(0).protocol.shutdown()
        leader_of(group)
        group[0].put("k", 1)
        assert newcomer.get("k") == 1
        change(group, everybody[1:])
        await_members(group, set(everybody[1:]))


@pytest.mark.requirement("R16")
def test_who_nobody_has_added_does_not_count() -> None:
    """Together with a member that lost the others it would be a second majority."""
    with Reservations() as ports, members(2) as group:
        leader = leader_of(group)
        newcomer = joining(group, ports.reserve(1)[0])
        group.append(newcomer)
        other = next(member for member in group[:2] if member is not leader)
        leader.protocol.shutdown()
        wait_for(
            "nobody leads", lambda: other.protocol.status().leader, lambda seen: seen is None, PATIENCE_S
        )
        assert newcomer.protocol.status().term == 0
        assert not newcomer.leads()


@pytest.mark.requirement("R16")
def test_a_leader_that_is_no_member_any_more_hands_over() -> None:
    """The others go on without it."""
    with members(3) as group:
        first = leader_of(group)
        rest = [member for member in group if member is not first]
        change(group, [member.config.address for member in rest])
        await_members(rest, {member.config.address for member in rest})
        assert leader_of(rest) in rest


@pytest.mark.requirement("R16")
def test_a_folder_belongs_to_one_member(tmp_path: Path) -> None:
    """With the log and the votes of another it would speak for two."""
    with members(1, tmp_path) as (alone,):
        leader_of([alone])
        alone.protocol.shutdown()
        other = replace(alone.config, address="127.0.0.1:9", members=("127.0.0.1:9",), raft_dial=())
        stranger = start(other)
        problem = wait_for("a problem", lambda: stranger.protocol.status().problem, bool, PATIENCE_S)
        assert "is that of 127.0.0.1:10001 and not of 127.0.0.1:9" in problem
        stranger.protocol.shutdown()
