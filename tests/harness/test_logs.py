"""Logs: lines after a mark, and waiting for one."""

import threading

import pytest

from harness.processes.logs import Log, Mark, last_lines
from harness.processes.protocol import Exit, ProcessDied
from harness.waiting import WaitTimeout

SOON_REAL_S = 20.0


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "s1.log")


def _append(log, text):
    with log.path.open("a") as file:
        file.write(text)


def test_a_line_that_is_there_already_is_found(log):
    """Without a mark the whole log counts, the first match wins."""
    _append(log, "start\nready port=1\nready port=2\n")
    assert log.wait_for(r"ready port=\d", within_real_s=0) == "ready port=1"


def test_only_what_comes_after_the_mark_counts(log):
    """A mark before the cut: what was logged earlier proves nothing about it."""
    _append(log, "member s3 DOWN\n")
    mark = log.mark()
    with pytest.raises(WaitTimeout, match=r"'DOWN' in .*s1\.log; last seen: 0 lines, the last one ''$"):
        log.wait_for("DOWN", mark, within_real_s=0.01)
    _append(log, "member s2 DOWN\n")
    assert log.wait_for("DOWN", mark, within_real_s=0) == "member s2 DOWN"
    assert log.lines(mark) == ["member s2 DOWN"]


def test_a_line_that_comes_later_is_waited_for(log):
    """Written by another while we wait, in pieces: matched when the line is whole."""
    _append(log, "rea")
    writer = threading.Timer(0.05, _append, (log, "dy\n"))
    writer.start()
    assert log.wait_for("^rea", within_real_s=SOON_REAL_S) == "ready"
    writer.join()


def test_a_log_that_does_not_exist_yet_is_empty(log):
    """A node that has not written anything is no error."""
    assert log.mark() == Mark(0)
    assert log.lines() == []
    assert log.last_lines(5) == ()


def test_a_time_out_shows_the_last_line(log):
    """What was there instead of the expected line."""
    _append(log, "loading\nstill loading\n")
    with pytest.raises(WaitTimeout, match="last seen: 2 lines, the last one 'still loading'"):
        log.wait_for("ready", within_real_s=0.01)


def test_bytes_that_are_no_text_do_not_hide_the_line(log):
    """A node may log what a client sent it."""
    log.path.write_bytes(b"bad name \xff\xfe\n")
    assert log.wait_for("bad name", within_real_s=0) == r"bad name \xff\xfe"


def test_a_wait_ends_with_the_life_of_the_process_but_its_last_line_counts(tmp_path):
    """The death of the writer ends the wait, and what it had written before is still found."""
    death = Exit(name="s1", pid=1, status=1, signal=None, last_lines=("bye",))
    log = Log(tmp_path / "s1.log")

    def died():
        raise ProcessDied(death)

    dead = Log(log.path, interrupt=died)
    _append(log, "bye\n")
    assert dead.wait_for("bye", within_real_s=60) == "bye"
    with pytest.raises(ProcessDied, match=r"exited with status 1; its log ends with:\n    bye$"):
        dead.wait_for("ready", within_real_s=60)


def test_last_lines_take_the_unfinished_one_and_stop_at_the_beginning(log):
    """The last words of a crash often lack a line end; another process's part is left out."""
    _append(log, "of another life\n")
    begin = log.path.stat().st_size
    _append(log, "one\ntwo\nthree")
    assert last_lines(log.path, 2, begin) == ("two", "three")
    assert last_lines(log.path, 20, begin) == ("one", "two", "three")


def test_last_lines_of_a_huge_log_are_read_from_its_end(log):
    """A megabyte is not read to show twenty lines."""
    log.path.write_text("x" * 99 + "\n" + "y\n" * 600_000 + "end\n")
    assert log.last_lines(2) == ("y", "end")
