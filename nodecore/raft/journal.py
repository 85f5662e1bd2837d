"""The log on disk, so that a kill -9 at any moment loses no entry that was ever answered for.

PySyncObj's journal is a mapped file: what was stored in it outlives the process (not a power cut, for nothing
is synced to the disk). Not safe are four of its steps: it compacts by clearing the file and writing the rest
anew; a restart between a snapshot and the compaction that follows throws the whole journal away; a term that
cannot be read is taken for none; a file that was begun and has no header yet stops every start. Here files
are written beside the old one and renamed over it, and `open_journal` finishes a compaction that was cut
short. Invariants: at every moment snapshot and journal together hold every entry that was appended; term and
vote change together.
"""

import gzip
import json
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pysyncobj.journal import FileJournal, MemoryJournal

Entry = tuple[bytes, int, int]
"""Command, index, term."""


class Unreadable(Exception):
    """A file is there and cannot be read; starting without it would forget what was promised."""


@dataclass(slots=True)
class Promises:
    """What a member must not forget (Ongaro and Ousterhout, figure 2: persistent state)."""

    term: int = 0
    voted_for: str | None = None
    commit_index: int = 1
    """How far the log was known to be committed; a hint that saves time, written once a second."""


class KeptJournal(FileJournal):  # type: ignore[misc]  # PySyncObj has no types
    """A journal in a file that is whole at every moment.

    Args:
        path: of the file; what a killed process left beside it is removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = path.with_name(path.name + ".new")
        self._beside.unlink(missing_ok=True)
        self._promises_path = path.with_suffix(".term")
        self._promises = _read_promises(self._promises_path)
        self._promises_kept = True
        if not path.exists():
            self._replace_by([])
        super().__init__(str(path))

    def deleteEntriesTo(self, entryTo: int) -> None:  # noqa: N802, N803  PySyncObj's names
        """Forget the entries before this one; PySyncObj calls it when a snapshot holds them."""
        self._replace_by(self[entryTo:])
        super()._destroy()
        super().__init__(str(self._path))

    def setCurrentTerm(self, term: int, votedForNodeId: str | None) -> None:  # noqa: N802, N803
        """Remember term and vote before anybody is told of them."""
        self._promises.term, self._promises.voted_for = term, votedForNodeId
        self._keep_promises()

    def getCurrentTerm(self) -> int:  # noqa: N802
        """Return the highest term that this member has seen."""
        return self._promises.term

    def getVotedForNodeId(self) -> str | None:  # noqa: N802
        """Return whom this member has voted for in that term."""
        return self._promises.voted_for

    def setRaftCommitIndex(self, raftCommitIndex: int) -> None:  # noqa: N802, N803
        """Remember how far the log is committed, within a second."""
        if raftCommitIndex != self._promises.commit_index:
            self._promises.commit_index = raftCommitIndex
            self._promises_kept = False

    def getRaftCommitIndex(self) -> int:  # noqa: N802
        """Return how far the log was committed when that was last remembered."""
        return self._promises.commit_index

    def onOneSecondTimer(self) -> None:  # noqa: N802
        """Called once a second."""
        if not self._promises_kept:
            self._keep_promises()

    def _keep_promises(self) -> None:
        beside = self._promises_path.with_name(self._promises_path.name + ".new")
        beside.write_text(json.dumps(asdict(self._promises)))
        beside.rename(self._promises_path)
        self._promises_kept = True

    def _replace_by(self, entries: list[Entry]) -> None:
        fresh = FileJournal(str(self._beside))
        for entry in entries:
            fresh.add(*entry)
        fresh._destroy()  # noqa: SLF001  PySyncObj's way to close it
        self._beside.rename(self._path)


def open_journal(path: str | None) -> Any:
    """Return the journal of a file, whole, or one in memory.

    Raises:
        Unreadable: a file is there that cannot be read.
    """
    if path is None:
        return MemoryJournal()
    journal = KeptJournal(Path(path))
    try:
        _finish_compaction(journal, snapshot_of(path))
    except Unreadable:
        journal._destroy()  # noqa: SLF001
        raise
    return journal


def snapshot_of(journal: str) -> Path:
    """Return where the snapshot of a journal is."""
    return Path(journal).with_suffix(".snapshot")


def _finish_compaction(journal: KeptJournal, snapshot: Path) -> None:
    if not snapshot.exists():
        return
    before, last = _last_entries(snapshot)
    kept = journal[:]
    if before in kept and kept.index(before) > 0 and last in kept:
        journal.deleteEntriesTo(kept.index(before))


def _last_entries(snapshot: Path) -> tuple[Entry, Entry]:
    """Return the last two entries that a snapshot holds."""
    try:
        with snapshot.open("rb") as file, gzip.GzipFile(fileobj=file) as packed:
            _state, last, before, _members = pickle.load(packed)
    except Exception as error:
        raise Unreadable(f"the snapshot {snapshot} cannot be read: {error!r}") from error
    return before, last


def _read_promises(path: Path) -> Promises:
    if not path.exists():
        return Promises()
    try:
        return Promises(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise Unreadable(f"the term {path} cannot be read: {error!r}") from error
