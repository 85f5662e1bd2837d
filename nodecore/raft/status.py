"""What a node knows of its Raft: the answer to `GET /cutheal/raft`.

Invariant: needs nothing of PySyncObj, so that a node without CP can answer too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class RaftRole(StrEnum):
    """What a member is in its term (Ongaro and Ousterhout, "In Search of an Understandable Consensus
    Algorithm", section 5.1)."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


@dataclass(frozen=True, slots=True, kw_only=True)
class RaftStatus:
    """One node's view at one moment; two nodes may both say that they lead, in different terms."""

    role: RaftRole = RaftRole.FOLLOWER
    leader: str | None = None
    """The advertised address of the leader, None when this node knows of none."""
    term: int = 0
    members: tuple[str, ...] = ()
    """Advertised addresses, this node's included, sorted."""
    commit_index: int = 0
    applied_index: int = 0
    problem: str = ""
    """Why Raft does not run on this node, "" when it does."""


def raft_body(status: RaftStatus | None) -> Mapping[str, object]:
    """Return the JSON of a status; None: the node has no CP."""
    if status is None:
        return {"enabled": False}
    return {
        "enabled": True,
        "state": status.role.value,
        "leader": status.leader,
        "term": status.term,
        "members": list(status.members),
        "commit_index": status.commit_index,
        "applied_index": status.applied_index,
        "problem": status.problem,
    }
