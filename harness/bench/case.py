"""One row of a bench: pairs of measured and floor, as medians with quartiles and the ratio between them."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from harness.bench.run import Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The same number of measured and floor samples, each pair taken at about the same time."""

    case: str
    measured: Sequence[float]
    floor: Sequence[float]
    unit: str
    goal: str = ""
    """As the design words it; empty where it sets none."""
    is_met: Callable[["Case"], bool] | None = None
    more_is_better: bool = False
    stall_real_s: float = 0.0
    """The longest that the machine kept this process from running meanwhile."""

    @classmethod
    def of(cls, pairs: Pairs[float], **more: Any) -> Self:
        """Make a case of such pairs; `more` are its other fields."""
        return cls(measured=pairs.measured, floor=pairs.floor, stall_real_s=pairs.stall_real_s, **more)

    @property
    def median(self) -> float:
        """Median of the measured samples."""
        return statistics.median(self.measured)

    @property
    def floor_median(self) -> float:
        """Median of the floor's samples."""
        return statistics.median(self.floor)

    @property
    def ratios(self) -> list[float]:
        """How many floors each measured sample is, by its own pair's floor."""
        return [measured / floor for measured, floor in zip(self.measured, self.floor, strict=True)]

    @property
    def ratio(self) -> float:
        """Median of the ratios: what disturbed both samples of a pair alike is not in it."""
        return statistics.median(self.ratios)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return self.is_met(self) if self.is_met else None

    def as_json(self) -> dict[str, Any]:
        """The row as design section 10 words it, quartiles and pairs besides."""
        return {
            "case": self.case,
            "measured": round(self.median, 4),
            "quartiles": _rounded(quartiles(self.measured)),
            "floor": round(self.floor_median, 4),
            "floor_quartiles": _rounded(quartiles(self.floor)),
            "ratio": round(self.ratio, 4),
            "ratio_quartiles": _rounded(quartiles(self.ratios)),
            "unit": self.unit,
            "better": "more" if self.more_is_better else "less",
            "pairs": len(self.measured),
            "stall_ms": round(self.stall_real_s * 1000, 1),
            "goal": self.goal or None,
            "met": self.met,
        }


def quartiles(samples: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile."""
    if len(samples) < 2:
        return samples[0], samples[0]
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return first, third


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in values]
