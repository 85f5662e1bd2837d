"""The soak finds what it looks for, and runs; `python -m tests.soak` does it a thousand times."""

import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak import __main__ as command
from tests.soak.census import KIB, KINDS, Census, take_census
from tests.soak.observer import Observer
from tests.soak.report import Outcome, print_json, print_table


def soak(*options: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as its user does."""
    words = [sys.executable, "-m", "tests.soak", *options]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)


def test_the_soak_ends_in_zeros() -> None:
    """Two clusters beside no busy loop: each saw a fault, and nothing is left."""
    run = soak("--clusters", "2", "--busy", "0", "--seed", "3", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert (told["clusters"], told["failed"], told["without_verified_fault"]) == (2, {}, [])
    assert told["faults_verified"] >= 2
    assert [(row["what"], row["left"]) for row in told["counts"]] == [(kind, 0) for kind in KINDS]
    assert "seed 3" in run.stderr


def test_a_mistake_in_the_command_line_is_one_line_and_64(capsys: pytest.CaptureFixture[str]) -> None:
    """As with every command of ours."""
    with pytest.raises(SystemExit) as end:
        command.main(["--clusters", "none"])
    assert end.value.code == 64
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("'none' is wrong; right would be a whole number from 1")


def test_the_census_names_what_is_too_much(tmp_path: Path) -> None:
    """A thread, a process, a listening port, a pipe and a folder more; none when they are gone."""
    before = take_census(tmp_path)
    leave = threading.Event()
    thread = threading.Thread(target=leave.wait, name="straggler")
    thread.start()
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    (tmp_path / "cutheal-0123abcd" / "k7").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)):
        more = take_census(tmp_path).beyond(before)
    child.communicate()
    leave.set()
    thread.join()
    (tmp_path / "cutheal-0123abcd" / "k7").rmdir()
    (tmp_path / "cutheal-0123abcd").rmdir()
    assert [line for line in more if not line.startswith("listening")] == [
        "processes: 1 cat",
        "threads: 1 straggler",
        "descriptors: 1 pipe",
        "descriptors: 1 tcp socket that listens",
        "temp folders: 1 cutheal-*",
        "temp folders: 1 cutheal-*/k*",
    ]
    assert len(more) == 7
    assert take_census(tmp_path).beyond(before) == []


def census(**more: int) -> Census:
    """A census in which every kind has one thing, and these more."""
    names = {kind: Counter({"usual": 1}) for kind in KINDS}
    for kind, count in more.items():
        names[kind.replace("_", " ")]["odd"] += count
    return Census(names=names, memory_bytes=1024)


def test_memory_that_grows_with_every_cluster_is_a_complaint_once_enough_have_run() -> None:
    """What fills up once, as the stall canary does, is no growth; few clusters do not tell."""
    growing = [replace(census(), memory_bytes=50_000 * KIB + number * 20 * KIB) for number in range(260)]
    assert outcome(watched(*growing), census()).complaints == ["memory grew by 18.2 KiB a cluster"]
    filled = [replace(one, memory_bytes=min(one.memory_bytes, growing[150].memory_bytes)) for one in growing]
    assert outcome(watched(*filled), census()).complaints == []
    few = watched(*growing[:200])
    assert outcome(few, census()).complaints == []
    assert few.growth_kib is None


def watched(*looks: Census, verified: int = 1) -> Observer:
    """An observer that has seen one cluster for each of these censuses, the first of them to warm up."""
    coming = iter([*looks, *looks[-1:]])
    observer = Observer(numbers=range(1, len(looks) + 1), warm_up=1, look=lambda: next(coming))
    for number in range(1, len(looks) + 1):
        nodeid = f"story.py::test_cluster[cluster{number}]"
        said = [("verified", verified), ("born", "127.0.0.1:4000 17")]
        observer.pytest_runtest_logreport(
            pytest.TestReport(nodeid, ("", 0, ""), {}, "passed", None, "teardown", user_properties=said)
        )
        observer.pytest_runtest_logfinish(nodeid)
    return observer


def outcome(observer: Observer, after: Census) -> Outcome:
    return Outcome(seed=11, observer=observer, before=census(), after=after, ended=0)


def test_what_a_cluster_leaves_is_told_with_its_number_and_the_command_that_repeats_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The second of two left a thread, which is gone in the end: a complaint all the same."""
    seen = outcome(watched(census(), census(), census(threads=2)), census())
    assert seen.complaints == [
        "cluster 3 left threads: 2 odd; again: python -m tests.soak --seed 11 --only 3"
    ]
    print_table(seen)
    assert seen.complaints[0] in capsys.readouterr().out
    print_json(seen)
    told = json.loads(capsys.readouterr().out)
    (threads,) = [row for row in told["counts"] if row["what"] == "threads"]
    assert (threads["most_too_many"], threads["left"], told["reused"]) == (2, 0, 2)


def test_what_stays_to_the_end_and_a_cluster_without_a_fault_are_complaints() -> None:
    """Neither can hide behind a test that passed."""
    assert outcome(watched(census()), census(descriptors=1)).complaints == [
        "left at the end: descriptors: 1 odd"
    ]
    assert outcome(watched(census(), verified=0), census()).complaints == [
        "cluster 1 saw no verified fault; again: python -m tests.soak --seed 11 --only 1"
    ]
