"""The programme that measures verification beside busy loops, run for a few cycles."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("options", "last"),
    [
        (["--cycles", "11", "--burn", "1", "--raft"], "11 cycles beside 1 busy loops: 0 false alarms"),
        (["--cycles", "3", "--deaf"], "3 cycles beside 0 busy loops: 0 missed"),
    ],
    ids=["real", "deaf"],
)
def test_it_prints_a_table_and_what_was_false(options: list[str], last: str) -> None:
    """No false alarm on a link server that works, no cut missed on one that does nothing."""
    command = [sys.executable, "-m", "tests.harness.cut_cycles", "--nodes", "3", *options]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == last
    assert "blackhole" in run.stdout
