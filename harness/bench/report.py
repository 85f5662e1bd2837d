"""Figures of a bench: interleaved pairs of measured and floor, medians with quartiles, JSON or a table."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row: the same number of measured and floor samples, taken in turn."""

    case: str
    measured: Sequence[float]
    floor: Sequence[float]
    unit: str
    goal: str
    """As the design words it; empty where it sets none."""
    is_met: Callable[["Case"], bool] | None = None

    @property
    def median(self) -> float:
        """Median of the measured samples."""
        return statistics.median(self.measured)

    @property
    def floor_median(self) -> float:
        """Median of the floor's samples."""
        return statistics.median(self.floor)

    @property
    def ratio(self) -> float:
        """How many floors the measured median is."""
        return self.median / self.floor_median

    def as_json(self) -> dict[str, Any]:
        """The row as design section 10 words it, quartiles and pairs besides."""
        return {
            "case": self.case,
            "measured": round(self.median, 4),
            "quartiles": [round(value, 4) for value in quartiles(self.measured)],
            "floor": round(self.floor_median, 4),
            "floor_quartiles": [round(value, 4) for value in quartiles(self.floor)],
            "ratio": round(self.ratio, 3),
            "unit": self.unit,
            "pairs": len(self.measured),
            "goal": self.goal or None,
            "met": self.is_met(self) if self.is_met else None,
        }


def quartiles(samples: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile."""
    if len(samples) < 2:
        return samples[0], samples[0]
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return first, third


def interleaved(pairs: int, measured: Callable[[], T], floor: Callable[[], T]) -> tuple[list[T], list[T]]:
    """Return samples of both, taken in turn, so that a busy moment of the machine meets both alike."""
    taken = [(measured(), floor()) for _ in range(pairs)]
    return [sample for sample, _ in taken], [sample for _, sample in taken]


def document(bench: str, cases: Sequence[Case]) -> dict[str, Any]:
    """Return the JSON document of a bench."""
    return {"bench": bench, "machine": machine(), "cases": [case.as_json() for case in cases]}


def machine() -> dict[str, Any]:
    """Return what a reader needs to know of where the figures come from."""
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_1_min": round(os.getloadavg()[0], 2),
    }


def show(bench: str, cases: Sequence[Case]) -> None:
    """Print the table of a bench."""
    table = Table(title=f"cutheal bench {bench}", title_justify="left")
    for heading in ("case", "measured (quartiles)", "floor (quartiles)", "ratio", "unit", "goal", "met"):
        table.add_column(heading)
    for case in cases:
        table.add_row(
            case.case,
            _with_quartiles(case.measured),
            _with_quartiles(case.floor),
            f"{case.ratio:.2f}",
            case.unit,
            case.goal or "-",
            "-" if case.is_met is None else "yes" if case.is_met(case) else "NO",
        )
    Console(width=160).print(table)


def _with_quartiles(samples: Sequence[float]) -> str:
    first, third = quartiles(samples)
    return f"{statistics.median(samples):.2f} ({first:.2f} to {third:.2f})"
