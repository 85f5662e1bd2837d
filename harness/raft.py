"""What the nodes of a cluster with CP say of their Raft log, and who leads them.

Invariant: nobody leads a cluster on his own word: of all who say that they lead it is the one in the highest
term, and only if a majority of its members follows it. (Terms of candidates mean nothing: one who is cut off
counts them up for ever.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEADER = "leader"


@dataclass(frozen=True, slots=True, kw_only=True)
class RaftView:
    """What one node says at one moment; nodes go by their names, one that is not in the cluster by address.

    Args:
        state: `leader`, `follower` or `candidate`.
        leader: whom it follows, itself if it leads; None: nobody that it knows of.
        term: the election that it knows of.
        members: whose votes count, in ring order.
        commit_index: the last entry of the log that a majority has, as far as it knows.
        applied_index: the last entry that it has applied.
        problem: why its Raft does not run; "" when it does.

    """

    state: str
    leader: str | None
    term: int
    members: tuple[str, ...]
    commit_index: int
    applied_index: int
    problem: str = ""

    def __str__(self) -> str:
        follows = "" if self.state == LEADER else f" of {self.leader or 'nobody'}"
        text = f"raft {self.state}{follows} in term {self.term}, members {' '.join(self.members) or '-'}, "
        text += f"committed {self.commit_index}, applied {self.applied_index}"
        return text + (f"; {self.problem}" if self.problem else "")


RaftViews = Mapping[str, RaftView | str]
"""Node name -> its view, or the reason why there is none."""


def raft_view(told: Mapping[str, Any], names: Mapping[str, str]) -> RaftView:
    """Read the answer to `GET /cutheal/raft`.

    Args:
        told: the answer.
        names: advertised address -> name of every node.

    """
    leader = told["leader"]
    return RaftView(
        state=told["state"],
        leader=None if leader is None else names.get(leader, leader),
        term=told["term"],
        members=tuple(names.get(member, member) for member in told["members"]),
        commit_index=told["commit_index"],
        applied_index=told["applied_index"],
        problem=told.get("problem", ""),
    )


def agreed_leader(views: RaftViews) -> str | None:
    """Return the name of the one who leads; None: there is none, or not enough nodes follow it."""
    heard = {name: view for name, view in views.items() if isinstance(view, RaftView)}
    leading = {name: view for name, view in heard.items() if view.state == LEADER}
    if not leading:
        return None
    name, view = max(leading.items(), key=lambda item: item[1].term)
    following = [m for m in view.members if m in heard and _follows(heard[m], name, view.term)]
    return name if len(following) > len(view.members) // 2 else None


def _follows(view: RaftView, leader: str, term: int) -> bool:
    return (view.leader, view.term) == (leader, term)


def describe_views(views: RaftViews) -> str:
    """Return one line for each node."""
    return "".join(f"\n  {name}: {view}" for name, view in views.items())
