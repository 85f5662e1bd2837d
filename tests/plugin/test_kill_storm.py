"""Nothing outlives a kill -9, whoever is killed and whenever; `kill_storm` does it more often."""

from pathlib import Path

import pytest

from tests.plugin.kill_storm import Aftermath, strike

MOMENTS_REAL_S = (0.05, None)
"""During boot, and while a link is cut."""


def check_nothing_left(aftermath: Aftermath) -> None:
    """No process in a state other than Z, no folder."""
    assert aftermath.killed > 0 or aftermath.moment_real_s is not None
    assert (aftermath.left, aftermath.folders) == ((), ())


@pytest.mark.parametrize("moment_real_s", MOMENTS_REAL_S)
@pytest.mark.parametrize("victim", ["pytest", "controller"])
def test_kill_9_of_pytest_leaves_nothing(victim: str, moment_real_s: float | None, tmp_path: Path) -> None:
    """Workers, launchers, link servers, agents and nodes, a paused one too, are gone within a second."""
    aftermath = strike(victim, moment_real_s, tmp_path)
    check_nothing_left(aftermath)
    assert aftermath.exit_code == -9


def test_kill_9_of_a_worker_leaves_nothing_and_the_run_goes_on(tmp_path: Path) -> None:
    """xdist names the test that was running; the others pass in the replacement."""
    aftermath = strike("worker", None, tmp_path)
    check_nothing_left(aftermath)
    assert aftermath.exit_code == 1
    assert "crashed while running 'test_storm.py::test_long" in aftermath.output
    assert "1 failed, 2 passed" in aftermath.output


def test_kill_9_of_the_launcher_is_an_error_of_the_test_that_saw_it(tmp_path: Path) -> None:
    """The test errors by name and says what died; the next ones get a new launcher and pass."""
    aftermath = strike("launcher", None, tmp_path)
    check_nothing_left(aftermath)
    assert aftermath.exit_code == 1
    assert "was killed by SIGKILL; lost with it: " in aftermath.output
    assert "test_storm.py::test_long[" in aftermath.output.split("short test summary info")[1]
    assert "2 passed" in aftermath.output
