"""What is mended in PySyncObj's messages, each by the case that would lose or invent a write."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from nodecore.raft.journal import Entry
from nodecore.raft.mending import Mending


def entry(index: int, term: int) -> Entry:
    """An entry whose command tells it from every other."""
    return (f"{index} of term {term}".encode(), index, term)


@dataclass
class Follower:
    """What mending looks at in PySyncObj: the log, and how far it is applied."""

    log: list[Entry]
    raftCurrentTerm: int = 3  # noqa: N815
    raftLastApplied: int = 1  # noqa: N815
    raftCommitIndex: int = 1  # noqa: N815
    mending: Mending = field(init=False)

    def __post_init__(self) -> None:
        self.log = self._SyncObj__raftLog = list(self.log)
        self.mending = Mending(self)

    def take(self, **message: Any) -> dict[str, Any]:
        taken = self.mending.incoming({"type": "append_entries", "term": 3, "commit_index": 9} | message)
        assert taken is not None
        return taken

    def answer(self, next_index: int) -> dict[str, Any] | None:
        """What the leader is told when PySyncObj says how far its log goes."""
        return self.mending.outgoing(
            {"type": "next_node_idx", "next_node_idx": next_index, "reset": False, "success": True}
        )


LOG = [entry(1, 0), entry(2, 1), entry(3, 1), entry(4, 1), entry(5, 2)]


@pytest.mark.requirement("R3")
def test_entries_that_are_there_already_are_left_where_they_are() -> None:
    """The leader sends 3 and 4 again: PySyncObj would take 5 off the log, which was answered for."""
    follower = Follower(LOG)
    taken = follower.take(prevLogIdx=2, prevLogTerm=1, entries=[entry(3, 1), entry(4, 1)])
    assert (taken["prevLogIdx"], taken["prevLogTerm"], taken["entries"]) == (5, 2, [])
    assert taken["commit_index"] == 4, "no further than what was compared"
    answered = follower.answer(6)
    assert answered is not None
    assert answered["next_node_idx"] == 5, "5 was not compared"


def test_only_what_differs_or_is_new_is_taken() -> None:
    """4 is there, 5 is of another term and gives way, 6 is new."""
    follower = Follower(LOG)
    entries = [entry(4, 1), entry(5, 3), entry(6, 3)]
    taken = follower.take(prevLogIdx=3, prevLogTerm=1, entries=entries)
    assert (taken["prevLogIdx"], taken["prevLogTerm"], taken["entries"]) == (4, 1, entries[1:])
    assert taken["commit_index"] == 9
    answered = follower.answer(7)
    assert answered is not None
    assert answered["next_node_idx"] == 7


def test_what_does_not_fit_our_log_is_pysyncobjs_to_refuse() -> None:
    """It asks for earlier entries then."""
    follower = Follower(LOG)
    for index, term in ((5, 3), (8, 3), (None, None)):
        entries = [entry(9, 3)]
        taken = follower.take(prevLogIdx=index, prevLogTerm=term, entries=entries)
        assert (taken["prevLogIdx"], taken["entries"]) == (index, entries)


def test_a_snapshot_on_its_way_commits_nothing() -> None:
    """Entry 5 was never compared with the leader's log: an isolated leader may have invented it."""
    follower = Follower(LOG, raftCommitIndex=4)
    taken = follower.take(serialized=(b"..", True, False), snapshot=(8, 3))
    assert taken["commit_index"] == 4
    assert follower.answer(6) is None, "the snapshot is not installed, so there is nothing to answer for"
    follower.log[:] = [entry(7, 3), entry(8, 3)]
    answered = follower.answer(9)
    assert answered is not None
    assert answered["next_node_idx"] == 9


def test_a_snapshot_does_not_take_away_what_is_there() -> None:
    """The leader has compacted while our answers were on their way; what follows its snapshot stays."""
    follower = Follower(LOG)
    taken = follower.take(serialized=(b"..", True, True), snapshot=(3, 1))
    assert "serialized" not in taken
    assert (taken["prevLogIdx"], taken["entries"], taken["commit_index"]) == (5, [], 3)
    answered = follower.answer(6)
    assert answered is not None
    assert answered["next_node_idx"] == 4


def test_an_answer_of_another_term_is_not_counted() -> None:
    """It is about a log that the follower may have given up since."""
    leader = Follower(LOG)
    answered = leader.answer(6)
    assert answered is not None
    assert leader.mending.incoming(answered) == answered
    leader.raftCurrentTerm = 4
    assert leader.mending.incoming(answered) is None


def test_an_answer_to_the_process_before_a_restart_is_dropped() -> None:
    """Both have counted their requests from 1."""
    before, after = Follower(LOG), Follower(LOG)
    asked = before.mending.outgoing({"type": "apply_command", "command": b"\x00", "request_id": 1})
    assert asked is not None
    answer = {
        "type": "apply_command_response",
        "request_id": asked["request_id"],
        "log_idx": 6,
        "log_term": 3,
    }
    assert after.mending.incoming(answer) is None
    given = before.mending.incoming(answer)
    assert given is not None
    assert given["request_id"] == 1


def test_nobody_but_the_leader_itself_changes_the_members() -> None:
    """Two changes at once could make two majorities that do not overlap."""
    follower = Follower(LOG)
    for first_byte in (b"\x02", b"\x03"):
        assert follower.mending.incoming({"type": "apply_command", "command": first_byte + b"..."}) is None
    assert follower.mending.incoming({"type": "apply_command", "command": b"\x00..."}) is not None
