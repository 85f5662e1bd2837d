"""Nothing outlives a kill -9, whoever is killed and whenever; `kill_storm` does it more often."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import kill_storm
from tests.harness.storm_census import Census
from tests.harness.storm_strike import PHASES, TOKEN, Aftermath, Blow, strike

MIDDLE = 60
"""A call in the middle of things: links are being made, cut or healed, or a cluster is being ended."""


def check_nothing_left(aftermath: Aftermath) -> None:
    """No process in a state other than Z, no folder, no listening socket; the run ended as it should."""
    assert aftermath.struck
    assert (aftermath.left, aftermath.oddities) == ((), ()), aftermath.output


@pytest.mark.parametrize(
    ("workers", "phase"), [(number % 2 * 2, phase) for number, phase in enumerate(PHASES)]
)
def test_kill_9_of_pytest_leaves_nothing(workers: int, phase: str, tmp_path: Path) -> None:
    """Workers, launchers, link servers, agents and nodes, a paused one too, are gone within a second."""
    aftermath = strike(Blow(workers=workers, phase=phase, number=MIDDLE, paused=True), tmp_path)
    check_nothing_left(aftermath)
    assert aftermath.exit_code == -9


def test_kill_9_of_a_worker_leaves_nothing_and_the_run_goes_on(tmp_path: Path) -> None:
    """xdist names the test that was running; the others pass in the replacement."""
    aftermath = strike(Blow(victim="worker", workers=2, phase="heal", number=1, paused=True), tmp_path)
    check_nothing_left(aftermath)
    assert aftermath.died >= 6, "launcher, link server, three nodes, agent"
    assert aftermath.exit_code == 1
    assert "crashed while running 'test_storm.py::test_storm" in aftermath.output
    assert "1 failed, 2 passed" in aftermath.output


def test_kill_9_of_the_launcher_is_an_error_of_the_test_that_saw_it(tmp_path: Path) -> None:
    """The test errors by name and says what died; the next ones get a new launcher and pass."""
    aftermath = strike(Blow(victim="launcher", phase="heal", number=1, paused=True), tmp_path)
    check_nothing_left(aftermath)
    assert aftermath.died >= 5, "link server, three nodes, agent"
    assert aftermath.exit_code == 1
    assert "was killed by SIGKILL; lost with it: " in aftermath.output
    assert "test_storm.py::test_storm[" in aftermath.output.split("short test summary info")[1]
    assert "2 passed" in aftermath.output


def test_kill_9_of_the_link_server_is_an_error_of_the_test_that_saw_it(tmp_path: Path) -> None:
    """It is replaced, and the test is told so; the nodes live on, and the next tests pass."""
    aftermath = strike(Blow(victim="toxiproxy", phase="heal", number=1, paused=True), tmp_path)
    check_nothing_left(aftermath)
    assert aftermath.exit_code == 1
    assert "was killed by SIGKILL; it was replaced" in aftermath.output
    assert "2 passed" in aftermath.output


def test_the_storm_counts_what_it_did_and_exits_0_when_nothing_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One row a victim and -n; a worker without xdist is pytest itself, and said to be."""
    words = ["--runs", "1", "-n", "0", "--victim", "controller,worker", "--signal", "TERM", "--json"]
    assert kill_storm.main(words) == 0
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out)["rows"]
    assert (row["victim"], row["workers"], row["runs"], row["bad"]) == ("controller", 0, 1, [])
    assert printed.err.splitlines() == [
        "controller, -n 0: 1 kills, 0 with something wrong",
        "worker, -n 0: pytest itself, which is the controller",
    ]


def test_what_is_left_is_found_by_its_environment_its_command_line_or_its_folder(tmp_path: Path) -> None:
    """The census sees a process that hides from two of the three."""
    idle = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    hidings: list[tuple[list[str], dict[str, str], str | None]] = [
        (idle, {TOKEN: str(tmp_path)}, None),
        ([*idle, str(tmp_path / "a")], {}, None),
        (idle, {}, str(tmp_path)),
    ]
    census = Census(f"{TOKEN}={tmp_path}", tmp_path)
    for command, environment, folder in hidings:
        with subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.PIPE) as left:
            assert {found.pid for found in census.everybody()} == {left.pid}
            assert {found.pid for found in census.orphans(run_pid=0)} == {left.pid}
            left.communicate()
        assert census.everybody() == set()
