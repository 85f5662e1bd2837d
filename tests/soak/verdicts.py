"""A pytest plugin: which tests of a run failed, and how long the machine kept each from running.

Invariant: a test that failed on a machine that stood still is not called failed but inconclusive, and one
that passed has passed, whatever stood still: a stall can make a test late, but not right.
"""

import json
import re
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from fixtures.marks import requirements_of
from fixtures.numbers import parse_requirements
from fixtures.outcomes import Outcomes
from fixtures.owned import clusters_of
from harness.stall import Canary

STALL_MAX_REAL_S = 0.3
"""Of one stall during a test, of its own process or of a node. Two busy loops make 75 ms, so that no loaded
run is excused by this; a call between nodes gives up after 0.3 s (measured.md, "Time")."""

NODE_STALLED = re.compile(r"event=stall late_s=([0-9.]+)")
"""What a node logs when its own clock came late."""

STALL = "stall_real_s"
CANARY = pytest.StashKey[Canary]()


class Verdict(StrEnum):
    """What a test has come to."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One test: what it came to, the longest stall while it ran, and the first line of how it failed."""

    test: str
    verdict: Verdict
    stall_real_s: float
    why: str = ""


def judge(outcome: str, stall_real_s: float) -> Verdict:
    """Return the verdict on a test; whatever is not passed has failed, but for a stall that excuses it."""
    if outcome == "passed":
        return Verdict.PASSED
    return Verdict.INCONCLUSIVE if stall_real_s > STALL_MAX_REAL_S else Verdict.FAILED


def read(path: Path) -> list[Judged]:
    """Return the verdicts that a run has written."""
    return [Judged(**{**one, "verdict": Verdict(one["verdict"])}) for one in json.loads(path.read_text())]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `tests.soak.repeat` says to its runs."""
    group = parser.getgroup("repeat")
    group.addoption("--covering", default="all", metavar="R22-R28", help="only tests of these requirements")
    group.addoption("--verdicts", default="", metavar="FILE", help="where the verdicts are written")


def pytest_configure(config: pytest.Config) -> None:
    """Watch for stalls in whatever process runs tests; collect verdicts in the one that writes them."""
    config.stash[CANARY] = Canary()
    config.stash[CANARY].start()
    if not hasattr(config, "workerinput"):
        outcomes = Outcomes()
        config.pluginmanager.register(outcomes)
        config.pluginmanager.register(Writer(outcomes, Path(config.option.verdicts)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the watch."""
    config.stash[CANARY].stop()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that cover none of the requirements."""
    wanted = set(parse_requirements(config.option.covering))
    left_out = [item for item in items if not wanted & set(requirements_of(item))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember when a test begins."""
    item.stash[BEGUN] = time.monotonic()
    return (yield)


BEGUN = pytest.StashKey[float]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have each report say the longest stall since its test began."""
    report = yield
    worst = item.config.stash[CANARY].worst_since(item.stash[BEGUN])
    if report.failed:
        worst = max(worst, *nodes_stalls(item))
    report.user_properties.append((STALL, round(worst, 4)))
    return report


def nodes_stalls(item: pytest.Item) -> list[float]:
    """Return all stalls, in real seconds, that the nodes of a test's clusters have logged, and zero."""
    logs = [node.log.path for cluster in clusters_of(item) for node in cluster.nodes]
    texts = [path.read_text(errors="replace") for path in logs if path.exists()]
    return [0.0, *(float(late) for text in texts for late in NODE_STALLED.findall(text))]


class Writer:
    """Collects what tests came to and writes it at the end."""

    def __init__(self, outcomes: Outcomes, path: Path) -> None:
        self._outcomes = outcomes
        self._path = path
        self._stalls: dict[str, float] = {}
        self._why: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the longest stall, and how a phase failed."""
        worst = [float(str(value)) for name, value in report.user_properties if name == STALL]
        self._stalls[report.nodeid] = max([self._stalls.get(report.nodeid, 0.0), *worst])
        if report.failed:
            self._why.setdefault(report.nodeid, first_line(report))

    def pytest_sessionfinish(self) -> None:
        """Write the verdicts."""
        judged = [self._judged(*what) for what in self._outcomes.by_test().items()]
        self._path.write_text(json.dumps([asdict(one) for one in judged]))

    def _judged(self, test: str, outcome: str) -> Judged:
        stall_real_s = self._stalls.get(test, 0.0)
        return Judged(
            test=test,
            verdict=judge(outcome, stall_real_s),
            stall_real_s=stall_real_s,
            why=self._why.get(test, ""),
        )


LINE_MAX = 200


def first_line(report: pytest.TestReport) -> str:
    """Return the first line of how a phase failed; the whole story stands in pytest's own output."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return text.splitlines()[0][:LINE_MAX] if text else "failed"
