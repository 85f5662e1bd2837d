"""`--compare FILE`: this run beside an earlier one, case by case.

Figures alone say little, for either run had a machine that was more or less busy; the ratio against the floor
of the same run says more. Invariant: what was measured under different conditions is not compared at all.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from harness.bench.report import print_table
from harness.conditions import Conditions, require_alike

FEWEST_PAIRS = 3
STALL_MAX_MS = 300.0
"""A machine that stood still for longer has measured itself (reference/measured.md, "Time")."""


class NoComparison(Exception):
    """The file is no document of a bench; the message says which file, and what would be right."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier document, and the file it came from."""

    path: Path
    document: Mapping[str, Any]

    def require_alike(self, conditions: Conditions) -> None:
        """Refuse a comparison with a run under other conditions.

        Raises:
            UnlikeConditions: says which differ, and how.

        """
        require_alike(self.document["conditions"], conditions, f"{self.path} and this run")


def read_earlier(path: Path, benches: Collection[str]) -> Earlier:
    """Read what `--json` printed.

    Args:
        path: of the file.
        benches: of which it must have at least one.

    Raises:
        NoComparison: it cannot be read, is something else, or has no such bench.

    """
    right = "right would be what `cutheal bench NAME --json` printed"
    try:
        document = json.loads(path.read_text())
    except OSError as error:
        raise NoComparison(f"--compare {path}: {error.strerror}; {right}") from None
    except ValueError as error:
        raise NoComparison(f"--compare {path}: no JSON ({error}); {right}") from None
    if not isinstance(document, dict) or not {"conditions", "cases"} <= document.keys():
        raise NoComparison(f"--compare {path}: no document of a bench; {right}")
    had = {case["bench"] for case in document["cases"]}
    if not had & {*benches}:
        raise NoComparison(f"--compare {path}: has {', '.join(sorted(had))}, not {', '.join(benches)}")
    return Earlier(path, document)


def compared(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row for each case that both documents have.

    `measured_times` and `ratio_times` say how many times the earlier figure the new one is. `verdict` is
    `same` where the quartiles of the ratios overlap, and says why there is none where the machine stood still
    in either run or a run had too few pairs.
    """
    earlier = {(case["bench"], case["case"], case["unit"]): case for case in before["cases"]}
    return [
        _row(earlier[key], case)
        for case in now["cases"]
        if (key := (case["bench"], case["case"], case["unit"])) in earlier
    ]


def show_compared(rows: list[dict[str, Any]], before: Path) -> None:
    """Print the rows as a table."""
    table = Table(title=f"against {before}", title_justify="left")
    for heading in ("case", "measured then", "now", "unit", "x", "ratio then", "now", "x", "verdict"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            f"{row['bench']}: {row['case']}",
            f"{row['measured_before']:.4g}",
            f"{row['measured']:.4g}",
            row["unit"],
            f"{row['measured_times']:.2f}",
            f"{row['ratio_before']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row['ratio_times']:.2f}",
            row["verdict"],
        )
    print_table(table)
    if not rows:
        print("no case is in both")


def _row(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "bench": now["bench"],
        "case": now["case"],
        "unit": now["unit"],
        "measured_before": before["measured"],
        "measured": now["measured"],
        "measured_times": round(now["measured"] / before["measured"], 3),
        "ratio_before": before["ratio"],
        "ratio": now["ratio"],
        "ratio_times": round(now["ratio"] / before["ratio"], 3),
        "verdict": _verdict(before, now),
    }


def _verdict(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    stall_ms = max(before["stall_ms"], now["stall_ms"])
    if stall_ms > STALL_MAX_MS:
        return f"none: stalled {stall_ms:.0f} ms"
    if min(before["pairs"], now["pairs"]) < FEWEST_PAIRS:
        return "none: too few pairs"
    (low_before, high_before), (low, high) = before["ratio_quartiles"], now["ratio_quartiles"]
    if low <= high_before and low_before <= high:
        return "same"
    return "better" if (low > high_before) == (now["better"] == "more") else "worse"
