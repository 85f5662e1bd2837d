"""A fault in force: made by cutting, ended by leaving its `with` block, also when the block raised."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from harness.links.api import LinkServerDied
from harness.links.matrix import FaultNotInForce
from harness.links.targets import TargetNotAnswering


class Fault:
    """A cut that is in force, verified, from the moment this object exists until it is healed.

    Used as a context manager it heals at the end of the block. When the block raised, its exception is
    the one raised; how the cluster was under the fault is added to it as a note, for the heal will change
    that, and so is a heal that failed.

    Args:
        description: what was cut, in a few words.
        heal: ends the fault.
        explain: what else to say of an exception that was raised meanwhile: how the cluster is now.

    """

    def __init__(
        self, description: str, heal: Callable[[], None], explain: Callable[[Exception], str]
    ) -> None:
        self.description = description
        self._heal = heal
        self._explain = explain
        self._healed = False
        self.in_force_since = time.monotonic()
        """CLOCK_MONOTONIC time at which it was verified."""
        self.ended: float | None = None
        """CLOCK_MONOTONIC time until which it was in force for certain: when healing began. None: it is."""
        self.watchers: list[Callable[[float], None]] = []
        """Told that time, once, when healing begins."""

    def __repr__(self) -> str:
        return f"<{self.description}, {'healed' if self._healed else 'in force'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(raised, Exception) and not self._healed:
            raised.add_note(f"raised while {self.description} was in force{self._explain(raised)}")
        try:
            self.heal()
        except (FaultNotInForce, TargetNotAnswering, LinkServerDied) as problem:
            if raised is None:
                raise
            raised.add_note(f"and while healing {self.description}: {problem}")

    def heal(self) -> None:
        """End the fault; links that no other fault holds are whole again, verified.

        Raises:
            FaultNotInForce: a link is not as intended afterwards, or was not cut all the time.
            TargetNotAnswering: a node is silent even around its links.
            LinkServerDied: the link server is.

        """
        if not self._healed:
            self._healed = True
            self.note_end()
            self._heal()

    def note_end(self) -> None:
        """Note that it is about to be healed, by itself or with all others."""
        if self.ended is None:
            self.ended = time.monotonic()
            for tell in self.watchers:
                tell(self.ended)
