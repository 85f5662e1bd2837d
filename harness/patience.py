"""How long a wait may take: document seconds made real, plus a second, plus what the machine stalled."""

import time
from collections.abc import Callable
from typing import TypeVar

from harness.stall import Canary
from harness.waiting import POLL_MIN_REAL_S, wait_for

GRACE_REAL_S = 1.0
"""A scheduler's delay does not shrink with the scale (design section 5)."""

T = TypeVar("T")


class Patience:
    """Waits in document seconds, for as long as a busy machine makes fair.

    Args:
        time_scale: real seconds per document second.
        canary: measures how long this process was kept from running.

    """

    def __init__(self, time_scale: float, canary: Canary) -> None:
        self.time_scale = time_scale
        self._canary = canary

    def now_s(self) -> float:
        """Return monotonic time in document seconds."""
        return time.monotonic() / self.time_scale

    def real_s(self, within_s: float) -> float:
        """Return the real seconds a wait of that many document seconds may take on a machine at rest."""
        return within_s * self.time_scale + GRACE_REAL_S

    def wait(
        self,
        name: str,
        observe: Callable[[], T],
        accept: Callable[[T], bool],
        *,
        within_s: float,
        poll_real_s: float = POLL_MIN_REAL_S,
        describe: Callable[[T], str] = repr,
        interrupt: Callable[[], object] | None = None,
    ) -> T:
        """Return the first observation that is accepted.

        Args:
            name: what is waited for, as a reader would say it.
            observe: called again and again; an exception it raises ends the wait.
            accept: judges an observation.
            within_s: document seconds.
            poll_real_s: real seconds of the first pause; the next ones grow.
            describe: text of an observation, for the message when time runs out.
            interrupt: called every round; raises when waiting has become pointless.

        Raises:
            WaitTimeout: not accepted in time; says what was last seen.

        """
        __tracebackhide__ = True
        return wait_for(
            name,
            observe,
            accept,
            self.real_s(within_s),
            poll_real_s,
            describe=describe,
            interrupt=interrupt,
            stretch=self._canary.stretch,
        )
