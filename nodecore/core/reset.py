"""A node brought back to the state just after loading, with the members it has: for harnesses that reuse it.

Invariant: it is done only where nothing of before can come back by this node, that is while all members are
UP and no call that carries data is open; otherwise it is refused and nothing is changed.
"""

from collections.abc import Sequence
from typing import Protocol

from nodecore.core.answers import Done, Refused
from nodecore.core.cp_state import CpState
from nodecore.core.judge import Judge
from nodecore.core.load import Load
from nodecore.core.members import Members
from nodecore.core.outward import Outward
from nodecore.core.switches import Switches


class Forgets(Protocol):
    """A part of the node that holds what a reset has to undo."""

    def forget_all(self) -> None:
        """Be as empty as just after loading."""


class Reset:
    """Empties the parts of a node, in their order."""

    def __init__(
        self,
        out: Outward,
        members: Members,
        load: Load,
        judge: Judge,
        switches: Switches,
        cp: CpState,
        parts: Sequence[Forgets],
    ) -> None:
        self._out = out
        self._members = members
        self._load = load
        self._judge = judge
        self._switches = switches
        self._cp = cp
        self._parts = parts

    def answer(self, now: float) -> Done | Refused:
        """Forget everything, or say why not."""
        why_not = self._why_not(now)
        if why_not:
            return Refused(status=409, message=f"not reset: {why_not}")
        if self._out.open_with_data:
            return Refused(status=503, message="not reset yet: calls that carry data are open; ask again")
        for part in self._parts:
            part.forget_all()
        self._out.log("info", "reset")
        return Done()

    def _why_not(self, now: float) -> str:
        reasons = {
            "this node has not loaded": not self._load.loaded,
            "snapshots have still to be merged": bool(self._load.owed),
            "not every member is UP": not self._members.all_up,
            "this node has stalled and judges nobody yet": self._judge.is_stalled(now),
            "its switches were changed": self._switches.are_changed,
            "CP has applied records, which only CP can take back": self._cp.holds_records,
        }
        return ", ".join(reason for reason, holds in reasons.items() if holds)
