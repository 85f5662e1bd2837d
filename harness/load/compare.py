"""`cutheal compare BEFORE NOW`: the loads of two runs beside each other, test by test.

Invariant: what was measured on another machine, or under another load, link server, time scale or cluster, is
not compared at all; and how much the machine stalled in either run stands beside the figures.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.command import complain, say
from harness.conditions import UnlikeConditions, require_alike
from harness.exit_codes import ExitCode
from harness.load.document import NoLoadDocument, read_document

CONSOLE_WIDTH = 160
FIGURES = ("p50", "p90", "p99", "p99.9", "max")

Document = Mapping[str, Any]


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `compare BEFORE NOW` to the command's words."""
    parser = commands.add_parser("compare", help="two runs' loads, by what pytest --load-json wrote")
    parser.add_argument("before", type=Path, metavar="BEFORE", help="file of the earlier run")
    parser.add_argument("now", type=Path, metavar="NOW", help="file of the later run")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout instead")
    parser.set_defaults(run=_run)


def compared(before: Document, now: Document, what: str) -> list[dict[str, Any]]:
    """Return one row for each load that both documents have.

    Args:
        before: the earlier document.
        now: the later one.
        what: names both, for messages.

    Raises:
        UnlikeConditions: the machines, or what a test asked for, differ; one line says how.

    """
    require_alike(before["conditions"], now["conditions"], what)
    earlier = {load["test"]: load for load in before["loads"]}
    pairs = [(earlier[load["test"]], load) for load in now["loads"] if load["test"] in earlier]
    if not pairs:
        raise UnlikeConditions(f"{what} cannot be compared: no test ran a load in both")
    for then, load in pairs:
        require_alike(_conditions(then), _conditions(load), f"{what}: {load['test']}")
    return [_row(then, load) for then, load in pairs]


def _run(arguments: argparse.Namespace) -> int:
    try:
        before, now = read_document(arguments.before), read_document(arguments.now)
        rows = compared(before, now, f"{arguments.before} and {arguments.now}")
    except (NoLoadDocument, UnlikeConditions) as mistake:
        complain(str(mistake))
        return ExitCode.MISTAKE
    if arguments.json:
        say(arguments, {"compared": rows}, "")
    else:
        _show(rows)
    return ExitCode.DONE


def _conditions(load: Document) -> dict[str, Any]:
    return {**load["conditions"], "processes": len(load["workers"])}


def _row(before: Document, now: Document) -> dict[str, Any]:
    return {
        "test": now["test"],
        "throughput_per_real_s": [before["throughput_per_real_s"], now["throughput_per_real_s"]],
        "failed": [before["failed"], now["failed"]],
        "unsent": [before["unsent"], now["unsent"]],
        "latency_ms": {
            figure: [before["latency_ms"][figure], now["latency_ms"][figure]] for figure in FIGURES
        },
        "stall_worst_ms": [before["stall_worst_ms"], now["stall_worst_ms"]],
    }


def _show(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        table = Table(title=row["test"], title_justify="left")
        for heading in ("", "then", "now", "times"):
            table.add_column(heading, justify="left" if not heading else "right")
        table.add_row("done in a second", *_cells(row["throughput_per_real_s"]))
        for figure, pair in row["latency_ms"].items():
            table.add_row(f"{figure}, ms", *_cells(pair))
        for name, label in (("failed", "failed"), ("unsent", "never sent"), ("stall_worst_ms", "stall, ms")):
            table.add_row(label, *_cells(row[name]))
        Console(width=CONSOLE_WIDTH).print(table)


def _cells(pair: list[float]) -> tuple[str, str, str]:
    before, now = pair
    return f"{before:.6g}", f"{now:.6g}", f"{now / before:.2f}" if before else "-"
