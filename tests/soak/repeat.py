"""`python -m tests.soak.repeat`: the suite of R22-R28 again and again on a busy machine; does it ever fail?

Each run is a pytest of its own with a seed of its own, beside busy loops. A test that fails once in a
hundred runs is a bug: the output and the logs of such a run are kept, and the command that repeats it is
printed. A test that failed while its process was kept from running for longer than a bound is inconclusive;
a run is, when one of its tests is and none failed.
"""

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from harness.command import parsed
from harness.exit_codes import ExitCode
from harness.links.backend import CHOICES
from tests.soak.busy import busy_loops
from tests.soak.options import ROOT, count
from tests.soak.verdicts import Judged, Verdict, read

TOLD_MAX = 5
"""Tests of a run that are told when it has ended; all are in the kept output."""

INCONCLUSIVE_MAX = 0.02
"""Of all runs: more, and what was found says too little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """One run of the suite.

    Args:
        number: its seed is the first one's plus this, less one.
        judged: its tests; none when pytest itself broke down.
        exit_code: pytest's.
        took_real_s: from its start to its end.

    """

    number: int
    judged: tuple[Judged, ...]
    exit_code: int
    took_real_s: float

    @property
    def verdict(self) -> Verdict:
        """Failed when a test has or pytest broke down, else inconclusive when a test is."""
        verdicts = {one.verdict for one in self.judged}
        if Verdict.FAILED in verdicts or not self.judged or (self.exit_code and verdicts == {Verdict.PASSED}):
            return Verdict.FAILED
        return Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Verdict.PASSED

    @property
    def stall_real_s(self) -> float:
        """The longest stall during any test."""
        return max((one.stall_real_s for one in self.judged), default=0.0)

    def line(self) -> str:
        """Return what is printed when it has ended."""
        bad = [one for one in self.judged if one.verdict is not Verdict.PASSED]
        told = [
            f"    {one.verdict}, stall {one.stall_real_s * 1000:.0f} ms: {one.test}: {one.why}" for one in bad
        ]
        head = (
            f"run {self.number}: {self.verdict}, {len(self.judged)} tests in {self.took_real_s:.0f} s, "
            f"longest stall {self.stall_real_s * 1000:.0f} ms"
        )
        return "\n".join([head, *told[:TOLD_MAX], *(["    ..."] if len(told) > TOLD_MAX else [])])


def main(argv: Sequence[str] | None = None) -> int:
    """Repeat; return 0 if nothing failed and at most 2 % of the runs are inconclusive."""
    arguments = parsed(_parser(), argv)
    _tell(f"seed {arguments.seed}, {arguments.busy} busy loops beside")
    done: list[Repetition] = []
    ended_by_hand = False
    with busy_loops(arguments.busy), tempfile.TemporaryDirectory(prefix="repeat-") as folder:
        try:
            for number in range(1, arguments.runs + 1):
                done.append(_run(arguments, number, Path(folder)))
                _tell(done[-1].line())
        except KeyboardInterrupt:
            ended_by_hand = True
    _report(arguments, done)
    if ended_by_hand:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE if is_good(done) else ExitCode.NOT_SO


def is_good(runs: Sequence[Repetition]) -> bool:
    """Tell whether none failed, and few enough are inconclusive."""
    verdicts = [run.verdict for run in runs]
    return Verdict.FAILED not in verdicts and verdicts.count(Verdict.INCONCLUSIVE) <= INCONCLUSIVE_MAX * len(
        runs
    )


def _run(arguments: argparse.Namespace, number: int, folder: Path) -> Repetition:
    output, verdicts = folder / f"{number}.txt", folder / f"{number}.json"
    begun = time.monotonic()
    with output.open("wb") as stream:
        exit_code = subprocess.call(
            [*_pytest(arguments, number), "--verdicts", str(verdicts)], cwd=ROOT, stdout=stream, stderr=stream
        )
    run = Repetition(
        number=number,
        judged=tuple(read(verdicts)) if verdicts.exists() else (),
        exit_code=exit_code,
        took_real_s=time.monotonic() - begun,
    )
    if run.verdict is not Verdict.PASSED:
        _keep(arguments, number, output)
    return run


def _pytest(arguments: argparse.Namespace, number: int) -> list[str]:
    seed = arguments.seed + number - 1
    return [
        *[sys.executable, "-m", "pytest", "-p", "tests.soak.verdicts", "-p", "no:cacheprovider"],
        *["-p", "no:hypothesispytest", "-q", "--color=no", "-n", str(arguments.workers)],
        *["--covering", arguments.covering, "--cluster-seed", str(seed), "--links", arguments.links],
        *["--bundles", str(arguments.keep / f"run-{seed}"), *arguments.paths],
    ]


def _keep(arguments: argparse.Namespace, number: int, output: Path) -> None:
    """Keep what pytest printed, where the logs of the nodes are, and say how to repeat the run."""
    seed = arguments.seed + number - 1
    kept = arguments.keep / f"run-{seed}.txt"
    arguments.keep.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(output.read_bytes())
    _tell(f"    kept: {kept}; again: python -m tests.soak.repeat --runs 1 --seed {seed}")


def _report(arguments: argparse.Namespace, runs: Sequence[Repetition]) -> None:
    if arguments.json:
        rows = [{**asdict(run), "verdict": run.verdict, "stall_real_s": run.stall_real_s} for run in runs]
        print(
            json.dumps({"seed": arguments.seed, "busy": arguments.busy, "good": is_good(runs), "runs": rows})
        )
        return
    verdicts = [run.verdict for run in runs]
    stalls = sorted(run.stall_real_s * 1000 for run in runs) or [0.0]
    table = Table(title=f"{arguments.covering} beside {arguments.busy} busy loops", title_justify="left")
    for heading in ("runs", "tests", *Verdict, "longest stall of a run: median ms", "longest ms"):
        table.add_column(heading, justify="right")
    table.add_row(
        *[str(len(runs)), str(sum(len(run.judged) for run in runs))],
        *[str(verdicts.count(verdict)) for verdict in Verdict],
        *[f"{median(stalls):.0f}", f"{stalls[-1]:.0f}"],
    )
    Console(width=110).print(table)


def _tell(line: str) -> None:
    with suppress(BrokenPipeError):
        print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak.repeat",
        description="The suite of R22-R28 again and again on a busy machine; does it ever fail?",
        epilog="exit codes: 0 nothing failed, at most 2 %% of the runs inconclusive; 1 otherwise; 64 usage; "
        "130 Ctrl-C",
    )
    parser.add_argument("--runs", type=count, default=200, metavar="N", help="how often (%(default)s)")
    parser.add_argument("--busy", type=int, default=2, metavar="N", help="busy loops beside (%(default)s)")
    parser.add_argument("--covering", default="R22-R28", metavar="R22-R28", help="only tests of these")
    parser.add_argument("--workers", "-n", type=int, default=2, metavar="N", help="of xdist (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of the first run")
    parser.add_argument("--links", choices=CHOICES, default="auto", help="link server (%(default)s)")
    parser.add_argument(
        "--keep",
        type=Path,
        default=Path(tempfile.gettempdir()) / "repeat-kept",
        metavar="DIR",
        help="where output and logs of runs that did not pass stay (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument("paths", nargs="*", default=["tests/worlds"], help="what is run (tests/worlds)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
