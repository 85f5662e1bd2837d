"""Record listeners (R7): who hears of a key, called one after another by one thread.

Invariant: listeners are called in the order in which the changes were published, never by the thread that
published, so never under the core's lock.
"""

import queue
import threading
from collections.abc import Callable

from nodecore.core.events import Notify
from nodecore.runtime.logs import NodeLog

Listener = Callable[[Notify], None]


class Listeners:
    """Keeps the listeners of each key and calls them; the thread starts with the first listener."""

    def __init__(self, log: NodeLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._by_key: dict[str, tuple[Listener, ...]] = {}
        self._to_all: tuple[Listener, ...] = ()
        self._queue: queue.SimpleQueue[tuple[Notify, tuple[Listener, ...]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def listen(self, key: str, listener: Listener) -> None:
        """Call `listener` on every change and delete of `key` from now on; twice is once."""
        with self._lock:
            present = self._by_key.get(key, ())
            if listener not in present:
                self._by_key[key] = (*present, listener)
            self._start()

    def unlisten(self, key: str, listener: Listener) -> None:
        """Stop calling `listener` for `key`; what was published before is still delivered."""
        with self._lock:
            left = tuple(known for known in self._by_key.get(key, ()) if known != listener)
            if left:
                self._by_key[key] = left
            else:
                self._by_key.pop(key, None)

    def listen_to_all(self, listener: Listener) -> None:
        """Call `listener` on every change and delete of any key from now on."""
        with self._lock:
            self._to_all = (*self._to_all, listener)
            self._start()

    def publish(self, change: Notify) -> None:
        """Queue a change for those who listen now. Returns at once."""
        with self._lock:
            audience = self._to_all + self._by_key.get(change.key, ())
            if audience:
                self._queue.put((change, audience))

    def close(self, timeout_s: float = 5.0) -> None:
        """Deliver what was published, then end the thread.

        Raises:
            RuntimeError: a listener did not return in time.
        """
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self._queue.put(None)
        thread.join(timeout_s)
        if thread.is_alive():
            raise RuntimeError(f"a record listener has not returned for {timeout_s} s")

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver, name="listeners", daemon=True)
            self._thread.start()

    def _deliver(self) -> None:
        while (item := self._queue.get()) is not None:
            change, audience = item
            for listener in audience:
                self._call(listener, change)

    def _call(self, listener: Listener, change: Notify) -> None:
        try:
            listener(change)
        except Exception as error:  # noqa: BLE001  a listener is foreign code: its fault must not end the thread
            self._log.write("error", "listener_failed", [("key", change.key), ("error", repr(error))])
