"""The command line of `cutheal bench`."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.bench import api, boot, convergence, cut, links, suite, whole
from harness.bench.case import Case
from harness.bench.report import document, show
from harness.bench.run import Run, Sizes
from harness.command import add_cluster_options, command_session
from harness.exit_codes import ExitCode
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
    "convergence": Bench(
        what="from a heal until all agree, against the documents' own timers", cases=convergence.cases
    ),
    "cut": Bench(what="a cut and a heal, verified, against the bare calls", cases=cut.cases),
    "links": Bench(what="the embedded link server, against the real Toxiproxy", cases=links.cases),
    "suite": Bench(what="a suite of tests with -n, against -n 0", cases=suite.cases, pairs=3),
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
        "--pairs", type=_count, metavar="N", help=f"(default: {PAIRS}, fewer for the longest)"
    )
    parser.add_argument("--nodes", type=_counts, metavar="N,N", help="sizes of the clusters, one case each")
    parser.add_argument("--instances", type=_counts, metavar="N,N", help="verify: how many, one case each")
    parser.add_argument("--workers", type=_counts, metavar="N,N", help="suite: values of -n, one case each")
    parser.add_argument("--tests", type=_count, metavar="N", help="suite: how many tests it has")
    add_cluster_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.name is None:
        _list()
        return ExitCode.DONE
    sizes = Sizes(
        pairs=arguments.pairs,
        nodes=arguments.nodes,
        instances=arguments.instances,
        workers=arguments.workers,
        tests=arguments.tests,
    )
    names = sorted(BENCHES) if arguments.name == ALL else [arguments.name]
    measured: dict[str, Sequence[Case]] = {}
    with command_session(arguments) as session, Canary() as canary:
        for name in names:
            pairs = sizes.pairs or BENCHES[name].pairs
            run = Run(session=session, sizes=sizes, pairs=pairs, canary=canary)
            measured[name] = BENCHES[name].cases(run)
            if not arguments.json:
                show(name, measured[name])
    if arguments.json:
        print(json.dumps(document(arguments.name, measured, {})))
    return ExitCode.DONE


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
