"""Kill the controller, a worker, the launcher, the link server at random moments; then look what is left.

`python -m tests.harness.kill_storm --runs 50 -n 0,2 --paused` prints a table: for each victim, with and
without xdist, the longest time in which anything that it had started lived on, and what was left after a
second. The moments are drawn from the seed and reached by what the run does, in boot, cut, heal and teardown
by turns.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.harness.storm_strike import PHASES, VICTIMS, Aftermath, Blow, count_calls, strike

HEADINGS = (
    "victim",
    "-n",
    "runs",
    "kills",
    "died with it",
    "longest ms",
    "processes",
    "folders",
    "listeners",
    "odd",
)


TRIES = 4
"""So many runs at most for each one that is struck."""


def main(argv: Sequence[str] | None = None) -> int:
    """Strike every victim; return 1 if anything was left or a run did not go on as it should."""
    arguments = _parser().parse_args(argv)
    rows = []
    for workers in arguments.workers:
        calls = _count(arguments, workers)
        for victim in arguments.victim:
            if (victim, workers) == ("worker", 0):
                _tell("worker, -n 0: pytest itself, which is the controller")
                continue
            row = _row(victim, workers, list(_storm(arguments, victim, workers, calls)))
            _tell(f"{victim}, -n {workers}: {row['kills']} kills, {len(row['bad'])} with something wrong")
            rows.append(row)
    if arguments.json:
        print(json.dumps({"seed": arguments.seed, "rows": rows}))
    else:
        Console(width=110).print(_table(rows))
    return 1 if any(row["bad"] for row in rows) else 0


def _storm(
    arguments: argparse.Namespace, victim: str, workers: int, calls: dict[str, int]
) -> Iterator[Aftermath]:
    """One run after another, each struck at a moment of its own; tells at once what is wrong.

    Some come too late, for waits look around as often as it takes: then another one is struck instead.
    """
    random = Random(f"{arguments.seed} {victim} {workers}")
    struck = 0
    for _ in range(TRIES * arguments.runs):
        if struck == arguments.runs:
            return
        phase = PHASES[struck % len(PHASES)]
        blow = replace(
            _blow(arguments, workers),
            victim=victim,
            phase=phase,
            number=random.randint(1, calls[phase]),
            held=random.randint(0, 1) == 1,
        )
        with tempfile.TemporaryDirectory() as folder:
            aftermath = strike(blow, Path(folder))
        struck += aftermath.struck
        if aftermath.left or aftermath.oddities:
            _tell(f"{blow.moment} -n {workers}: {', '.join((*aftermath.left, *aftermath.oddities))}")
            _tell(aftermath.output)
        yield aftermath


def _count(arguments: argparse.Namespace, workers: int) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        return count_calls(_blow(arguments, workers), Path(folder))


def _blow(arguments: argparse.Namespace, workers: int) -> Blow:
    return Blow(
        workers=workers,
        how=signal.Signals[f"SIG{arguments.signal}"],
        paused=arguments.paused,
        links=arguments.links,
    )


def _row(victim: str, workers: int, storm: Sequence[Aftermath]) -> dict[str, Any]:
    struck = [aftermath for aftermath in storm if aftermath.struck]
    return {
        "victim": victim,
        "workers": workers,
        "runs": len(storm),
        "kills": len(struck),
        "died": sum(aftermath.died for aftermath in struck),
        "longest_ms": round(max((a.survived_real_s for a in struck), default=0.0) * 1000),
        "processes": sum(len(aftermath.processes) for aftermath in storm),
        "folders": sum(len(aftermath.places) for aftermath in storm),
        "listeners": sum(len(aftermath.sockets) for aftermath in storm),
        "odd": sum(bool(aftermath.oddities) for aftermath in storm),
        "bad": [
            f"{a.blow.moment}: {', '.join((*a.left, *a.oddities))}" for a in storm if a.left or a.oddities
        ],
    }


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="kill storm: what is left 1,000 ms after the victim's death", title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "victim" else "right")
    for row in rows:
        table.add_row(*(str(value) for name, value in row.items() if name != "bad"))
    return table


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.harness.kill_storm",
        description="Kill parts of a run at random moments, and look what is left.",
        epilog="exit codes: 0 nothing was left; 1 something was, or a run went on oddly; 2 usage",
    )
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="of each victim and each -n")
    parser.add_argument(
        "-n", dest="workers", type=_numbers, default=[0, 2], metavar="0,2", help="xdist workers"
    )
    parser.add_argument("--victim", type=_victims, default=list(VICTIMS), metavar=",".join(VICTIMS))
    parser.add_argument("--signal", choices=("KILL", "TERM", "INT", "HUP"), default="KILL")
    parser.add_argument("--paused", action="store_true", help="with a node paused all the time")
    parser.add_argument("--links", default="auto", metavar="embedded|toxiproxy", help="link server")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _victims(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in VICTIMS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(VICTIMS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
