"""A load over several workers: who joins, who cannot, who is waited for, and what is left of who died."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.load.attendance import Attendance, declare_over
from harness.load.crowd import Client
from harness.load.folder import LOADS, LoadFolder
from harness.load.helper import LoadHelper
from harness.load.latencies import Latencies
from harness.load.load import Marked
from harness.load.plan import LoadPlan
from harness.load.result import read_result
from harness.load.samples import Done, SampleWriter
from harness.load.table import table
from harness.waiting import wait_for
from tests.harness.load.doubles import Imagined, node_plans

PLENTY_REAL_S = 30.0
TEST = "test_orders.py::test_reads"


def ask(_: Client) -> None:
    """An operation that always goes well."""


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[LoadHelper]:
    program: Any = Imagined()
    made = LoadHelper("gw1", tmp_path, {TEST: (Marked(operation=ask, is_spread=True), lambda: program)})
    made.start()
    yield made
    made.close()


def called(run_folder: Path, **changed: object) -> LoadFolder:
    """A load that gw0 calls for."""
    folder = LoadFolder(run_folder / LOADS / "a")
    conditions = {"clients": 3, "rate_per_real_s": None, "nodes": 2, "time scale": 0.05, "links": "toxiproxy"}
    folder.make(
        {
            "test": TEST,
            "nodeid": TEST,
            "worker": "gw0",
            "pid": os.getpid(),
            "called": time.monotonic(),
            "spread": True,
            "plan": LoadPlan(clients=3, rate_per_real_s=60).as_json(),
            "program": "imagined",
            "nodes": [plan.to_json() for plan in node_plans(2)],
            "conditions": conditions,
            **changed,
        }
    )
    return folder


def answer_to(folder: LoadFolder) -> str:
    """What gw1 says to a call."""
    return wait_for("an answer", folder.joined, bool, PLENTY_REAL_S)["gw1"]


def written_by(folder: LoadFolder, worker: str, begin: float, latencies_ms: list[int]) -> SampleWriter:
    """A worker that has done something."""
    writer = SampleWriter(folder.samples_path(worker), begin)
    writer.start()
    for latency_ms in latencies_ms:
        writer.add(Done(begin + 0.05, latency_ms / 1000, 0.001))
    return writer


def test_a_worker_joins_and_sends_its_share(tmp_path: Path, helper: LoadHelper) -> None:
    """It is called, dealt two of three clients, and ends when it is told to."""
    folder = called(tmp_path)
    assert answer_to(folder) == ""
    folder.start(time.monotonic(), {"gw0": [1], "gw1": [0, 2]})
    wait_for("a call written down", lambda: read_result(folder).done, bool, PLENTY_REAL_S)
    folder.stop()
    wait_for("its last line", lambda: folder.has_closed("gw1"), bool, PLENTY_REAL_S)
    written_by(folder, "gw0", time.monotonic(), [5]).close(unsent=0)
    folder.end(lasted_real_s=1.0)
    result = read_result(folder)
    assert result.workers == ("gw0", "gw1")
    assert result.done > 1
    assert result.problems == ()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"nodeid": "test_other.py::test_b"}, "it has not collected test_other.py::test_b"),
        ({"program": "redis"}, "the cluster would run imagined, and it runs redis"),
    ],
)
def test_a_worker_that_cannot_take_part_says_why(
    tmp_path: Path, helper: LoadHelper, changed: dict[str, object], why: str
) -> None:
    """Who called need not wait for it, and the result names it."""
    folder = called(tmp_path, **changed)
    assert why in answer_to(folder)
    folder.start(time.monotonic(), {"gw0": [0, 1, 2]})
    written_by(folder, "gw0", time.monotonic(), [5]).close(unsent=0)
    folder.end(lasted_real_s=1.0, absent=folder.joined())
    (problem,) = read_result(folder).problems
    assert problem.startswith("gw1 took no part: ")
    assert why in problem


def test_what_a_dead_worker_has_written_counts(tmp_path: Path) -> None:
    """Its samples are merged with the others', and the table says that something is missing."""
    folder, begin = called(tmp_path), time.monotonic()
    folder.start(begin, {"gw0": [0], "gw1": [1, 2]})
    written_by(folder, "gw0", begin, [10] * 50).close(unsent=7)
    dying = written_by(folder, "gw1", begin, [30] * 50)
    dying.close(unsent=0)
    path = folder.samples_path("gw1")
    path.write_text(path.read_text().rpartition('{"unsent"')[0] + '{"from_re')
    folder.note_faults([{"fault": "partition {s1} | {s2}", "from_real_s": 0.5, "to_real_s": 1.25}])
    folder.end(lasted_real_s=2.0)
    result = read_result(folder)
    assert result.done == 100
    assert result.throughput_per_real_s == 50
    assert result.latency_ms(50) == pytest.approx(10, rel=0.01)
    assert result.latency_ms(90) == pytest.approx(30, rel=0.01)
    assert Latencies.merged([result.as_json()["histograms_us"]["latency"]]).count == 100
    printed = "\n".join(table([result]))
    assert "closed" in printed
    assert "7 sends were due and not made by the end" in printed
    assert "0.50 to 1.25 s: partition {s1} | {s2}" in printed
    assert "not as asked for: gw1 died or did not end" in printed


def test_a_load_whose_owner_died_is_read_all_the_same(tmp_path: Path) -> None:
    """It has no end; what was written counts."""
    folder, begin = called(tmp_path), time.monotonic()
    assert read_result(folder).problems == ("it never began: the process that ran it died",)
    folder.start(begin, {"gw0": [0, 1, 2]})
    written_by(folder, "gw0", begin, [10] * 5).close(unsent=0)
    result = read_result(folder)
    assert result.done == 5
    assert result.problems == ("the process that ran it died, or was interrupted, and its cluster with it",)


def test_a_worker_without_tests_stays_until_nobody_can_call(tmp_path: Path) -> None:
    """Until the others have none left either, are dead, or the run is over."""
    run_folder = tmp_path / "run"
    attendances = [attended(run_folder, worker) for worker in ("gw0", "gw1")]
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    attended(run_folder, "gw2", pid=dead.pid)
    assert [sorted(attendance.others()) for attendance in attendances] == [["gw1"], ["gw0"]]
    (run_folder / LOADS / "workers" / "gw1.idle").touch()
    attendances[0].stay()
    assert run_folder.stat().st_mode & 0o777 == 0o700


def test_nobody_stays_when_the_run_is_over(tmp_path: Path) -> None:
    """An interrupt leaves tests that nobody will run."""
    attendances = [attended(tmp_path, worker) for worker in ("gw0", "gw1")]
    declare_over(tmp_path)
    attendances[0].stay()
    assert attendances[1].others() == {"gw0"}


def attended(run_folder: Path, worker: str, pid: int | None = None) -> Attendance:
    return Attendance(run_folder, worker, pid=pid or os.getpid(), owner_pid=os.getpid())


def test_what_is_being_written_is_not_seen(tmp_path: Path) -> None:
    """Neither an answer nor a worker that has only half said who it is."""
    folder, attendance = called(tmp_path), attended(tmp_path, "gw0")
    (folder.path / "gw1.joined.draft").write_text("{")
    (tmp_path / LOADS / "workers" / "gw1.present.draft").touch()
    assert folder.joined() == {}
    assert attendance.others() == set()
