"""`--keep-cluster`: the cluster of a failed test can still be talked to."""

import os
import pty
import subprocess
import sys

from harness.processes import run_folders
from harness.processes.run_folders import Owner
from tests.plugin.conftest import InnerRun

FAILS = """
def test_fails(cluster): assert False
def test_passes(cluster): pass
"""


def test_the_cluster_of_a_failed_test_outlives_it(imagined: InnerRun) -> None:
    """It is not closed with its test but with pytest; its folder stays, and both are said."""
    result = imagined("--keep-cluster", test=FAILS)
    result.stdout.fnmatch_lines(
        [
            "kept: the cluster of test_inner.py::test_fails",
            "    s1 http://127.0.0.1:1 pid 7 log *s1.log",
            "kept: *",
        ]
    )
    assert [note for note in imagined.notes if "close" in note] == [
        "closed cluster of test_inner.py::test_passes",
        "session closed",
    ]
    [folder] = imagined.left_behind
    assert (
        f"kept: {imagined.temporary / folder} (clusters of test_inner.py::test_fails)" in result.stdout.lines
    )


def test_under_xdist_only_the_folder_stays(imagined: InnerRun) -> None:
    """A worker cannot wait for anybody: it closes its clusters and leaves the folder."""
    result = imagined("--keep-cluster", "-n1", test=FAILS)
    result.assert_outcomes(passed=1, failed=1)
    assert sum("closed cluster" in note for note in imagined.notes) == 2
    [folder] = imagined.left_behind
    assert (imagined.temporary / folder / "gw0" / "s1.log").exists()


CLAIMS_AND_FAILS = """
def test_fails(cluster, request):
    from fixtures.runs import RUN
    from harness.processes import run_folders
    run_folders.claim(request.config.stash[RUN].folder, os.getpid())
    assert False
"""


def test_no_later_run_sweeps_what_was_kept(imagined: InnerRun) -> None:
    """The folder's owner is dead by then; it names nobody any more, also when its worker could not say so."""
    imagined("--keep-cluster", "-n1", test=CLAIMS_AND_FAILS).assert_outcomes(failed=1)
    [folder] = imagined.left_behind
    assert run_folders.sweep(imagined.temporary) == []
    assert run_folders.owner_of(imagined.temporary / folder) is Owner.UNKNOWN


def test_nothing_is_kept_when_nothing_failed(imagined: InnerRun) -> None:
    """A passed test's cluster is closed and the folder removed."""
    imagined("--keep-cluster", test="def test_passes(cluster): pass").assert_outcomes(passed=1)
    assert imagined.notes[-2:] == ["closed cluster of test_inner.py::test_passes", "session closed"]
    assert imagined.left_behind == []


def test_pytest_waits_for_enter_on_a_terminal(imagined: InnerRun) -> None:
    """Where somebody sits before it, pytest holds the cluster until Enter, and only then ends it."""
    imagined.prepare(test=FAILS)
    terminal, ours = pty.openpty()
    command = [sys.executable, "-m", "pytest", "--keep-cluster"]
    run = subprocess.Popen(command, cwd=imagined.pytester.path, stdin=ours, stdout=ours, stderr=ours)
    os.close(ours)
    before = read_until(terminal, b"Enter or Ctrl-C ends it and pytest: ")
    assert b"s2 http://127.0.0.1:1 pid 7" in before
    assert "session closed" not in imagined.notes
    os.write(terminal, b"\n")
    assert b"1 failed, 1 passed" in read_until(terminal, None)
    assert run.wait() == 1
    os.close(terminal)
    assert imagined.notes[-1] == "session closed"


def read_until(terminal: int, text: bytes | None) -> bytes:
    """Read what pytest writes until this text, or its end; the suite's own time limit is the deadline."""
    seen = b""
    while text is None or text not in seen:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # a terminal whose other side is closed
            chunk = b""
        if not chunk:
            assert text is None, f"pytest ended before it said {text!r}: {seen.decode()}"
            break
        seen += chunk
    return seen
