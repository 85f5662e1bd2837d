"""The command line of `cutheal bench`."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping

from harness.bench import boot, cut, links, whole
from harness.bench.report import Case, document, show
from harness.command import add_cluster_options, command_session
from harness.exit_codes import ExitCode
from harness.session import Session

Bench = Callable[[Session, int, Callable[[str], None]], list[Case]]

BENCHES: Mapping[str, Bench] = {
    "boot": boot.cases,
    "cut": cut.cases,
    "links": links.cases,
    "whole": whole.cases,
}
PAIRS = 30


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench NAME` to the command's words."""
    parser = commands.add_parser("bench", help="how fast, against a floor measured in the same run")
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N", help="(default: %(default)s)")
    add_cluster_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.pairs < 1:
        print(f"cutheal: --pairs {arguments.pairs}: at least 1", file=sys.stderr)
        return ExitCode.MISTAKE
    with command_session(arguments) as session:
        cases = BENCHES[arguments.name](session, arguments.pairs, _tell)
    if arguments.json:
        print(json.dumps(document(arguments.name, cases)))
    else:
        show(arguments.name, cases)
    return ExitCode.DONE


def _tell(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
