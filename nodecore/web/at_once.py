"""Short requests are answered by the thread that read them; what waits or is long gets a thread of waitress.

Handing a request to another thread and back costs more than a beat does: two wake-ups, and two changes of who
holds the interpreter. So the loop tries first. Invariants: a request that raises `MustWait` has done nothing
that its repetition would not do again to the same effect, and a thread serves it from its beginning; the loop
never waits for anybody.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from waitress.task import ThreadedTaskDispatcher

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

    WSGIApplication = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

AT_ONCE = "nodecore.at_once"
"""In a request's environment: whether the loop itself asks, so that the answer may not wait."""

INSTANCES_MAX = 500
"""An answer with more is written by a thread: some milliseconds of processor time."""

_BODY_BYTES_MAX = 64 * 1024
"""A longer body is read by a thread, for the same reason."""

_log = logging.getLogger(__name__)


class MustWait(BaseException):
    """This request is none for the loop: no error, and no `Exception`, for waitress answers those itself."""


class Dispatcher:
    """What waitress calls a task dispatcher: takes the channels that have a whole request.

    Invariant: a channel is served by one thread at a time, as waitress demands.

    Args:
        threads_max: so many at most, started when requests need them.
    """

    def __init__(self, threads_max: int) -> None:
        self._threads_max = threads_max
        self._threads = ThreadedTaskDispatcher()
        self._ready: deque[Any] = deque()
        self._loop: int | None = None

    def telling(self, application: "WSGIApplication") -> "WSGIApplication":
        """Return an application that is told whether the loop asks."""

        def told(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
            environ[AT_ONCE] = threading.get_ident() == self._loop
            return application(environ, start_response)

        return told

    def waking(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Return what wakes the loop, but not when the loop itself calls it: it looks again anyway.

        waitress wakes it after each answer: a pipe written and read, and one more look at all connections.
        """

        def wake_from_elsewhere() -> None:
            if threading.get_ident() != self._loop:
                wake()

        return wake_from_elsewhere

    def run_in_this_thread(self) -> None:
        """Say that the loop is run by the calling thread, which will call `serve`."""
        self._loop = threading.get_ident()

    def requests_now(self) -> int:
        """Return how many requests wait or are being answered; from any thread."""
        return len(self._ready) + len(self._threads.queue) + self._threads.active_count

    def add_task(self, channel: Any) -> None:
        """Take a channel: from the loop that has read a request, or from a thread that has answered one."""
        if threading.get_ident() == self._loop and _is_short(channel.requests):
            self._ready.append(channel)
        else:
            self._threads.add_task(channel)

    def serve(self) -> None:
        """Answer what the loop has just read, and see to it that there are threads for the rest."""
        while self._ready:
            is_over = self._serve(self._ready[0])
            channel = self._ready.popleft()
            if not is_over:
                self._threads.add_task(channel)
        if self._threads.queue:
            self._grow()

    def shutdown(self, timeout_s: float) -> None:
        """End the threads, after what they do."""
        self._threads.shutdown(timeout=max(0.1, timeout_s))  # type: ignore[arg-type]  # the stubs say int

    def _serve(self, channel: Any) -> bool:
        """Return whether that was all; if not, a thread has to begin anew."""
        try:
            channel.service()
        except MustWait:
            channel.requests[0].get_body_stream().seek(0)
            return False
        except Exception:  # noqa: BLE001  a fault in one request must not end the loop for all
            _log.exception("a request could not be served")
        return True

    def _grow(self) -> None:
        """Add threads for requests that no thread is free for."""
        threads = len(self._threads.threads)
        missing = len(self._threads.queue) - (threads - self._threads.active_count)
        if missing > 0 and threads < self._threads_max:
            self._threads.set_thread_count(min(threads + missing, self._threads_max))


def _is_short(requests: list[Any]) -> bool:
    """Of several at once, the next answer may have to wait until the one before is sent."""
    body = requests[0].body_rcv
    return len(requests) == 1 and (body is None or len(body) <= _BODY_BYTES_MAX)
