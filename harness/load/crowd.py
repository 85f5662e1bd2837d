"""Clients at work in one process: a thread each, a connection each, sends as planned.

Invariant: what an operation raises is either an answer of the system under test, and counted by kind, or a
mistake in the test, and then it ends the load and is raised to whoever runs it.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import requests

from harness.load.kinds import kind_of
from harness.load.plan import LoadPlan
from harness.load.samples import Done, SampleWriter
from harness.load.schedule import intended_real_s
from harness.program import NodePlan, Program

ALWAYS_COUNTED = (requests.RequestException, OSError, AssertionError)
"""Counted whatever the program calls no answer; an AssertionError says that the answer was wrong."""

EXAMPLE_LENGTH = 300

STUCK_REAL_S = 30.0
"""A client's operation that takes longer than this after the end has no time-out of its own."""

AFTER_ERROR_REAL_S = 0.010
"""A closed loop's client waits so long after an error: a dead node refuses faster than anybody could work."""


class Client:
    """What an operation is given: one of the load's clients.

    Args:
        number: from 0, unique over all processes of a load.
        node: name of the node it talks to: clients are dealt to nodes in turn.
        api: its own connection to that node, as `node.api` is one, around the links.
        random: drawn from the load's seed and its number.

    """

    def __init__(self, number: int, plans: Sequence[NodePlan], program: Program, seed: int) -> None:
        self.number = number
        self.random = Random(f"{seed} client {number}")
        self._plans: Mapping[str, NodePlan] = {plan.name: plan for plan in plans}
        self._program = program
        self._apis: dict[str, Any] = {}
        self.node = plans[number % len(plans)].name

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of all nodes, in ring order."""
        return tuple(self._plans)

    @property
    def api(self) -> Any:
        """This client's connection to its node."""
        return self.api_of(self.node)

    def api_of(self, node: str) -> Any:
        """Return this client's connection to any node, by name."""
        if node not in self._apis:
            self._apis[node] = self._program.connect(self._plans[node])
        return self._apis[node]

    def close(self) -> None:
        """Close its connections."""
        for api in self._apis.values():
            api.close()


Operation = Callable[[Client], object]


class Crowd:
    """The clients of a load that one process runs.

    Args:
        plan: of the whole load.
        numbers: of the clients that are this process's.
        operation: what each does again and again.
        nodes: the cluster's nodes.
        program: makes connections to them.
        writer: gets what was done.
        begin: CLOCK_MONOTONIC time of the load's begin.

    """

    def __init__(
        self,
        plan: LoadPlan,
        numbers: Sequence[int],
        operation: Operation,
        *,
        nodes: Sequence[NodePlan],
        program: Program,
        writer: SampleWriter,
        begin: float,
    ) -> None:
        self._plan = plan
        self._operation = operation
        self._counted: tuple[type[Exception], ...] = (*program.no_answer, *ALWAYS_COUNTED)
        self._writer = writer
        self._begin = begin
        self._end = float("inf")
        self._ending = threading.Event()
        self._mistakes: list[BaseException] = []
        self._unsent = [0] * len(numbers)
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(Client(number, nodes, program, plan.seed), place),
                name=f"cutheal-load-{number}",
                daemon=True,
            )
            for place, number in enumerate(numbers)
        ]

    @property
    def mistake(self) -> BaseException | None:
        """The first exception of an operation that is none of the system under test."""
        return self._mistakes[0] if self._mistakes else None

    def start(self) -> None:
        """Let all clients begin; they wait for the load's begin by themselves."""
        self._writer.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[str]:
        """Send nothing more, wait for the answers under way, and write the rest down.

        Returns the names of the threads whose operation did not end: they are left to themselves.
        """
        self.stop_sending()
        deadline = time.monotonic() + STUCK_REAL_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        stuck = [thread.name for thread in self._threads if thread.is_alive()]
        self._writer.close(unsent=sum(self._unsent), stuck=len(stuck), mistake=_in_words(self.mistake))
        return stuck

    def stop_sending(self) -> None:
        """Send nothing more, and do not wait."""
        self._end = min(self._end, time.monotonic())
        self._ending.set()

    def _run(self, client: Client, place: int) -> None:
        try:
            if self._plan.is_open:
                self._unsent[place] = self._follow_schedule(client)
            else:
                self._go_on_and_on(client)
        except BaseException as mistake:  # noqa: BLE001 - it is raised again, to whoever runs the load
            mistake.add_note(f"raised by a load's operation, in the thread of client {client.number}")
            self._mistakes.append(mistake)
            self._ending.set()
        finally:
            client.close()

    def _follow_schedule(self, client: Client) -> int:
        """Send at the intended times; return how many were due at the end and never made."""
        due = (self._begin + at for at in intended_real_s(self._plan, client.number))
        for intended in due:
            if self._ending.wait(max(0.0, intended - time.monotonic())):
                return _count_until(self._end, intended, due)
            self._send(client, intended)
        raise AssertionError("a schedule has no end")

    def _go_on_and_on(self, client: Client) -> None:
        self._ending.wait(max(0.0, self._begin - time.monotonic()))
        while not self._ending.is_set():
            if not self._send(client, time.monotonic()):
                self._ending.wait(AFTER_ERROR_REAL_S)

    def _send(self, client: Client, intended: float) -> bool:
        """Call once and note it; return whether it went well."""
        sent = time.monotonic()
        error = example = ""
        try:
            self._operation(client)
        except self._counted as answer:
            error = kind_of(answer)
            example = f"{type(answer).__name__}: {answer}"[:EXAMPLE_LENGTH]
        ended = time.monotonic()
        self._writer.add(Done(ended, ended - intended, ended - sent, error, example))
        return not error


def _in_words(mistake: BaseException | None) -> str:
    return "" if mistake is None else f"{type(mistake).__name__}: {mistake}"


def _count_until(end: float, first: float, rest: Any) -> int:
    """Count the intended sends from `first` on that were due before the end."""
    count, intended = 0, first
    while intended < end < float("inf"):
        count, intended = count + 1, next(rest)
    return count
