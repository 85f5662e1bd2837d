"""Raft as users of `CPProtocol` see it: what is acknowledged, what is refused, and how sure that is."""

import threading
from pathlib import Path

import pytest

from harness.waiting import wait_for
from nodecore.consistency.metadata import LEADER, MEMBERS, TERM
from nodecore.consistency.protocol import ReadRequest, WriteRequest
from nodecore.errors import BadRequest, NodeError, NoLeader, OutcomeUnknown
from tests.runtime.raft_members import GROUP, PATIENCE_S, Member, leader_of, members, record, start


def stop(member: Member) -> None:
    member.protocol.shutdown()


@pytest.mark.requirement("R2")
@pytest.mark.requirement("R3")
def test_every_member_takes_writes_and_all_read_them() -> None:
    """Whether it leads or not; a linearizable read sees every write that was acknowledged before it."""
    with members(3) as group:
        leader_of(group)
        for number, writer in enumerate(group):
            writer.put("k", number)
            assert [reader.get("k") for reader in group] == [number] * 3
        group[0].remove("k")
        assert [reader.get("k") for reader in group] == [None] * 3
        assert group[0].counts.of("raft_requests")["applied",] >= 2


@pytest.mark.requirement("R5")
def test_leader_term_and_members_are_told_for_each_group() -> None:
    """The same for all groups, for they share one Raft; who subscribed hears a new leader."""
    with members(3) as group:
        first = leader_of(group)
        follower = next(member for member in group if member is not first)
        metadata = follower.protocol.protocol_metadata()
        addresses = tuple(member.config.address for member in group)
        assert metadata.get(GROUP, MEMBERS) == addresses
        wait_for("a leader", lambda: metadata.get(GROUP, LEADER), lambda told: told in addresses, PATIENCE_S)
        heard: list[object] = []
        metadata.subscribe(GROUP, TERM, lambda _group, _key, term: heard.append(term))
        stop(first)
        second = leader_of([member for member in group if member is not first])
        assert second.config.address != first.config.address
        wait_for("a later term", lambda: list(heard), lambda terms: len(terms) > 1, PATIENCE_S)
        assert heard == sorted(set(heard), key=heard.index)
        assert f"leader={second.config.address}" in follower.log.getvalue()


@pytest.mark.requirement("R3")
def test_without_a_majority_nothing_is_acknowledged_and_the_refusal_says_how_sure_it_is() -> None:
    """A leader left alone first takes a write whose outcome nobody knows, then knows that it leads nobody."""
    with members(3) as group:
        leader = leader_of(group)
        leader.put("k", 1)
        for other in group:
            if other is not leader:
                stop(other)
        with pytest.raises((OutcomeUnknown, NoLeader)):
            leader.try_to_put("k", 2)
        wait_for("it knows that it leads nobody", leader.leads, lambda leads: not leads, PATIENCE_S)
        for attempt in (lambda: leader.try_to_put("k", 3), lambda: leader.try_to_get("k")):
            with pytest.raises(NoLeader, match=r"^no leader in this partition within 1 s; nothing was done"):
                attempt()
        assert leader.try_to_get("k", "stale") == 1
        assert leader.counts.of("raft_requests")["definite",] >= 2


@pytest.mark.requirement("R3")
def test_what_a_paused_majority_has_not_confirmed_is_never_said_to_be_done() -> None:
    """Both followers stand still while the leader is asked; afterwards all agree on what came of it."""
    with members(3) as group:
        leader = leader_of(group)
        followers = [member for member in group if member is not leader]
        for follower in followers:
            follower.store.gate.clear()
        first = WriteRequest(group=GROUP, key="first", data=record(1))

        def stand_still() -> bool:
            leader.protocol.write_async(first)
            return all(follower.store.waits.is_set() for follower in followers)

        wait_for("both followers stand still", stand_still, bool, PATIENCE_S)
        with pytest.raises((OutcomeUnknown, NoLeader)) as refused:
            leader.try_to_put("k", 2)
        for follower in followers:
            follower.store.gate.set()
        seen = [reader.get("k") for reader in (*group, *group)]
        assert seen in ([None] * never + [2] * (6 - never) for never in range(7)), "it came and went again"
        if refused.value.definite:
            assert seen == [None] * 6


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # PySyncObj closes no file that it sent a snapshot from
@pytest.mark.requirement("R3")
def test_what_was_acknowledged_is_there_after_all_have_stopped(tmp_path: Path) -> None:
    """From journal and snapshot, for the log was compacted; a member that was away catches up."""
    with members(3, tmp_path, compact_entries=10) as group:
        leader_of(group)
        away = group[2]
        stop(away)
        leader_of(group[:2])
        for number in range(40):
            group[number % 2].put(f"k{number}", number)
        assert (tmp_path / "s1" / "raft.snapshot").exists()
        for member in group[:2]:
            stop(member)
        group[:] = [start(member.config) for member in group]
        leader_of(group)
        for reader in group:
            assert [reader.get(f"k{number}") for number in range(40)] == list(range(40))
            assert reader.try_to_get("k39", "stale") == 39


def test_what_no_group_serves_or_no_log_can_hold_is_the_askers_mistake() -> None:
    """Refused before it is anywhere near the log."""
    with members(1) as (alone,):
        leader_of([alone])
        with pytest.raises(BadRequest, match="no processor serves the group 'x'"):
            alone.protocol.write(WriteRequest(group="x", key="k", data=record(1)))
        with pytest.raises(BadRequest, match="longer than a command may be"):
            alone.protocol.write(WriteRequest(group=GROUP, key="k" * 300_000, data=record(1)))
        with pytest.raises(BadRequest, match="consistency must be linearizable or stale"):
            alone.try_to_get("k", "eventual")


def test_who_waits_when_raft_stops_is_told_so() -> None:
    """And who asks later; no thread is left."""
    with members(2) as (left, right):
        leader_of([left, right])
        stop(right)
        waiting = [left.protocol.write_async(WriteRequest(group=GROUP, key="k", data=record(1)))]
        waiting.append(left.protocol.get_data_async(ReadRequest(group=GROUP, key="k")))
        stop(left)
        for future in waiting:
            assert isinstance(future.exception(PATIENCE_S), NodeError)
        with pytest.raises(NoLeader, match="does not run on this node"):
            left.try_to_put("k", 1)
        assert [thread.name for thread in threading.enumerate() if thread.name == "raft"] == []


def test_a_folder_that_cannot_be_read_stops_raft_and_not_the_node(tmp_path: Path) -> None:
    """The status names the file; requests are refused, and nothing is written over it."""
    with members(1, tmp_path) as (alone,):
        leader_of([alone])
        alone.put("k", 1)
        stop(alone)
        (tmp_path / "s1" / "raft.snapshot").write_bytes(b"no snapshot")
        again = start(alone.config)
        problem = wait_for("a problem", lambda: again.protocol.status().problem, bool, PATIENCE_S)
        assert "raft.snapshot cannot be read" in problem
        with pytest.raises(NoLeader, match="Raft has failed"):
            again.try_to_put("k", 2)
        stop(again)
        assert "event=raft_failed" in again.log.getvalue()
