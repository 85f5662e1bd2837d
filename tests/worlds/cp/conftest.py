"""What the suites of CP share: how large a run is, and a line for each run at the end."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fixtures.options import SETTINGS
from harness.cluster import Cluster
from tests.worlds.cp.story import LONG, SHORT, Size, Story

RUN = "cp run"


@pytest.fixture
def size(request: pytest.FixtureRequest) -> Size:
    """Long with `--trials K`, else as short as says anything; each run asks for something else."""
    settings = request.config.stash[SETTINGS]
    return replace(LONG if settings.trials > 1 else SHORT, seed=f"{settings.seed} {request.node.name}")


@pytest.fixture(scope="module")
def lasting(cluster_factory_module: Callable[..., Cluster]) -> Cluster:
    """One cluster for the runs of a module that leave it whole: to boot one takes longer than to judge it."""
    return cluster_factory_module(nodes=3, cp=True)


@pytest.fixture
def judged(record_property: Callable[[str, object], None]) -> Callable[[Story], None]:
    """Judge a run and have its line told at the end."""

    def judge(story: Story) -> None:
        record_property(RUN, story.line(story.judge()))

    return judge


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell every run's line, where this directory was asked for by name."""
    runs = [
        (report.nodeid.rpartition("::")[2], value)
        for report in terminalreporter.getreports("passed")
        if report.when == "call"
        for name, value in report.user_properties
        if name == RUN
    ]
    if runs:
        terminalreporter.write_sep("-", "runs against CP")
    for test, line in runs:
        terminalreporter.write_line(f"{test}: {line}")
    doubtful = sum(line.startswith("INCONCLUSIVE") for _, line in runs)
    if runs:
        terminalreporter.write_line(
            f"{len(runs)} runs as they should be, {doubtful} inconclusive ({doubtful / len(runs):.1%})"
        )
