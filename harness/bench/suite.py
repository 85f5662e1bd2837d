"""`cutheal bench suite`: how many tests a second pytest gets through with -n, against -n 0.

The suite is the documents' story R22-R24, several times: three nodes and three agents each, nearly all of it
waiting for the documents' own timers. A real pytest runs it in a folder of its own, and its whole run counts,
start of the workers included.
"""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from harness.bench.case import Case
from harness.bench.run import Run
from harness.session import SessionOptions
from harness.waits import NotReached

WORKERS = (1, 2, 4, 8)
TESTS = 12
GOAL_WORKERS, GOAL_RATIO = 4, 3.0
GOAL_SCALE = 0.05
PLUGINS = ("xdist.plugin", "fixtures.plugin", "no:cacheprovider")
"""All that take part: what else is installed would be part of the figures."""

LAST_LINES = 30
ENDED_WITHIN_REAL_S = 900.0

SUITE = '''"""The suite that `cutheal bench suite` runs."""

import pytest

from harness.demo import tell


@pytest.mark.parametrize("number", range({tests}))
def test_the_documents_story(cluster, number):
    """Steady, cut, healed."""
    story = tell(cluster, on_phase=lambda _: None)
    assert [phase.name for phase in story.phases if not phase.matches] == []
'''


def cases(run: Run) -> list[Case]:
    """Measure each number of workers."""
    tests, workers = run.sizes.tests or TESTS, run.sizes.workers or WORKERS
    folder = run.session.options.folder / "suite"
    folder.mkdir()
    (folder / "test_suite.py").write_text(SUITE.format(tests=tests))
    (folder / "pytest.ini").write_text("[pytest]\n")
    per_s = partial(_tests_per_s, folder, tests, run.session.options)
    measured = run.against(
        f"suite: {tests} tests with -n 0, {', '.join(map(str, workers))}",
        partial(per_s, 0),
        [partial(per_s, number) for number in workers],
    )
    return [
        Case.of(
            pairs,
            case=f"{tests} tests, -n {number}; scale {run.session.options.time_scale}",
            unit="1/s",
            goal=f"ratio at least {GOAL_RATIO:.0f}" if number == GOAL_WORKERS else "",
            is_met=(lambda case: case.ratio >= GOAL_RATIO) if number == GOAL_WORKERS else None,
            more_is_better=True,
        )
        for number, pairs in zip(workers, measured, strict=True)
    ]


def _tests_per_s(folder: Path, tests: int, options: SessionOptions, workers: int) -> float:
    """Run pytest to its end.

    Raises:
        NotReached: not all tests passed, so there is nothing to be timed; has the last lines.

    """
    plugins = [word for name in PLUGINS for word in ("-p", name)]
    words = ["-q", *plugins, "-n", workers, "--links", options.links]
    words += ["--time-scale", options.time_scale, "--cluster-seed", options.seed]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, words)],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=ENDED_WITHIN_REAL_S,
        check=False,
    )
    took_s = time.monotonic() - begun
    if done.returncode != 0 or f"{tests} passed" not in done.stdout:
        last = "\n".join(done.stdout.splitlines()[-LAST_LINES:])
        raise NotReached(f"pytest -n {workers} exited with {done.returncode}; its last lines:\n{last}")
    return tests / took_s


def _environment() -> dict[str, str]:
    """Return this process's environment, without what it says to a pytest that it runs in."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return ours | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
