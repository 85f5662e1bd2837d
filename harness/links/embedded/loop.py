"""Waits for sockets and for moments, in one thread: everything the embedded link server does starts here.

Invariant: what a callback raises ends neither the loop nor any other callback; it is written to stderr.
"""

import heapq
import selectors
import socket
import sys
import time
import traceback
from collections.abc import Callable
from itertools import count

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Ready = Callable[[int], None]
"""Called with the mask of READ and WRITE that a socket is ready for."""


class Timer:
    """A callback and its moment; `cancel` takes it back."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Take it back, if it has not been called yet."""
        self._callback = None

    def fire(self) -> None:
        """Call back, once, unless cancelled."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Loop:
    """A selector, and a heap of timers."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._runs = True

    now = staticmethod(time.monotonic)

    def watch(self, watched: socket.socket, mask: int, ready: Ready) -> None:
        """Call `ready` whenever the socket is ready for what the mask says."""
        self._selector.register(watched, mask, ready)

    def change(self, watched: socket.socket, mask: int, ready: Ready) -> None:
        """Watch the socket, which is watched already, for something else."""
        self._selector.modify(watched, mask, ready)

    def forget(self, watched: socket.socket) -> None:
        """Watch it no longer; to be done before it is closed."""
        self._selector.unregister(watched)

    def call_at(self, moment: float, callback: Callable[[], None]) -> Timer:
        """Call back at a moment of `now`, in monotonic seconds, or as soon after as can be."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (moment, next(self._numbers), timer))
        return timer

    def run(self) -> None:
        """Serve until `stop`."""
        while self._runs:
            for key, mask in self._selector.select(self._until_next()):
                _guarded(key.data, mask)
            self._fire_due()

    def stop(self) -> None:
        """End `run` after the current round."""
        self._runs = False

    def close(self) -> None:
        """Give the selector back."""
        self._selector.close()

    def _until_next(self) -> float | None:
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - self.now())

    def _fire_due(self) -> None:
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            _guarded(heapq.heappop(self._timers)[2].fire)


def _guarded(callback: Callable[..., None], *arguments: object) -> None:
    try:
        callback(*arguments)
    except Exception:  # noqa: BLE001 - one broken connection must not end all others
        traceback.print_exc(file=sys.stderr)
