"""The history of one cluster: what clients do to it, and the faults it is under, each while it is in force.

Invariant: a fault's line is written when it was verified, and another when its end begins; so is the time in
which a node's process is paused or does not exist.
"""

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from harness.fault import Fault
from harness.history import FAULT, NEMESIS, Call, History, HistoryWriter, Kind
from harness.history_reader import read_history
from harness.node import Condition, Node

_NS = 1_000_000_000


class Recorded(Protocol):
    """What is recorded of a cluster."""

    faults: list[Fault]
    recordings: "list[Recording]"

    @property
    def nodes(self) -> Sequence[Node]:
        """Those of this moment."""
        ...


def free_path(folder: Path) -> Path:
    """Return where the next history of a cluster goes."""
    names = chain(["history.jsonl"], (f"history-{number}.jsonl" for number in count(2)))
    return next(path for name in names if not (path := folder / name).exists())


class Recording:
    """Writes a history for the time of its `with` block; by `Cluster.record`.

    Args:
        cluster: whose faults are recorded.
        path: a new file.

    """

    def __init__(self, cluster: Recorded, path: Path) -> None:
        self._cluster = cluster
        self._numbers = count(1)
        self._down: dict[str, tuple[int, str]] = {}
        self._followed: list[Node] = []
        self.writer = HistoryWriter(path)
        """For a workload, or for a client of your own."""

    def __enter__(self) -> Self:
        for fault in self._cluster.faults:
            if fault.ended is None:
                self.begin(fault)
        for node in self._cluster.nodes:
            self.follow(node)
        self._cluster.recordings.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster.recordings.remove(self)
        for node in self._followed:
            node.watchers.remove(self._note)
        self.writer.close()

    @property
    def path(self) -> Path:
        """Where it is written."""
        return self.writer.path

    def history(self) -> History:
        """Return what was recorded so far."""
        return read_history(self.path)

    def begin(self, fault: Fault) -> None:
        """Note a fault that was verified in force, and in time its end."""
        number = self._start(fault.description, fault.in_force_since)
        fault.watchers.append(lambda ended: self._end(number, fault.description, ended))

    def follow(self, node: Node) -> None:
        """Note from now on what becomes of a node's process."""
        self._followed.append(node)
        node.watchers.append(self._note)
        if not node.is_running:
            self._note(node)

    def _note(self, node: Node) -> None:
        since, condition = node.conditions[-1]
        before = self._down.pop(node.name, None)
        if before is not None:
            self._end(*before, since)
        if condition is not Condition.RUNNING:
            words = f"{node.name} {condition}"
            self._down[node.name] = (self._start(words, since), words)

    def _start(self, words: str, since: float) -> int:
        number = next(self._numbers)
        self._write(Kind.INVOKE, number, words, since)
        return number

    def _end(self, number: int, words: str, ended: float) -> None:
        if self in self._cluster.recordings:
            self._write(Kind.OK, number, words, ended)

    def _write(self, kind: Kind, number: int, words: str, at: float) -> None:
        self.writer.write(NEMESIS, kind, Call(f=FAULT, key=number, value=words), time_ns=round(at * _NS))
