"""Who leads, as far as what the nodes say goes: nobody on his own word."""

from dataclasses import replace

import pytest

from harness.raft import RaftView, agreed_leader, describe_views, raft_view

FOLLOWER = RaftView(
    state="follower", leader="s1", term=3, members=("s1", "s2", "s3"), commit_index=7, applied_index=7
)
LEADER = replace(FOLLOWER, state="leader")
CANDIDATE = replace(FOLLOWER, state="candidate", leader=None, term=9)
OLD_LEADER = replace(LEADER, leader="s3", term=2)


@pytest.mark.parametrize(
    ("views", "leader"),
    [
        ({"s1": LEADER, "s2": FOLLOWER, "s3": FOLLOWER}, "s1"),
        ({"s1": LEADER, "s2": FOLLOWER}, "s1"),
        ({"s1": LEADER, "s2": FOLLOWER, "s3": OLD_LEADER}, "s1"),
        ({"s1": LEADER, "s2": FOLLOWER, "s3": CANDIDATE}, "s1"),
        ({"s1": LEADER, "s2": "no answer", "s3": CANDIDATE}, None),
        ({"s1": LEADER, "s2": replace(FOLLOWER, term=2), "s3": replace(FOLLOWER, leader=None)}, None),
        ({"s1": FOLLOWER, "s2": FOLLOWER, "s3": "no answer"}, None),
        ({"s1": replace(LEADER, members=("s1",))}, "s1"),
        ({}, None),
    ],
    ids=[
        "all agree",
        "one is not asked",
        "one was cut off while it led",
        "one is cut off and counts terms up",
        "nobody follows",
        "in another term",
        "the leader is not asked",
        "alone",
        "nobody is asked",
    ],
)
def test_a_leader_is_one_whom_a_majority_of_its_members_follows(
    views: dict[str, RaftView | str], leader: str | None
) -> None:
    """In the highest term that a leader names."""
    assert agreed_leader(views) == leader


def test_views_are_told_by_names_and_a_stranger_by_address() -> None:
    """What a time-out shows, one line for each node."""
    told = {"state": "follower", "leader": "h:2", "term": 3, "members": ["h:1", "h:2", "h:3"]}
    view = raft_view(told | {"commit_index": 7, "applied_index": 6}, {"h:1": "s1", "h:2": "s2"})
    assert describe_views({"s1": view, "s2": "no answer"}) == (
        "\n  s1: raft follower of s2 in term 3, members s1 s2 h:3, committed 7, applied 6\n  s2: no answer"
    )
