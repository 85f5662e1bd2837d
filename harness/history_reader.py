"""Reads a history, of cutheal or of anybody: the format stands in `harness.history`.

Invariant: it is a history from its first line to its last, or a `BadHistory` says in one line where it is
not; only half a last line, as a killed writer leaves it, is left out and said.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.checkers.operation import Operation, Outcome, frozen
from harness.history import NEMESIS, BadHistory, Call, FaultSpan, History, Json, Kind


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
