"""The stall canary: a thread that does nothing but wake up on time, and notes when it could not.

Whatever kept it from running (a loaded machine, a stopped process, a long hold of the interpreter lock) kept
the tests and the nodes from running too. Invariant: time lost is neither forgotten nor counted twice, also
while the canary is just being late.
"""

import threading
import time
from collections import deque
from types import TracebackType
from typing import NamedTuple, Self

PERIOD_REAL_S = 0.020
"""A wake-up costs about 0.1 ms: half a percent of a core. A stall is seen short by at most one period."""

NOISE_REAL_S = 0.005
"""Lateness below this is the scheduler's everyday (idle: p99 0.8, max 4 ms) and not noted."""

STRETCH_MAX_REAL_S = 30.0
"""A deadline moves by at most this, so that a wait on a hopeless machine still ends."""

_STALLS_MAX = 10_000
"""At least 250 s of a machine that is late at every single wake-up."""


class Stall(NamedTuple):
    """The canary woke `late_real_s` after it should have, at `ended` (CLOCK_MONOTONIC)."""

    ended: float
    late_real_s: float


class Canary:
    """Wakes every 20 ms; a context manager, or `start` and `stop`."""

    def __init__(self) -> None:
        self._stalls: deque[Stall] = deque(maxlen=_STALLS_MAX)
        self._due = 0.0
        self._noting = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cutheal-stall-canary", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch."""
        self._due = time.monotonic() + PERIOD_REAL_S
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it has seen stays readable."""
        self._stopping.set()
        self._thread.join()

    def worst_since(self, monotonic: float) -> float:
        """Return the longest stall, in real seconds, after this CLOCK_MONOTONIC time."""
        return max((_after(stall, monotonic) for stall in self._all()), default=0.0)

    def stretch(self, since: float) -> float:
        """Return by how many real seconds a deadline set at `since` should move: the time lost since then."""
        return min(sum(_after(stall, since) for stall in self._all()), STRETCH_MAX_REAL_S)

    def _run(self) -> None:
        while not self._stopping.wait(max(0.0, self._due - time.monotonic())):
            self._note()

    def _note(self) -> None:
        with self._noting:
            now = time.monotonic()
            late_real_s = now - self._due
            self._due = now + PERIOD_REAL_S
            if late_real_s > NOISE_REAL_S:
                self._stalls.append(Stall(now, late_real_s))

    def _all(self) -> list[Stall]:
        """Return what was noted, and the stall that goes on: the asker may wake before the canary does."""
        with self._noting:
            now = time.monotonic()
            late_real_s = now - self._due
            if late_real_s <= NOISE_REAL_S or self._stopping.is_set():
                return list(self._stalls)
            return [*self._stalls, Stall(now, late_real_s)]


def _after(stall: Stall, monotonic: float) -> float:
    """The part of a stall that lies after a moment."""
    return max(0.0, min(stall.late_real_s, stall.ended - monotonic))
