"""Latencies in an HdrHistogram: microseconds, three significant digits, up to an hour.

Invariant: nothing is dropped; what is longer than an hour counts as an hour, below a microsecond as one.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

LOWEST_US, HIGHEST_US, DIGITS = 1, 3_600_000_000, 3
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
"""Those that tables show."""


class Latencies:
    """A histogram that can be written down, read back and merged."""

    def __init__(self) -> None:
        self._histogram: Any = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)

    @classmethod
    def of(cls, latencies_us: Iterable[int]) -> "Latencies":
        """Return the histogram of these."""
        made = cls()
        for latency_us in latencies_us:
            made.record(latency_us)
        return made

    @classmethod
    def merged(cls, encoded: Iterable[str]) -> "Latencies":
        """Return the sum of what `encoded` wrote."""
        made = cls()
        for text in encoded:
            if text:
                made._histogram.decode_and_add(text.encode())
        return made

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._histogram.get_total_count())

    def record(self, latency_us: int) -> None:
        """Add one."""
        self._histogram.record_value(min(max(latency_us, LOWEST_US), HIGHEST_US))

    def encoded(self) -> str:
        """Return HdrHistogram's own compressed form, V2 in base64; empty when there is nothing in it."""
        return self._histogram.encode().decode() if self.count else ""

    def ms(self, percentile: float) -> float:
        """Return the latency that so many percent do not exceed, in milliseconds; 0 when there are none."""
        return self.all_ms([percentile])[percentile]

    def all_ms(self, percentiles: Sequence[float]) -> dict[float, float]:
        """Return many at once: percentile -> milliseconds."""
        if not self.count:
            return dict.fromkeys(percentiles, 0.0)
        found = self._histogram.get_percentile_to_value_dict(list(percentiles))
        return {percentile: found[percentile] / 1000 for percentile in percentiles}

    @property
    def mean_ms(self) -> float:
        """The mean, in milliseconds."""
        return float(self._histogram.get_mean_value()) / 1000

    @property
    def max_ms(self) -> float:
        """The longest, in milliseconds."""
        return float(self._histogram.get_max_value()) / 1000

    def as_json(self) -> dict[str, float]:
        """The figures of tables and comparisons, in milliseconds."""
        figures = {f"p{percentile:g}": ms for percentile, ms in self.all_ms(PERCENTILES).items()}
        return {
            name: round(ms, 3) for name, ms in (figures | {"max": self.max_ms, "mean": self.mean_ms}).items()
        }
