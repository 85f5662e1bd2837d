"""Histories on disk: what is written is read back, whatever kills the writer; what is no history says why."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.checkers import Operation, Outcome
from harness.history import BadHistory, Call, HistoryWriter, Kind
from harness.history_reader import parse_history, read_history

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def line(index: int, process: object, kind: str, f: str = "write", **more: Any) -> str:
    """One line of a history, for tests of the reader."""
    fields = {"index": index, "process": process, "type": kind, "f": f, "key": "k", "time_ns": 10 * index}
    return json.dumps(fields | more)


def test_each_way_to_end_and_none_at_all(tmp_path: Path) -> None:
    """ok, fail, info, and an operation whose client was killed: that is an info too."""
    with HistoryWriter(tmp_path / "history.jsonl") as writer:
        for process, kind in enumerate((Kind.OK, Kind.FAIL, Kind.INFO, None)):
            call = Call(f="write", key="k", value=process)
            writer.write(process, Kind.INVOKE, call, node="s1")
            if kind is not None:
                writer.write(process, kind, call, error="" if kind is Kind.OK else "503 no leader")
    history = read_history(tmp_path / "history.jsonl")
    assert [(one.process, one.value, one.outcome, one.node, one.error) for one in history.operations] == [
        ("0", 0, Outcome.OK, "s1", ""),
        ("1", 1, Outcome.FAIL, "s1", "503 no leader"),
        ("2", 2, Outcome.INFO, "s1", "503 no leader"),
        ("3", 3, Outcome.INFO, "s1", ""),
    ]
    assert [one.returned for one in history.operations] == [1, None, None, None]
    assert history.count(Outcome.INFO) == 2
    assert history.count(Outcome.OK, "read") == 0
    assert history.in_flight(history.operations[3].invoked_ns) == 1


def test_faults_have_the_time_in_which_they_were_verified(tmp_path: Path) -> None:
    """Their lines may come late; one that never ended was in force until the end."""
    with HistoryWriter(tmp_path / "history.jsonl") as writer:
        writer.write(0, Kind.INVOKE, Call(f="read", key="k"))
        for number, words in ((1, "isolate s1 (blackhole)"), (2, "s2 killed")):
            writer.write("nemesis", Kind.INVOKE, Call(f="fault", key=number, value=words), time_ns=number)
        writer.write("nemesis", Kind.OK, Call(f="fault", key=1), time_ns=7)
        writer.write(0, Kind.OK, Call(f="read", key="k", value=[1, {"a": 2}]))
    history = read_history(tmp_path / "history.jsonl")
    assert [(span.description, span.since_ns, span.until_ns) for span in history.faults] == [
        ("isolate s1 (blackhole)", 1, 7),
        ("s2 killed", 2, None),
    ]
    assert [one.result for one in history.operations] == [(1, (("a", 2),))]


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, VALUES)
def test_any_json_value_can_be_a_key_and_a_result(key: Any, value: Any) -> None:
    """Those that are no text, and texts with line ends of every kind."""
    lines = [line(0, 0, "invoke", "read", key=key), line(1, 0, "ok", "read", key=key, value=value)]
    (operation,) = parse_history(lines).operations
    assert isinstance(operation, Operation)
    assert hash(operation.key) is not None
    assert hash(operation.result) is not None


LINES = st.lists(
    st.fixed_dictionaries(
        {
            "index": st.integers(0, 9) | VALUES,
            "process": st.sampled_from([0, 1, "nemesis"]) | VALUES,
            "type": st.sampled_from([*Kind]) | VALUES,
            "f": st.sampled_from(["read", "write"]) | VALUES,
            "key": VALUES,
            "value": VALUES,
            "time_ns": st.integers(0, 9) | VALUES,
        }
    ),
    max_size=6,
)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(LINES)
def test_no_line_makes_the_reader_stumble(lines: list[dict[str, Any]]) -> None:
    """It is a history, or it is told in one line why not."""
    problem = ""
    try:
        parse_history(map(json.dumps, lines))
    except BadHistory as error:
        problem = str(error)
    assert "\n" not in problem
    assert not problem or problem.startswith("line ")


def test_twenty_threads_write_one_history(tmp_path: Path) -> None:
    """Every line is whole, in order, and numbered from 0."""
    with HistoryWriter(tmp_path / "history.jsonl") as writer:

        def work(process: int) -> None:
            for value in range(50):
                call = Call(f="write", key=f"k{process % 3}", value=value)
                writer.write(process, Kind.INVOKE, call)
                writer.write(process, Kind.OK, call)

        threads = [threading.Thread(target=work, args=(process,)) for process in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(text)["index"] for text in lines] == list(range(2000))
    assert read_history(tmp_path / "history.jsonl").count(Outcome.OK) == 1000


KILLED = """
import os, signal, sys
from pathlib import Path
from harness.history import Call, HistoryWriter, Kind
writer = HistoryWriter(Path(sys.argv[1]))
for value in range(30):
    writer.write(0, Kind.INVOKE, Call(f="write", key="k", value=value))
    writer.write(0, Kind.OK, Call(f="write", key="k", value=value))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_has_written_what_it_was_told(tmp_path: Path) -> None:
    """SIGKILL right after a line: the line is there."""
    path = tmp_path / "history.jsonl"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, env=os.environ)
    assert read_history(path).count(Outcome.OK) == 30


