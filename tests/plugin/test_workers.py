"""pytest-xdist: each worker on its own below one folder, replaced workers too, and none outlives the run."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.processes.kernel import is_running
from harness.waiting import wait_for
from tests.plugin.conftest import InnerRun

PLENTY_REAL_S = 30.0
GONE_REAL_S = 3.0
"""One second and what a busy machine adds; without the parent-death signal xdist takes 7 s."""


def test_workers_share_a_folder_and_a_seed(imagined: InnerRun) -> None:
    """Every worker has a session and a folder of its own; a worker that replaces a crashed one too."""
    result = imagined(
        "-n1",
        "--cluster-seed=5",
        "--time-scale=0.1",
        test="""
        @pytest.mark.parametrize("n", range(3))
        def test_a(cluster, n):
            if n == 1: os._exit(1)
        """,
    )
    result.assert_outcomes(passed=2, failed=1)
    sessions = [note for note in imagined.notes if note.startswith("session worker")]
    workers = [note.split()[1].removeprefix("worker=") for note in sessions]
    assert workers == ["gw0", "gw1"]
    assert all("time_scale=0.1 seed=5" in session for session in sessions)
    folders = [Path(folder) for folder in imagined.folders]
    assert [folder.name for folder in folders] == workers
    assert len({folder.parent for folder in folders}) == 1
    assert imagined.left_behind == []


def test_without_xdist_there_is_one_worker(imagined: InnerRun) -> None:
    """Also when xdist itself is turned off."""
    result = imagined("-p", "no:xdist", test="def test_a(cluster): pass")
    result.assert_outcomes(passed=1)
    assert imagined.notes[0].startswith("session worker=main")
    assert imagined.left_behind == []


def test_ids_are_the_same_in_every_worker(imagined: InnerRun) -> None:
    """Trials under xdist: no 'different tests were collected', each id once."""
    result = imagined("-n2", "--trials=3", "-v", test="def test_a(cluster): pass")
    result.assert_outcomes(passed=3)
    result.stdout.no_fnmatch_line("*ifferent tests were collected*")
    for trial in (1, 2, 3):
        assert result.stdout.str().count(f"PASSED test_inner.py::test_a[trial{trial}]") == 1


def test_workers_die_with_a_killed_controller(imagined: InnerRun) -> None:
    """kill -9 of pytest: its workers die with it, not when xdist finds out."""
    imagined.prepare(
        test="""
        import threading
        @pytest.mark.parametrize("n", [1, 2])
        def test_stays(cluster, n):
            from harness.session import WORLD
            WORLD.note(f"pid {os.getpid()}")
            threading.Event().wait(60)
        """
    )
    command = [sys.executable, "-m", "pytest", "-n2"]
    with subprocess.Popen(command, cwd=imagined.pytester.path, stdout=subprocess.DEVNULL) as run:
        pids = wait_for("two workers", lambda: pids_of(imagined), lambda pids: len(pids) == 2, PLENTY_REAL_S)
        run.kill()
    wait_for(
        "the workers to die", lambda: [p for p in pids if is_running(p)], lambda alive: not alive, GONE_REAL_S
    )


def test_a_worker_whose_controller_is_gone_ends_at_once(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller killed while its worker starts: the worker finds out before it runs anything."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    program = (
        "from fixtures.runs import die_with_controller, machine;"
        f"die_with_controller({{'controller_pid': {dead.pid}, 'machine': machine()}}); print('alive')"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")


def test_a_worker_on_another_machine_is_left_to_xdist(pytester: pytest.Pytester) -> None:
    """The controller's pid means nothing there."""
    program = (
        "from fixtures.runs import die_with_controller;"
        "die_with_controller({'controller_pid': 2**22 - 1, 'machine': 'elsewhere'}); print('alive')"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "alive\n")


def test_ctrl_c_ends_everything(imagined: InnerRun) -> None:
    """Ctrl-C in a test closes its cluster and the session, and leaves no folder."""
    result = imagined(
        test="""
        import signal
        def test_interrupted(cluster):
            signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background job
            signal.raise_signal(signal.SIGINT)
        """
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert imagined.notes[-2:] == [
        "closed cluster of test_inner.py::test_interrupted",
        "session closed",
    ]
    assert imagined.left_behind == []


@pytest.mark.parametrize("whom", [os.kill, os.killpg], ids=["the controller alone", "a terminal"])
def test_an_interrupt_has_every_worker_clean_up(imagined: InnerRun, whom: Callable[[int, int], None]) -> None:
    """The worker closes its cluster and session itself, once, though a terminal tells it twice."""
    imagined.prepare(
        test="""
        import threading
        def test_stays(cluster):
            from harness.session import WORLD
            WORLD.note(f"pid {os.getpid()}")
            threading.Event().wait(60)
        """
    )
    command = [sys.executable, "-m", "pytest", "-n1"]
    with subprocess.Popen(
        command, cwd=imagined.pytester.path, stdout=subprocess.DEVNULL, start_new_session=True
    ) as run:
        wait_for("the worker", lambda: pids_of(imagined), bool, PLENTY_REAL_S)
        whom(run.pid, signal.SIGINT)
        assert run.wait(PLENTY_REAL_S) == pytest.ExitCode.INTERRUPTED
    assert imagined.notes[-2:] == ["closed cluster of test_inner.py::test_stays", "session closed"]
    assert imagined.left_behind == []


def test_an_interrupt_reaches_workers_that_have_no_cluster_yet(inner: InnerRun) -> None:
    """They are at collecting, which on a busy machine outlasts the 10 s after which xdist kills them."""
    inner.prepare(
        test="""
        import threading
        from pathlib import Path
        notes = Path(os.environ["IMAGINED_NOTES"])
        if "PYTEST_XDIST_WORKER" in os.environ:
            notes.write_text("pid 1\\n")
            try:
                threading.Event().wait(60)
            except KeyboardInterrupt:
                notes.write_text("interrupted\\n")
                raise
        """
    )
    command = [sys.executable, "-m", "pytest", "-n1"]
    with subprocess.Popen(
        command, cwd=inner.pytester.path, stdout=subprocess.DEVNULL, start_new_session=True
    ) as run:
        wait_for("the worker", lambda: pids_of(inner), bool, PLENTY_REAL_S)
        os.kill(run.pid, signal.SIGINT)
        assert run.wait(PLENTY_REAL_S) == pytest.ExitCode.INTERRUPTED
    assert inner.notes == ["interrupted"]
    assert inner.left_behind == []


def pids_of(inner: InnerRun) -> list[int]:
    return [int(note.removeprefix("pid ")) for note in inner.notes if note.startswith("pid ")]
