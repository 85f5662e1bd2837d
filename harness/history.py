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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.checkers.operation import Operation, Outcome, frozen

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


def read_history(path: Path) -> History:
    """Read a history from a file.

    Raises:
        BadHistory: it cannot be read, or a line is wrong.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadHistory(f"{path} cannot be read: {error}") from None
    whole, _, torn = text.rpartition("\n")
    try:
        return parse_history(whole.split("\n") if whole else [], is_torn=bool(torn))
    except BadHistory as error:
        raise BadHistory(f"{path}, {error}") from None


def parse_history(lines: Iterable[str], *, is_torn: bool = False) -> History:
    """Read a history from its lines.

    Raises:
        BadHistory: names the line, what is wrong with it and what would be right.

    """
    reading = _Reading()
    for number, text in enumerate(lines, start=1):
        try:
            reading.take(_line(text))
        except BadHistory as error:
            raise BadHistory(f"line {number}: {error}") from None
    return reading.history(is_torn=is_torn)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    index: int
    process: str
    kind: Kind
    call: Call
    time_ns: int
    node: str
    error: str


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    index: int = -1
    time_ns: int = 0
    open: dict[str, _Line] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    begun: dict[Json, _Line] = field(default_factory=dict)
    faults: list[FaultSpan] = field(default_factory=list)

    def take(self, line: _Line) -> None:
        """Take the next line."""
        self._check_order(line)
        if line.process == NEMESIS:
            self._take_fault(line)
        elif line.kind is Kind.INVOKE:
            if line.process in self.open:
                raise BadHistory(
                    f"process {line.process} invokes {line.call.f!r} while its operation of index "
                    f"{self.open[line.process].index} has not ended; end it first, by an info if need be"
                )
            self.open[line.process] = line
        else:
            if line.process not in self.open:
                raise BadHistory(
                    f"process {line.process} ends {line.call.f!r}, and has invoked nothing; "
                    "right would be an invoke before it"
                )
            self.operations.append(_operation(self.open.pop(line.process), line))

    def history(self, *, is_torn: bool) -> History:
        """Return all of it: what was never ended is unknown."""
        operations = [*self.operations, *(_operation(line, None) for line in self.open.values())]
        faults = [*self.faults, *(_span(line, None) for line in self.begun.values())]
        return History(
            operations=tuple(sorted(operations, key=lambda one: one.invoked)),
            faults=tuple(sorted(faults, key=lambda one: one.since_ns)),
            is_torn=is_torn,
        )

    def _check_order(self, line: _Line) -> None:
        if line.index <= self.index:
            raise BadHistory(f"index {line.index} after {self.index}; right would be a larger one")
        self.index = line.index
        if line.process == NEMESIS:
            return
        if line.time_ns < self.time_ns:
            raise BadHistory(
                f"time_ns {line.time_ns} after {self.time_ns}: lines stand in the order in which "
                "things happened"
            )
        self.time_ns = line.time_ns

    def _take_fault(self, line: _Line) -> None:
        number = frozen(line.call.key)
        if line.kind is Kind.INVOKE:
            self.begun[number] = line
        elif number in self.begun:
            self.faults.append(_span(self.begun.pop(number), line))
        else:
            raise BadHistory(f"the fault {line.call.key!r} ends and has not begun; its invoke comes first")


def _operation(begin: _Line, end: _Line | None) -> Operation:
    if end is not None and (end.call.f, end.call.key) != (begin.call.f, begin.call.key):
        raise BadHistory(
            f"process {end.process} ends {end.call.f!r} on {end.call.key!r}, and invoked {begin.call.f!r} on "
            f"{begin.call.key!r} (index {begin.index})"
        )
    outcome = Outcome.INFO if end is None else Outcome(end.kind)
    is_known = end is not None and outcome is Outcome.OK
    return Operation(
        process=begin.process,
        f=begin.call.f,
        key=frozen(begin.call.key),
        value=frozen(begin.call.value),
        result=frozen(end.call.value) if end is not None and is_known else None,
        outcome=outcome,
        invoked=begin.index,
        returned=end.index if end is not None and is_known else None,
        invoked_ns=begin.time_ns,
        returned_ns=None if end is None else end.time_ns,
        node=begin.node or (end.node if end else ""),
        error=end.error if end else "",
    )


def _span(begin: _Line, end: _Line | None) -> FaultSpan:
    return FaultSpan(
        description=str(begin.call.value),
        since_ns=begin.time_ns,
        until_ns=None if end is None else end.time_ns,
    )


def _line(text: str) -> _Line:
    """Read one line.

    Raises:
        BadHistory: says what is wrong with it.

    """
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadHistory(f"no JSON ({error.msg} at column {error.colno}): {text[:60]!r}") from None
    except RecursionError:
        raise BadHistory(f"nested too deep: {text[:60]!r}") from None
    if not isinstance(fields, dict):
        raise BadHistory(f"right would be a JSON object, not {text[:60]!r}")
    process = _field(fields, "process", (int, str), "a number or a name")
    kind = _field(fields, "type", (str,), "one of invoke, ok, fail, info")
    if kind not in set(Kind):
        raise BadHistory(f"type {kind!r}; right would be one of {', '.join(Kind)}")
    return _Line(
        index=_field(fields, "index", (int,), "a whole number"),
        process=str(process),
        kind=Kind(kind),
        call=Call(
            f=_field(fields, "f", (str,), "what was done, such as read"),
            key=fields.get("key"),
            value=fields.get("value"),
        ),
        time_ns=_field(fields, "time_ns", (int,), "CLOCK_MONOTONIC in nanoseconds"),
        node=str(fields.get("node", "")),
        error=str(fields.get("error", "")),
    )


def _field(fields: Mapping[str, Json], name: str, types: tuple[type, ...], right: str) -> Json:
    if name not in fields:
        raise BadHistory(f"{name} is missing; right would be {right}")
    value = fields[name]
    if not isinstance(value, types) or isinstance(value, bool):
        raise BadHistory(f"{name} is {value!r}; right would be {right}")
    return value


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
