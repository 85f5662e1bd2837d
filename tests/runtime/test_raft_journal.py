"""Killed anywhere, the log on disk keeps every entry: by a kill at every line that compaction executes."""

import gc
import gzip
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pysyncobj.atomic_replace
import pysyncobj.journal
import pysyncobj.serializer
import pytest

from nodecore.raft import journal as ours
from nodecore.raft.journal import Entry, KeptJournal, Unreadable, open_journal, snapshot_of

FILES = {module.__file__ for module in (ours, pysyncobj.journal, pysyncobj.serializer)}
ENTRIES: list[Entry] = [(f"command {index}".encode(), index, 1) for index in range(1, 9)]
SNAPSHOT_AT = 5


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it is executed, what was stored in the mapped file stays."""


@pytest.fixture(autouse=True)
def who_is_killed_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From Python 3.13 on a gzip writes its end when it is collected, here to a file that is closed."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    yield
    gc.collect()


def killed_at(line: int, act: Callable[[], object]) -> bool:
    """Run `act`, and end it at its line of that number; tell whether there was such a line."""
    left = line

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in FILES or frame.f_code.co_name == "getMeta":
            return None  # getMeta would catch the kill; it reads a file of PySyncObj's that is never there
        if event == "line":
            left -= 1
            if left < 0:
                raise Killed
        return trace

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # who is killed closes nothing
        sys.settrace(trace)
        try:
            act()
        except Killed:
            return True
        finally:
            sys.settrace(None)
    assert left >= 0, "something caught the kill"
    return False


def compact(path: Path) -> None:
    """What PySyncObj does between two ticks: a snapshot, renamed into place, and the journal cut."""
    kept = open_journal(str(path))
    serializer = pysyncobj.serializer.Serializer(str(snapshot_of(str(path))), 2**16, False, None, None, None)
    at = next(place for place, known in enumerate(kept) if known[1] == SNAPSHOT_AT - 1)
    serializer.serialize(("state", kept[at + 1], kept[at], set()), SNAPSHOT_AT - 1)
    if serializer.checkSerializing()[0] == pysyncobj.config.SERIALIZER_STATE.SUCCESS:
        kept.deleteEntriesTo(at)
    kept._destroy()


def written(path: Path) -> None:
    made = KeptJournal(path)
    for known in ENTRIES:
        made.add(*known)
    made.setCurrentTerm(7, "127.0.0.1:1")
    made._destroy()


def kills(folder: Path, prepare: Callable[[Path], object], act: Callable[[Path], object]) -> Iterator[Path]:
    """The files as they are after a kill at each line of `act`, one after another."""
    line = 0
    while True:
        path = folder / f"{line}.journal"
        prepare(path)
        if not killed_at(line, lambda: act(path)):  # noqa: B023  called before the next turn
            break
        yield path
        line += 1
    assert line > 10, "nothing was traced"


@pytest.mark.requirement("R3")
def test_compaction_loses_nothing_wherever_it_is_killed(tmp_path: Path) -> None:
    """Whatever the snapshot does not hold is in the journal; PySyncObj would find it without gaps."""
    for path in kills(tmp_path, written, compact):
        found = open_journal(str(path))
        indexes = [index for _, index, _ in found]
        assert indexes == list(range(indexes[0], 9)), path
        assert found.getCurrentTerm() == 7
        if snapshot_of(str(path)).exists():
            with gzip.open(snapshot_of(str(path))) as packed:
                _, last, before, _ = pickle.load(packed)
            assert [found[0], found[1]] == [before, last], "PySyncObj throws any other journal away"
        else:
            assert indexes[0] == 1
        found._destroy()


@pytest.mark.requirement("R3")
def test_an_append_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """Nothing that was there before is touched, also when the file has to grow."""

    def append(path: Path) -> None:
        kept = open_journal(str(path))
        kept.add(b"x" * 5000, 9, 2)
        kept._destroy()

    for path in kills(tmp_path, written, append):
        found = open_journal(str(path))
        assert found[:8] == ENTRIES
        assert found[8:] in ([], [(b"x" * 5000, 9, 2)])
        found._destroy()


@pytest.mark.requirement("R3")
def test_a_vote_is_remembered_or_was_never_given(tmp_path: Path) -> None:
    """Term and vote change together: two votes in one term would make two leaders."""

    def vote(path: Path) -> None:
        kept = open_journal(str(path))
        kept.setCurrentTerm(8, "127.0.0.1:2")
        kept._destroy()

    for path in kills(tmp_path, written, vote):
        found = open_journal(str(path))
        assert (found.getCurrentTerm(), found.getVotedForNodeId()) in [(7, "127.0.0.1:1"), (8, "127.0.0.1:2")]
        found._destroy()


def test_a_journal_that_was_never_finished_is_begun_again(tmp_path: Path) -> None:
    """A node killed in its first moment starts; an empty file would stop PySyncObj for ever."""

    def begin(path: Path) -> None:
        open_journal(str(path))._destroy()

    for path in kills(tmp_path, lambda _path: None, begin):
        found = open_journal(str(path))
        assert len(found) == 0
        found._destroy()


def test_a_snapshot_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    """Going on without it would forget what was acknowledged, so the node says where the trouble is."""
    path = tmp_path / "raft.journal"
    written(path)
    snapshot_of(str(path)).write_bytes(b"no gzip")
    with pytest.raises(Unreadable, match=r"raft\.snapshot cannot be read"):
        open_journal(str(path))
