"""What a node has done so far, by name and labels: plain sums, for `/metrics` to show.

Invariant: counting needs no library, waits for nobody, and a counter never goes back.
"""

import threading
from collections.abc import Mapping

Labels = tuple[str, ...]


class Counts:
    """Counters of one node; used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, dict[Labels, float]] = {}

    def add(self, name: str, *labels: str, amount: float = 1.0) -> None:
        """Add to a counter, which begins at 0."""
        with self._lock:
            sums = self._sums.setdefault(name, {})
            sums[labels] = sums.get(labels, 0.0) + amount

    def of(self, name: str) -> Mapping[Labels, float]:
        """Return a copy of a counter: labels -> sum; empty when nothing was ever added."""
        with self._lock:
            return dict(self._sums.get(name, {}))

    def highest(self, name: str, value: float) -> None:
        """Keep the highest value ever told under a name that has no labels."""
        with self._lock:
            sums = self._sums.setdefault(name, {})
            sums[()] = max(sums.get((), value), value)
