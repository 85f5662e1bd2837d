"""The plugin on real processes: what the user sees, and that nothing is left when something dies."""

import os
import signal
import subprocess
import sys

import pytest

from harness.processes.kernel import is_running
from harness.waiting import wait_for
from tests.plugin.conftest import InnerRun

PLENTY_REAL_S = 60.0
GONE_REAL_S = 3.0
"""One second and what a busy machine adds; without guardian and parent-death signal it takes 7 s."""

NOTE_PIDS = """
import psutil
def everything():
    return " ".join(str(process.pid) for process in psutil.Process().children(recursive=True))
"""


@pytest.mark.parametrize("workers", [(), ("-n2", "--dist=loadfile")])
def test_a_failure_shows_what_the_nodes_believe(inner: InnerRun, workers: tuple[str, ...]) -> None:
    """A killed node, a cut link, the view of the others and the end of their logs; nothing is left."""
    result = inner(
        *workers,
        test="""
        def test_fails(cluster):
            s1, s2, s3 = cluster.nodes
            cluster.cut(s1, s2)
            s3.kill()
            assert False, "the test's own reason"
        def test_passes(cluster): assert len(cluster.nodes) == 3
        """,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*the test's own reason*",
            "*- cluster -*",
            "s1 127.0.0.1:* pid * running",
            "*members s1=UP*",
            "s3 127.0.0.1:* pid * killed*",
            "links cut: *s1*s2*",
            "*last lines of s1: */s1.log*",
            "*event=loaded*",
            "*- run just this test again -*",
            "pytest test_inner.py::test_fails --cluster-seed * --time-scale 0.05 --links toxiproxy*",
        ]
    )
    assert inner.left_behind == []


def test_a_cluster_that_fails_to_start_leaves_its_logs(inner: InnerRun) -> None:
    """What its nodes wrote is shown and kept like that of a cluster that ran, and the next test gets one."""
    result = inner(
        test="""
        @pytest.mark.cluster(config={"limits.nonsense": 1})
        def test_wrong(cluster): pass
        def test_right(cluster): pass
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*a node ended by itself: s[123] (pid *exited with status 2*",
            "*- cluster -*",
            "s[123] 127.0.0.1:* pid * crashed*",
            "*last lines of s1: */s1.log*",
            "*nodecore: limits.nonsense does not exist*",
        ]
    )
    [log] = inner.pytester.path.glob(".pytest_cache/d/cutheal/*test_wrong*/s1.log")
    assert "limits.nonsense does not exist" in log.read_text(encoding="utf-8")
    assert inner.left_behind == []


def test_a_killed_launcher_costs_one_test(inner: InnerRun) -> None:
    """kill -9 of the launcher: the test that saw it errors by name, the next has a cluster again."""
    result = inner(
        test="""
        import psutil
        def test_before(cluster): pass
        def test_sees_it(cluster):
            for launcher in psutil.Process().children():
                launcher.kill()
        def test_after(cluster): assert cluster.nodes[0].api.instances("ServiceA0") == []
        """
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_sees_it*"])
    assert inner.left_behind == []


def test_a_killed_worker_costs_one_test(inner: InnerRun) -> None:
    """kill -9 of an xdist worker: its processes are gone at once, a new worker runs the rest."""
    result = inner(
        "-n1",
        test=NOTE_PIDS
        + """
def test_killed(cluster):
    with open(os.environ["IMAGINED_NOTES"], "a") as notes: notes.write(everything() + "\\n")
    cluster.nodes[0].pause()
    os.kill(os.getpid(), 9)
def test_rest(cluster): pass
""",
    )
    result.assert_outcomes(passed=1, failed=1)
    pids = [int(pid) for pid in inner.notes[0].split()]
    assert len(pids) >= len(("launcher", "toxiproxy", "s1", "s2", "s3"))
    wait_until_gone(pids)
    assert inner.left_behind == []


def test_a_killed_pytest_leaves_no_process_and_no_folder(inner: InnerRun) -> None:
    """kill -9 of pytest with a paused node: everything that it started is gone."""
    inner.prepare(
        test=NOTE_PIDS
        + """
def test_killed(cluster):
    cluster.nodes[0].pause()
    with open(os.environ["IMAGINED_NOTES"], "a") as notes: notes.write(everything() + "\\n")
    os.kill(os.getpid(), 9)
"""
    )
    command = [sys.executable, "-m", "pytest", "-q"]
    run = subprocess.run(
        command, cwd=inner.pytester.path, capture_output=True, timeout=PLENTY_REAL_S, check=False
    )
    assert run.returncode == -signal.SIGKILL
    wait_until_gone([int(pid) for pid in inner.notes[0].split()])
    wait_for("the folder to go", lambda: inner.left_behind, lambda left: left == [], GONE_REAL_S)


def wait_until_gone(pids: list[int]) -> None:
    assert os.getpid() not in pids
    wait_for("all to be gone", lambda: [p for p in pids if is_running(p)], lambda left: not left, GONE_REAL_S)
