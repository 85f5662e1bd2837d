"""What an operator may order of Raft through `execute`, as Nacos' core/ops."""

from pathlib import Path

from harness.waiting import wait_for
from tests.runtime.raft_members import PATIENCE_S, leader_of, members


def test_the_leader_hands_over_on_request() -> None:
    """To the member that was named, once that has the whole log; who does not lead cannot."""
    with members(3) as group:
        before = leader_of(group).protocol.status().term

        def hand_over() -> str | None:
            leader = next((member for member in group if member.leads()), None)
            heir = next(member for member in group if member is not leader)
            if leader is None:
                return None
            order = {"command": "transferLeader", "value": heir.config.address}
            return heir.config.address if leader.protocol.execute(order).success else None

        assert wait_for("a leader that hands over", hand_over, bool, PATIENCE_S)
        wait_for(
            "a later term",
            lambda: [member.protocol.status().term for member in group],
            lambda terms: min(terms) > before,
            PATIENCE_S,
        )
        stranger = {"command": "transferLeader", "value": "127.0.0.1:1"}
        wait_for(
            "the answers of a leader and of followers",
            lambda: [member.protocol.execute(stranger).error_message for member in group],
            lambda said: (
                any("cannot take over" in one for one in said)
                and any("only the leader can" in one for one in said)
            ),
            PATIENCE_S,
        )


def test_a_snapshot_is_taken_on_request(tmp_path: Path) -> None:
    """The log is cut, and what was written is there after a restart."""
    with members(1, tmp_path) as (alone,):
        leader_of([alone])
        alone.put("k", 1)
        assert alone.protocol.execute({"command": "doSnapshot"}).success
        snapshot = tmp_path / "s1" / "raft.snapshot"
        wait_for("the snapshot", snapshot.exists, bool, PATIENCE_S)


def test_orders_that_nobody_can_carry_out_are_refused() -> None:
    """What is unknown, and everything after `shutdown`."""
    with members(1) as (alone,):
        unknown = alone.protocol.execute({"command": "dance"})
        assert (unknown.success, unknown.status) == (False, 400)
        assert "known: members, transferLeader, doSnapshot" in unknown.error_message
        alone.protocol.shutdown()
        stopped = alone.protocol.execute({"command": "members"})
        assert (stopped.success, stopped.status) == (False, 503)
