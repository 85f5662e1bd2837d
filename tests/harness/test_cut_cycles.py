"""The programmes that cut and heal again and again, run for a few cycles."""

import subprocess
import sys

import pytest

from tests.harness import closing_clients


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


@pytest.mark.parametrize(
    ("cut", "when"), [("slice(10,500)", "during-heal"), ("rate(1)", "during-heal"), ("hold", "before-heal")]
)
def test_a_heal_ends_while_clients_close_their_connections(
    cut: str, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Toxiproxy 2.12 hung in 2 or 3 of 100 such heals when a toxic was removed while its links lived."""
    assert closing_clients.main(["--times", "20", "--cut", cut, "--when", when]) == 0
    assert f"{cut}: the link server hung 0 of 20 times" in capsys.readouterr().out
