"""Keys to be looked at, each not before its moment: what makes periodic work proportional to what is due.

Invariant: a key that was set is taken by the first `take` at or after its moment, and once only.
"""

import heapq

_REPLACED_MIN = 1000
"""So many moments that were replaced may wait in the heap whatever its size."""


class DueKeys:
    """A moment for each key, in real seconds; setting it again replaces it."""

    def __init__(self) -> None:
        self._moments: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        """Also holds moments that were replaced since; they are passed over when they are reached."""

    def set(self, key: str, moment: float) -> None:
        """Have a key taken at `moment` and no earlier, whatever was set before."""
        if self._moments.get(key) != moment:
            self._moments[key] = moment
            heapq.heappush(self._heap, (moment, key))

    def forget(self, key: str) -> None:
        """Have a key not taken at all."""
        self._moments.pop(key, None)

    def clear(self) -> None:
        """Forget all keys."""
        self._moments.clear()
        self._heap.clear()

    def earliest(self) -> float | None:
        """Return the first moment that is set, None when there is none."""
        while self._heap and self._moments.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[str]:
        """Return the keys whose moment has come, in key order, and forget them."""
        if len(self._heap) > 2 * len(self._moments) + _REPLACED_MIN:
            self._heap = [(moment, key) for key, moment in self._moments.items()]
            heapq.heapify(self._heap)
        taken: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            moment, key = heapq.heappop(self._heap)
            if self._moments.get(key) == moment:
                del self._moments[key]
                taken.append(key)
        return sorted(taken)
