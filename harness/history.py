"""The history of a run: what clients asked and were told, and what was done to the cluster meanwhile.

A file of JSON objects, one a line, in the order in which things happened (after Jepsen's histories):

    {"index": 0, "process": 3, "type": "invoke", "f": "write", "key": "k1", "value": 5, "time_ns": 1200}
    {"index": 1, "process": 3, "type": "ok", "f": "write", "key": "k1", "value": 5, "time_ns": 1900}

`index` counts upwards, `time_ns` is CLOCK_MONOTONIC and never goes back. A process has one operation at a
time: an `invoke`, and then one of `ok` (it took effect; the `value` of a read is what was read), `fail` (it
certainly took no effect, and never will), `info` (nobody knows); without any it is an `info`. `f`, `key` and
`value` are what the model takes them for; `node` (who was asked) and `error` (why not) may be there too.

A line of the process "nemesis" tells of a fault: its `invoke` when the fault was verified in force, its `ok`
when healing began, with a number in `key` and the words in `value`. Their `time_ns` may be earlier than that
of the line before.

Invariant: a line is written whole, in one call, when it happens: who is killed loses at most the last one.
"""

import json
import os
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.checkers.operation import Operation, Outcome

NEMESIS = "nemesis"
FAULT = "fault"
Json = Any


class Kind(StrEnum):
    """The `type` of a line."""

    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"
    INFO = "info"


class BadHistory(Exception):
    """The file is no history; one line says where, what is wrong, and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a client asks: `write` to the key "k1" the value 5."""

    f: str
    key: Json = None
    value: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpan:
    """A fault and the time in which it was certainly in force.

    Args:
        description: what was done, such as "isolate s1 (blackhole)" or "s1 killed".
        since_ns: CLOCK_MONOTONIC of when it was verified in force.
        until_ns: of when its end began; None: it was in force at the end of the history.

    """

    description: str
    since_ns: int
    until_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a file holds.

    Args:
        operations: in the order of their invocation.
        faults: in the order of their beginning.
        is_torn: whether its last line is not whole and was left out: whoever wrote it was killed.

    """

    operations: tuple[Operation, ...]
    faults: tuple[FaultSpan, ...] = ()
    is_torn: bool = False

    def in_flight(self, time_ns: int) -> int:
        """Return how many operations had been invoked by then and had not ended."""
        return sum(
            one.invoked_ns <= time_ns and (one.returned_ns is None or one.returned_ns > time_ns)
            for one in self.operations
        )

    def count(self, outcome: Outcome, *fs: str) -> int:
        """Return how many operations ended so, of these kinds; of all without any."""
        return sum(one.outcome is outcome and (not fs or one.f in fs) for one in self.operations)


class HistoryWriter:
    """Writes a history as it happens, from any thread; a context manager.

    Args:
        path: a new file.

    Raises:
        FileExistsError: there is one already.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._writing = threading.Lock()
        self._index = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(
        self, process: int | str, kind: Kind, call: Call, *, time_ns: int | None = None, **more: Json
    ) -> None:
        """Write one line; `time_ns` None: it happens now, later than every line before.

        Args:
            process: who does it.
            kind: its `type`.
            call: `f`, `key` and `value`; with an `ok`, the value is what came back.
            time_ns: CLOCK_MONOTONIC of a fault.
            more: further fields, such as `node` and `error`; empty ones are left out.

        Raises:
            ValueError: the history is closed.

        """
        with self._writing:
            if self._closed:
                raise ValueError(f"{self.path} is closed: end the workload before the history")
            line = {
                "index": self._index,
                "process": process,
                "type": kind,
                "f": call.f,
                "key": call.key,
                "value": call.value,
                "time_ns": time.monotonic_ns() if time_ns is None else time_ns,
            }
            line |= {name: value for name, value in more.items() if value}
            self._index += 1
            _write_all(self._file, (json.dumps(line) + "\n").encode())

    def close(self) -> None:
        """Write nothing more."""
        with self._writing:
            if not self._closed:
                self._closed = True
                os.close(self._file)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
