"""The file by which a running node learns who its members are and where it dials them (R16).

A cluster.conf as Nacos has it, with one addition: `ip:port=ip:port` is a member and the link that leads to
it, `ip:port=ip:port=ip:port` also the one that leads to its Raft port. Invariant: who reads it finds the old
list or the new one, never a part.
"""

from pathlib import Path

from harness.program import NodePlan


def write_members_file(plan: NodePlan) -> None:
    """Write the plan's members, in ring order, in place of what was there."""
    file = Path(plan.members_file)
    beside = file.with_suffix(".new")
    beside.write_text(members_text(plan), encoding="utf-8")
    beside.replace(file)


def members_text(plan: NodePlan) -> str:
    """Return what the file of this plan holds."""
    maps = (dict(plan.dial), dict(plan.raft_dial))
    lines = [[member, *(ways[member] for ways in maps if member in ways)] for member in plan.members]
    return "".join("=".join(line) + "\n" for line in lines)
