"""Which probes of a test harness reached this node, by whatever channel.

Invariant: the last `seen_max` are remembered, each with when it came by CLOCK_MONOTONIC.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping


class Arrivals:
    """Remembers probe ids; used from any thread."""

    def __init__(self, seen_max: int) -> None:
        self._seen_max = seen_max
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, probe_id: str) -> None:
        """Remember that a probe has come, now."""
        arrived_s = time.monotonic()
        with self._lock:
            self._seen[probe_id] = arrived_s
            if len(self._seen) > self._seen_max:
                self._seen.popitem(last=False)

    def seen(self, probe_ids: Iterable[str]) -> Mapping[str, float | None]:
        """Return when each of these came, None for those that did not."""
        with self._lock:
            return {probe_id: self._seen.get(probe_id) for probe_id in probe_ids}
