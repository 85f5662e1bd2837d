"""`python -m tests.soak`: many clusters in a row with random faults, on a busy machine; what is left of them?

After each cluster the processes, threads, descriptors, listening ports, temporary folders and the memory of
the pytest process are compared with what they were before; each cluster must have seen a fault that a probe
has seen too. Everything drawn comes from the seed and the cluster's number, so that one that failed can be
repeated alone.
"""

import argparse
import contextlib
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.command import parsed
from harness.exit_codes import ExitCode
from harness.links.backend import CHOICES, choose
from harness.links.locate import NoLinkServer
from tests.soak import story
from tests.soak.busy import busy_loops
from tests.soak.census import take_census
from tests.soak.observer import Observer
from tests.soak.options import ROOT, count
from tests.soak.report import Outcome, print_json, print_table

WARM_UP_MAX = 10
"""Clusters; by then all pools are filled and all modules imported."""


def main(argv: Sequence[str] | None = None) -> int:
    """Soak; return 0 if nothing was left behind and nothing failed."""
    arguments = parsed(_parser(), argv)
    try:
        backend = choose(arguments.links)
    except NoLinkServer as missing:
        print(missing, file=sys.stderr)
        return ExitCode.NO_LINK_SERVER
    print(f"seed {arguments.seed}, links {backend.name}", file=sys.stderr)
    with _temp_folder() as folder, busy_loops(arguments.busy) as loops:
        outcome = _soak(arguments, folder, loops)
    (print_json if arguments.json else print_table)(outcome)
    if outcome.ended is pytest.ExitCode.INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.NOT_SO if outcome.complaints else ExitCode.DONE


def _soak(arguments: argparse.Namespace, folder: Path, loops: Sequence[int]) -> Outcome:
    numbers = _with_something_before(arguments.only) or range(1, arguments.clusters + 1)
    observer = Observer(
        numbers=numbers,
        warm_up=min(WARM_UP_MAX, len(numbers) // 2),
        look=lambda: take_census(folder, strangers=loops),
    )
    before = take_census(folder, strangers=loops)
    with contextlib.redirect_stdout(sys.stderr):
        ended = pytest.main(_pytest_words(arguments), plugins=[observer])
    after = take_census(folder, strangers=loops)
    return Outcome(seed=arguments.seed, observer=observer, before=before, after=after, ended=ended)


def _with_something_before(only: Sequence[int]) -> list[int]:
    """Return the wanted clusters behind another one: what they leave is told by what was there before."""
    return [max(only) + 1, *only] if only else []


def _pytest_words(arguments: argparse.Namespace) -> list[str]:
    options = [
        "-q",
        "--no-header",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
        "-n",
        "0",
    ]
    options += [
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
        "--maxfail",
        str(arguments.maxfail),
    ]
    options += ["--cluster-seed", str(arguments.seed), "--links", arguments.links]
    options += ["--time-scale", f"{arguments.time_scale:g}"]
    return [str(Path(story.__file__)), *options]


@contextlib.contextmanager
def _temp_folder() -> Iterator[Path]:
    """Have all temporary folders of this process made in one of our own, where nobody else makes any."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        usual, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = usual


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description="Many clusters in a row with random faults, on a busy machine; what is left of them?",
        epilog="exit codes: 0 zeros all the way; 1 something was left or failed; 3 no link server; 64 usage; "
        "130 Ctrl-C",
    )
    parser.add_argument("--clusters", type=count, default=1000, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--busy", type=int, default=2, metavar="N", help="busy loops beside (%(default)s)")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(2**32), help="of everything drawn; drawn when not given"
    )
    parser.add_argument(
        "--only", type=_numbers, default=[], metavar="417,12", help="just these clusters of that seed"
    )
    parser.add_argument("--maxfail", type=int, default=10, metavar="N", help="give up then (%(default)s)")
    parser.add_argument("--links", choices=CHOICES, default="auto", help="link server (%(default)s)")
    parser.add_argument("--time-scale", type=float, default=0.05, metavar="F", help="(%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    return parser


def _numbers(text: str) -> list[int]:
    return [count(word) for word in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
