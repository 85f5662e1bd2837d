"""The command line of `cutheal bench`."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bench import api, boot, check, convergence, cut, large, links, suite, verify, whole
from harness.bench.case import Case
from harness.bench.charts import draw
from harness.bench.closed_loop import BadAnswer
from harness.bench.compare import NoComparison, compared, read_earlier, show_compared
from harness.bench.report import conditions_of, document, show
from harness.bench.run import Run, Sizes
from harness.charts import NoCharts, require_charts
from harness.command import complain
from harness.command_session import add_cluster_options, command_session
from harness.conditions import UnlikeConditions
from harness.exit_codes import ExitCode
from harness.http_client import ApiError, Unreachable
from harness.session import Session
from harness.stall import Canary

PAIRS = 30
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One bench: what it measures, in a line, and how."""

    what: str
    cases: Callable[[Run], list[Case]]
    pairs: int = PAIRS


BENCHES: Mapping[str, Bench] = {
    "api": Bench(what="a node's client API, against a bare waitress process", cases=api.cases),
    "boot": Bench(what="a cluster ready, against bare waitress processes", cases=boot.cases),
    "check": Bench(
        what="judging 10,000 operations, against doing them one by one", cases=check.cases, pairs=10
    ),
    "convergence": Bench(
        what="from a heal until all agree, against the documents' own timers", cases=convergence.cases
    ),
    "cut": Bench(what="a cut and a heal, verified, against the bare calls", cases=cut.cases),
    "large": Bench(what="what many instances make slower, against few", cases=large.cases, pairs=5),
    "links": Bench(what="the embedded link server, against the real Toxiproxy", cases=links.cases),
    "suite": Bench(what="a suite of tests with -n, against -n 0", cases=suite.cases, pairs=3),
    "verify": Bench(
        what="a steady cluster's verify with many instances, against one with few",
        cases=verify.cases,
        pairs=10,
    ),
    "whole": Bench(
        what="whole tests, boot to teardown, against the documents' own timers", cases=whole.cases
    ),
}


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench NAME` to the command's words."""
    parser = commands.add_parser(
        "bench",
        help="how fast, against a floor measured in the same run",
        description="Without a name: list the benches.",
    )
    parser.add_argument("name", nargs="?", choices=[*sorted(BENCHES), ALL])
    parser.add_argument(
        "--pairs", type=_count, metavar="N", help=f"(default: {PAIRS}; suite, verify and large fewer)"
    )
    parser.add_argument("--nodes", type=_counts, metavar="N,N", help="sizes of the clusters, one case each")
    parser.add_argument(
        "--instances", type=_counts, metavar="N,N", help="verify and large: how many, one case each"
    )
    parser.add_argument("--workers", type=_counts, metavar="N,N", help="suite: values of -n, one case each")
    parser.add_argument("--tests", type=_count, metavar="N", help="suite: how many tests it has")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="what an earlier --json printed")
    parser.add_argument("--charts", type=Path, metavar="DIR", help="draw each bench there, PNG and SVG")
    add_cluster_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.name is None:
        _list()
        return ExitCode.DONE
    try:
        return _measure(arguments)
    except (NoCharts, NoComparison, UnlikeConditions) as mistake:
        complain(str(mistake))
        return ExitCode.MISTAKE
    except (BadAnswer, ApiError, Unreachable) as failure:
        complain(str(failure))
        return ExitCode.DIED


def _measure(arguments: argparse.Namespace) -> int:
    """Measure and report; what cannot be compared or drawn afterwards is refused before."""
    names = sorted(BENCHES) if arguments.name == ALL else [arguments.name]
    earlier = read_earlier(arguments.compare, names) if arguments.compare else None
    if arguments.charts:
        require_charts()
    with command_session(arguments) as session, Canary() as canary:
        conditions = conditions_of(session)
        if earlier:
            earlier.require_alike(conditions)
        measured, failures = _cases(names, arguments, session, canary)
    found = document(arguments.name, measured, conditions)
    if earlier:
        found["compared"] = compared(earlier.document, found)
    if arguments.json:
        print(json.dumps(found))
    elif earlier:
        show_compared(found["compared"], earlier.path)
    if arguments.charts:
        for path in draw(found, arguments.charts):
            print(path, file=sys.stderr)
    if failures:
        raise failures[0]
    return ExitCode.DONE


def _cases(
    names: Sequence[str], arguments: argparse.Namespace, session: Session, canary: Canary
) -> tuple[dict[str, Sequence[Case]], list[Exception]]:
    """Measure what was asked for and show each table when it is done; of several, one that fails is skipped.

    Returns what was measured, and what failed.
    """
    sizes = Sizes(
        nodes=arguments.nodes,
        instances=arguments.instances,
        workers=arguments.workers,
        tests=arguments.tests,
    )
    measured: dict[str, Sequence[Case]] = {}
    failures: list[Exception] = []
    for name in names:
        session.revive()
        run = Run(session=session, sizes=sizes, pairs=arguments.pairs or BENCHES[name].pairs, canary=canary)
        try:
            measured[name] = BENCHES[name].cases(run)
        except Exception as failure:
            if len(names) == 1:
                raise
            complain(f"bench {name} failed, the others go on: {str(failure).splitlines()[0]}")
            failures.append(failure)
        else:
            if not arguments.json:
                show(name, measured[name])
    return measured, failures


def _list() -> None:
    for name, bench in sorted(BENCHES.items()):
        print(f"{name:12} {bench.what}")
    print(f"{ALL:12} all of them, one after another")


def _count(text: str) -> int:
    """Read a number of things, of which there must be one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    """Read such numbers with commas between them."""
    return tuple(_count(part) for part in text.split(","))
