"""Kill -9 of pytest, of an xdist worker, of the launcher, at random moments; then look what is left.

`python -m tests.plugin.kill_storm --runs 10` prints a table: for each victim the longest time that anything
it had started lived on, and how many processes and folders were left after one second.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil

from harness.waiting import WaitTimeout, wait_for

STORY = '''
import os
import pathlib
import pytest

@pytest.mark.parametrize("number", range(3))
def test_long(cluster, number):
    """Cuts and heals, with an agent and a paused node, for about a second."""
    s1, s2, s3 = cluster.nodes
    cluster.agent("C1", ["orders"])
    s3.pause()
    for _ in range(6):
        with cluster.isolate(s1):
            pathlib.Path(__file__).with_name(f"running-{os.getpid()}").touch()
            cluster.wait_until(lambda: s2.api.state()["loaded"], True, within_s=5)
'''

VICTIMS = ("pytest", "controller", "worker", "launcher")
"""pytest alone, the controller of two workers, one of two workers, the launcher of pytest alone."""

TOKEN = "CUTHEAL_STORM"
START_REAL_S = 30.0
END_REAL_S = 120.0
GONE_REAL_S = 1.0
MOMENT_MAX_REAL_S = 1.5
"""Longer than one inner test: boot, cut, heal and teardown all come under the knife."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What one kill left behind."""

    victim: str
    moment_real_s: float | None
    killed: int
    """How many processes the victim had started, directly or not."""
    survived_real_s: float
    left: tuple[str, ...]
    folders: tuple[str, ...]
    output: str
    exit_code: int


def strike(victim: str, moment_real_s: float | None, folder: Path) -> Aftermath:
    """Run pytest in the folder, kill the victim that long after its launcher is there, and look.

    Args:
        victim: one of VICTIMS.
        moment_real_s: seconds after the first launcher was seen; None: when a test has cut a link.
        folder: empty; temporary folders of the run are made here.

    """
    token = f"{os.getpid()}-{folder.name}"
    (folder / "test_storm.py").write_text(STORY)
    (folder / "tmp").mkdir()
    workers = [] if victim in ("pytest", "launcher") else ["-n", "2"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", *workers]
    environment = os.environ | {TOKEN: token, "TMPDIR": str(folder / "tmp")}
    with (folder / "output.txt").open("w+") as output:
        with subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=environment) as run:
            found = _await_victim(victim, psutil.Process(run.pid))
            if moment_real_s is None:
                found = _of_running_test(victim, folder, found)
            else:
                _pass_time(moment_real_s, run)
            family = _family(found)
            with suppress(psutil.NoSuchProcess):  # it had come to its end just before
                found.kill()
            survived_real_s = _await_gone(lambda: [*family, *_orphans(token)])
            left = tuple(map(str, [*_living(family), *_living(_orphans(token))]))
            exit_code = run.wait(END_REAL_S)
        output.seek(0)
        return Aftermath(
            victim=victim,
            moment_real_s=moment_real_s,
            killed=len(family),
            survived_real_s=survived_real_s,
            left=left,
            folders=_await_no_folder(folder / "tmp"),
            output=output.read(),
            exit_code=exit_code,
        )


def _await_victim(victim: str, run: psutil.Process) -> psutil.Process:
    """Wait for a launcher; return the process to be killed."""
    launchers = wait_for(
        "a launcher", lambda: [p for p in run.children(recursive=True) if _is_launcher(p)], bool, START_REAL_S
    )
    match victim:
        case "launcher":
            return launchers[0]
        case "worker":
            worker = launchers[0].parent()
            assert worker is not None, "a launcher is its worker's child"
            return worker
        case _:
            return run


def _of_running_test(victim: str, folder: Path, found: psutil.Process) -> psutil.Process:
    """Wait until a test has cut a link; return the worker or launcher of that very test."""
    (running, *_) = wait_for(
        "a test with a cut link", lambda: list(folder.glob("running-*")), bool, START_REAL_S
    )
    tester = psutil.Process(int(running.name.removeprefix("running-")))
    match victim:
        case "worker":
            return tester
        case "launcher":
            return next(child for child in tester.children() if _is_launcher(child))
        case _:
            return found


def _is_launcher(process: psutil.Process) -> bool:
    try:
        return "harness.processes.launcher" in process.cmdline()
    except psutil.Error:
        return False


def _pass_time(moment_real_s: float, run: "subprocess.Popen[bytes]") -> None:
    """Let the run go on for that long, or until it ends."""
    end = time.monotonic() + moment_real_s
    wait_for("the moment", lambda: time.monotonic() >= end or run.poll() is not None, bool, END_REAL_S)


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _orphans(token: str) -> list[psutil.Process]:
    """Processes of this run that the kernel has given to somebody else: what the list did not know yet."""
    return [p for p in psutil.process_iter() if _token_of(p) == token and _is_orphan(p)]


def _token_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(TOKEN)
    except (psutil.Error, OSError):
        return None


def _is_orphan(process: psutil.Process) -> bool:
    try:
        parent = process.parent()
    except psutil.Error:
        return False
    return parent is None or parent.pid == 1


def _living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that exist and are no zombies: orphaned zombies belong to PID 1 (measured.md)."""
    return [p for p in processes if _is_living(p)]


def _is_living(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _await_gone(processes: Callable[[], list[psutil.Process]]) -> float:
    began = time.monotonic()
    with suppress(WaitTimeout):  # the caller looks again and tells what is left
        wait_for("everything to be gone", lambda: _living(processes()), lambda left: not left, GONE_REAL_S)
    return time.monotonic() - began


def _await_no_folder(folder: Path) -> tuple[str, ...]:
    try:
        wait_for("no folder", lambda: list(folder.glob("cutheal-*")), lambda left: not left, GONE_REAL_S)
    except WaitTimeout:
        return tuple(path.name for path in folder.glob("cutheal-*"))
    return ()


def main() -> int:
    """Strike every victim at random moments; return how many kills left something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random = Random(arguments.seed)
    bad = 0
    for victim in VICTIMS:
        results = []
        for _ in range(arguments.runs):
            with tempfile.TemporaryDirectory() as folder:
                results.append(strike(victim, random.uniform(0, MOMENT_MAX_REAL_S), Path(folder)))
        left = [result for result in results if result.left or result.folders]
        bad += len(left)
        slowest_ms = max(result.survived_real_s for result in results) * 1000
        killed = sum(result.killed for result in results)
        print(
            f"{victim:10}  {len(results)} kills, {killed} processes with them; longest survival "
            f"{slowest_ms:.0f} ms; left after 1,000 ms: {sum(len(r.left) for r in results)} processes, "
            f"{sum(len(r.folders) for r in results)} folders"
        )
        for result in left:
            print(f"    at {result.moment_real_s} s: {result.left} {result.folders}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
