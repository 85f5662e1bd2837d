"""A fault in force: made by cutting, ended by leaving its `with` block, also when the block raised."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from harness.links.api import LinkServerDied
from harness.links.matrix import FaultNotInForce
from harness.links.targets import TargetNotAnswering


class Fault:
    """A cut that is in force, verified, from the moment this object exists until it is healed.

    Used as a context manager it heals at the end of the block. When the block raised and the heal
    fails too, the block's exception is the one raised and the other is added to it as a note.
    """

    def __init__(self, description: str, heal: Callable[[], None]) -> None:
        self.description = description
        self._heal = heal
        self._healed = False

    def __repr__(self) -> str:
        return f"<{self.description}, {'healed' if self._healed else 'in force'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
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
            self._heal()
