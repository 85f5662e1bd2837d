"""Concurrent clients that read and write a few keys and write down what they were told.

A seed decides what each client asks; when, and against what, it does not. Invariant: what a client asks
stands in the history before it is sent, and how it ended after the answer: an operation takes effect between
its two lines, or nobody knows when.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from random import Random
from types import TracebackType
from typing import Protocol, Self

from harness.history import Call, HistoryWriter, Json, Kind
from harness.waiting import wait_for

AFTER_ERROR_REAL_S = 0.010
"""A client waits so long after an error: a dead node refuses faster than anybody could work."""

STUCK_REAL_S = 30.0
"""A client that takes longer than this to end has no time-out of its own."""

MIX: Mapping[str, float] = {"read": 4, "write": 5, "delete": 1}


class Refused(Exception):
    """Nothing was done, and nothing will be: a `fail`."""


class Unsure(Exception):
    """Nobody knows whether it was done, or yet will be: an `info`."""


class WorkloadStuck(Exception):
    """Clients do not end."""


class Client(Protocol):
    """Somebody who can ask the system under test; used by one thread."""

    def do(self, call: Call) -> Json:
        """Do what is asked; return what was read, or null.

        Raises:
            Refused: certainly nothing was done.
            Unsure: nobody knows.

        """
        ...

    @property
    def asks(self) -> str:
        """The node that is asked next, for the history."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadPlan:
    """What clients do.

    Args:
        clients: how many, each with one operation at a time.
        keys: what they share.
        mix: how often each of `read`, `write`, `cas`, `delete` is drawn, against each other.
        seed: of everything drawn.
        think_real_s: how long a client waits between an answer and its next operation.

    """

    clients: int = 20
    keys: Sequence[str] = field(default_factory=lambda: [f"k{number}" for number in range(10)])
    mix: Mapping[str, float] = field(default_factory=lambda: dict(MIX))
    seed: int | str = 0
    think_real_s: float = 0.0


class Workload:
    """Clients at work until `stop`; a context manager.

    Args:
        plan: what they do.
        writer: of the history.
        connect: makes the client of that number, from 0; called in its thread.

    """

    def __init__(self, plan: WorkloadPlan, writer: HistoryWriter, connect: Callable[[int], Client]) -> None:
        self._plan = plan
        self._writer = writer
        self._connect = connect
        self._processes = count(plan.clients)
        self._ending = threading.Event()
        self._counting = threading.Lock()
        self._mistakes: list[BaseException] = []
        self._acknowledged = 0
        self._in_flight = 0
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"cutheal-client-{number}", daemon=True)
            for number in range(plan.clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(is_quiet=raised is not None)

    @property
    def acknowledged(self) -> int:
        """How many operations that change something were acknowledged so far."""
        self._raise_mistake()
        return self._acknowledged

    @property
    def in_flight(self) -> int:
        """How many operations are under way."""
        return self._in_flight

    def stop(self, *, is_quiet: bool = False) -> None:
        """Ask nothing more and wait for the answers under way.

        Args:
            is_quiet: raise nothing, for something else is raised already.

        Raises:
            WorkloadStuck: a client does not end.
            BaseException: what a client raised that is neither Refused nor Unsure: a mistake in it.

        """
        self._ending.set()
        deadline = time.monotonic() + STUCK_REAL_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        stuck = [thread.name for thread in self._threads if thread.is_alive()]
        if is_quiet:
            return
        self._raise_mistake()
        if stuck:
            raise WorkloadStuck(f"{', '.join(stuck)}: no end after {STUCK_REAL_S:g} s; use a time-out")

    def _run(self, number: int) -> None:
        try:
            with closing(self._connect(number)) as client:
                self._work(number, client)
        except BaseException as mistake:  # noqa: BLE001 - it is raised again, to whoever runs the workload
            self._mistakes.append(mistake)
            self._ending.set()

    def _work(self, process: int, client: Client) -> None:
        calls = Calls(self._plan, process)
        while not self._ending.is_set():
            call = calls.draw()
            self._count(in_flight=1)
            kind, result = perform(self._writer, process, client, call)
            self._count(in_flight=-1, acknowledged=kind is Kind.OK and call.f != "read")
            if kind is Kind.OK:
                calls.learn(call, result)
            if kind is Kind.INFO:
                process = next(self._processes)  # its operation goes on for ever, as far as anybody knows
            pause_real_s = self._plan.think_real_s if kind is Kind.OK else AFTER_ERROR_REAL_S
            if pause_real_s:
                self._ending.wait(pause_real_s)

    def _count(self, *, in_flight: int, acknowledged: int = 0) -> None:
        with self._counting:
            self._in_flight += in_flight
            self._acknowledged += acknowledged

    def _raise_mistake(self) -> None:
        if self._mistakes:
            raise self._mistakes[0]


class Calls:
    """What one client asks, drawn from the plan's seed and its number; every value it writes is its own.

    Args:
        plan: of all clients.
        number: of this one.

    """

    def __init__(self, plan: WorkloadPlan, number: int) -> None:
        self._plan = plan
        self._number = number
        self._random = Random(f"{plan.seed} client {number}")
        self._values = count(1)
        self._seen: dict[str, Json] = {}

    def draw(self) -> Call:
        """Return the next call."""
        (f,) = self._random.choices(list(self._plan.mix), weights=list(self._plan.mix.values()))
        key = self._random.choice(list(self._plan.keys))
        return Call(f=f, key=key, value=self._value(f, key))

    def learn(self, call: Call, result: Json) -> None:
        """Remember what a key holds: a compare-and-set expects it."""
        match call.f:
            case "read":
                self._seen[call.key] = result
            case "cas":
                self._seen[call.key] = call.value[1]
            case _:
                self._seen[call.key] = call.value

    def _value(self, f: str, key: str) -> Json:
        new = f"{self._number}.{next(self._values)}"
        match f:
            case "write":
                return new
            case "cas":
                return [self._seen.get(key), new]
            case _:
                return None


def perform(writer: HistoryWriter, process: int | str, client: Client, call: Call) -> tuple[Kind, Json]:
    """Have a client do something; write down what was asked and how it ended, and return that.

    Raises:
        Exception: what the client raised that is neither Refused nor Unsure; the operation stays open.

    """
    node = client.asks
    writer.write(process, Kind.INVOKE, call, node=node)
    try:
        result = client.do(call)
    except Refused as error:
        writer.write(process, Kind.FAIL, call, error=str(error))
        return Kind.FAIL, None
    except Unsure as error:
        writer.write(process, Kind.INFO, call, error=str(error))
        return Kind.INFO, None
    shown = result if result is not None or call.f == "read" else call.value
    writer.write(process, Kind.OK, Call(f=call.f, key=call.key, value=shown))
    return Kind.OK, result


def read_each(writer: HistoryWriter, client: Client, keys: Sequence[str], *, within_real_s: float) -> None:
    """Read every key until that succeeds: the last reads, by which it is judged what was lost.

    Args:
        writer: of the history; every try stands in it.
        client: asks.
        keys: what is read.
        within_real_s: for each of them.

    Raises:
        WaitTimeout: a key cannot be read.

    """
    tries = count(1)
    for key in keys:
        call = Call(f="read", key=key)
        wait_for(
            f"a read of {key}",
            lambda call=call: perform(writer, f"last-{next(tries)}", client, call)[0],  # type: ignore[misc]
            lambda kind: kind is Kind.OK,
            within_real_s,
        )