def test_half_a_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    """As a machine that loses power leaves it; half a line anywhere else is a mistake."""
    path = tmp_path / "history.jsonl"
    path.write_text(line(0, 0, "invoke") + "\n" + line(1, 0, "ok")[:20])
    history = read_history(path)
    assert (history.is_torn, [one.outcome for one in history.operations]) == (True, [Outcome.INFO])
    path.write_text(line(0, 0, "invoke")[:20] + "\n" + line(1, 0, "ok") + "\n")
    with pytest.raises(BadHistory, match=r"history\.jsonl, line 1: no JSON"):
        read_history(path)


def test_an_empty_file_is_a_history_in_which_nothing_happened(tmp_path: Path) -> None:
    """No operations is no mistake."""
    (tmp_path / "history.jsonl").touch()
    assert read_history(tmp_path / "history.jsonl").operations == ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["[" * 100_000], "line 1: nested too deep"),
        ([""], "line 1: no JSON"),
        (["[1]"], "line 1: right would be a JSON object, not '[1]'"),
        (["{}"], "line 1: process is missing; right would be a number or a name"),
        ([line(0, 0, "invoked")], "line 1: type 'invoked'; right would be one of invoke, ok, fail, info"),
        ([line(0, None, "invoke")], "line 1: process is None; right would be a number or a name"),
        ([line(0, 0, "invoke", time_ns="now")], "line 1: time_ns is 'now'; right would be CLOCK_MONOTONIC"),
        ([line(0, 0, "invoke", f=3)], "line 1: f is 3; right would be what was done"),
        ([line(0, 0, "ok")], "line 1: process 0 ends 'write', and has invoked nothing"),
        (
            [line(0, 0, "invoke"), line(1, 0, "invoke", "read")],
            "line 2: process 0 invokes 'read' while its operation of index 0 has not ended",
        ),
        (
            [line(0, 0, "invoke"), line(1, 0, "ok", "read")],
            "line 2: process 0 ends 'read' on 'k', and invoked 'write' on 'k' (index 0)",
        ),
        ([line(3, 0, "invoke"), line(3, 0, "ok")], "line 2: index 3 after 3; right would be a larger one"),
        (
            [line(0, 0, "invoke", time_ns=5), line(1, 0, "ok", time_ns=4)],
            "line 2: time_ns 4 after 5: lines stand in the order in which things happened",
        ),
        ([line(0, "nemesis", "ok", "fault", key=1)], "line 1: the fault 1 ends and has not begun"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(lines: list[str], said: str) -> None:
    """Which line, what is wrong with it, what would be right."""
    with pytest.raises(BadHistory) as problem:
        parse_history(lines)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_nothing_can_be_written_to_a_closed_history(tmp_path: Path) -> None:
    """Nor over another one."""
    with HistoryWriter(tmp_path / "history.jsonl") as writer:
        pass
    with pytest.raises(ValueError, match="is closed: end the workload before the history"):
        writer.write(0, Kind.INVOKE, Call(f="read"))
    with pytest.raises(FileExistsError):
        HistoryWriter(tmp_path / "history.jsonl")
