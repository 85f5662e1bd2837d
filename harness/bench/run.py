"""One run of a bench: where its clusters come from, how large it is, and samples taken in turn."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.bench.progress import counted
from harness.session import Session
from harness.stall import Canary
from harness.waiting import wait_for

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large a bench is; None takes the bench's own.

    Args:
        nodes: of the clusters measured, one case each.
        instances: in the clusters measured, one case each.
        workers: the values of pytest's -n, one case each.
        tests: in the suite that these run.

    """

    nodes: tuple[int, ...] | None = None
    instances: tuple[int, ...] | None = None
    workers: tuple[int, ...] | None = None
    tests: int | None = None


@dataclass(frozen=True, slots=True)
class Pairs(Generic[T]):
    """Samples of what was measured and of its floor, and the longest stall of the machine meanwhile."""

    measured: list[T]
    floor: list[T]
    stall_real_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a bench measures with.

    Args:
        session: makes its clusters.
        sizes: what the user asked for.
        pairs: how many samples of both, measured and floor.
        canary: notes when the machine stalled.

    """

    session: Session
    sizes: Sizes
    pairs: int
    canary: Canary

    def interleaved(self, what: str, measured: Callable[[], T], floor: Callable[[], T]) -> Pairs[T]:
        """Take samples of both in turn, so that a busy moment of the machine meets both alike."""
        return self.against(what, floor, [measured])[0]

    def against(
        self, what: str, floor: Callable[[], T], measured: Sequence[Callable[[], T]]
    ) -> list[Pairs[T]]:
        """Take one sample of the floor and of each that is measured, as often as there are to be pairs."""
        rounds, stall_real_s = self._rounds(what, lambda: [take() for take in (*measured, floor)])
        *samples, floors = (list(column) for column in zip(*rounds, strict=True))
        return [Pairs(column, floors, stall_real_s) for column in samples]

    def together(self, what: str, take: Callable[[], tuple[T, T]]) -> Pairs[T]:
        """Take pairs, measured and floor, that come from the same stretch of time."""
        rounds, stall_real_s = self._rounds(what, take)
        return Pairs([measured for measured, _ in rounds], [floor for _, floor in rounds], stall_real_s)

    def _rounds(self, what: str, take: Callable[[], R]) -> tuple[list[R], float]:
        rounds: list[R] = []
        begun = time.monotonic()
        with counted(f"{what}, {self.pairs} pairs", self.pairs) as one_more:
            for _ in range(self.pairs):
                rounds.append(take())
                one_more()
        return rounds, self.canary.worst_since(begun)


def let_pass(real_s: float, what: str) -> None:
    """Let time pass; `what` says what for."""
    moment = time.monotonic() + real_s
    wait_for(what, time.monotonic, lambda now: now >= moment, real_s + 1)
