"""What a bench prints: one JSON document, or a table of the same."""

import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.bench.case import Case, quartiles
from harness.conditions import machine_conditions
from harness.links.backend import title
from harness.session import Session

WIDTH = 170


def document(
    name: str, measured: Mapping[str, Sequence[Case]], conditions: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON document of a bench, or of several under one name; each case says which it is of."""
    rows = [{"bench": bench} | case.as_json() for bench, cases in measured.items() for case in cases]
    return {"bench": name, "machine": machine(), "conditions": dict(conditions), "cases": rows}


def conditions_of(session: Session) -> dict[str, str | int | float | None]:
    """Return what two runs must have in common to be compared."""
    server = session.link_server
    links = title(server.backend, server.version)
    return machine_conditions() | {"links": links, "time_scale": session.options.time_scale}


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
    for heading in (
        "case",
        "measured (quartiles)",
        "floor (quartiles)",
        "unit",
        "ratio (quartiles)",
        "goal",
        "met",
    ):
        table.add_column(heading)
    for case in cases:
        table.add_row(
            case.case,
            _with_quartiles(case.measured),
            _with_quartiles(case.floor),
            case.unit,
            _with_quartiles(case.ratios),
            case.goal or "-",
            {None: "-", True: "yes", False: "NO"}[case.met],
        )
    print_table(table)


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal is, or as a file likes it."""
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)


def _with_quartiles(samples: Sequence[float]) -> str:
    first, third = quartiles(samples)
    return f"{statistics.median(samples):.2f} ({first:.2f} to {third:.2f})"
