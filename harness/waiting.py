"""The one place where the harness pauses: waiting for a named condition, with a deadline.

Invariant: a wait ends when its condition holds, when an interrupt raises, or by a `WaitTimeout` that says
what was waited for, for how long, and what was last seen. Waiting for a signal has no deadline: it is for the
main thread of a program that runs until it is told to end.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

POLL_MIN_REAL_S = 0.001
POLL_MAX_REAL_S = 0.020
BACKOFF = 1.2
"""Each pause is a fifth longer than the one before: what is seen late is late by a fifth of the wait."""


class WaitTimeout(Exception):
    """A named condition did not come true before its deadline."""

    def __init__(self, name: str, waited_real_s: float, last_seen: str) -> None:
        super().__init__(f"waited {waited_real_s:.3f} s for {name}; last seen: {last_seen}")
        self.name = name
        self.waited_real_s = waited_real_s
        self.last_seen = last_seen


def wait_for(  # noqa: PLR0913 - a condition and the patience it deserves: the rare ones are keywords
    name: str,
    observe: Callable[[], T],
    accept: Callable[[T], bool],
    deadline_real_s: float,
    poll_real_s: float = POLL_MIN_REAL_S,
    describe: Callable[[T], str] = repr,
    *,
    interrupt: Callable[[], object] | None = None,
    tolerate: tuple[type[Exception], ...] = (),
    stretch: Callable[[float], float] | None = None,
) -> T:
    """Observe until `accept` holds and return what was observed.

    `deadline_real_s` counts from the call, in real seconds; at least two looks are taken. `poll_real_s` is
    the first pause, the next ones grow up to 20 ms. `interrupt` is called every round and raises when
    waiting has become pointless (the process died); one last look is taken before its error is let
    through. Exceptions of `observe` listed in `tolerate` count as "not yet". `stretch(since)` gives the
    seconds that the machine lost since that CLOCK_MONOTONIC time (`harness.stall.Canary.stretch`): the
    deadline moves by so much.

    Raises WaitTimeout, or what `interrupt` or `observe` raise.
    """
    __tracebackhide__ = True
    begin = time.monotonic()
    condition = _Condition(observe, accept, describe, tolerate)
    pause = poll_real_s
    while not condition.holds():
        waited = time.monotonic() - begin
        _let_interrupt(interrupt, condition)
        if waited >= deadline_real_s and waited >= deadline_real_s + (stretch(begin) if stretch else 0.0):
            raise WaitTimeout(name, waited, condition.last_seen())
        remaining = max(deadline_real_s - waited, POLL_MIN_REAL_S)
        _pause(min(pause, remaining))
        pause = max(poll_real_s, min(pause * BACKOFF, POLL_MAX_REAL_S))
    return condition.value


def wait_for_signal() -> None:
    """Let the handler of the next signal run, in the main thread, and return; or raise what it raises.

    A signal that comes just before the wait counts too: CPython notes it and runs the handler only after the
    next wake-up, so `signal.pause()` and `Event().wait()` may sleep on. Here the note itself is the wake-up.

    Raises:
        ValueError: not in the main thread.

    """
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    before = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    try:
        select.select([readable], [], [])
    finally:
        signal.set_wakeup_fd(before)
        os.close(readable)
        os.close(writable)


class _Condition(Generic[T]):
    """What is observed and when it is good; remembers the last look."""

    value: T

    def __init__(
        self,
        observe: Callable[[], T],
        accept: Callable[[T], bool],
        describe: Callable[[T], str],
        tolerate: tuple[type[Exception], ...],
    ) -> None:
        self._observe = observe
        self._accept = accept
        self._describe = describe
        self._tolerate = tolerate
        self._error: Exception | None = None

    def holds(self) -> bool:
        __tracebackhide__ = True
        try:
            self.value = self._observe()
        except self._tolerate as error:
            self._error = error
            return False
        self._error = None
        return self._accept(self.value)

    def last_seen(self) -> str:
        if self._error is not None:
            return f"{type(self._error).__name__}: {self._error}"
        return self._describe(self.value)


def _let_interrupt(interrupt: Callable[[], object] | None, condition: _Condition[T]) -> None:
    """Let the interrupt raise, unless the condition came true just before."""
    __tracebackhide__ = True
    if interrupt is None:
        return
    try:
        interrupt()
    except Exception:
        if not condition.holds():
            raise


def _pause(real_s: float) -> None:
    threading.Event().wait(real_s)
