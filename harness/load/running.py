"""A load that goes on: its clients here, and those of the other workers that joined; ended with its block.

Invariant: when the block ends, by whatever, no client sends any more, and `end.json` is written.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, TypeVar

from harness.cluster import Cluster
from harness.load.crowd import STUCK_REAL_S, Crowd, Operation
from harness.load.folder import LoadFolder
from harness.load.plan import LoadPlan
from harness.load.samples import SampleWriter
from harness.node import Condition, Node
from harness.waiting import WaitTimeout, wait_for

T = TypeVar("T")

SOON_REAL_S = 0.02
"""From the word to begin until the begin: every thread stands ready by then."""

GATHER_REAL_S = 30.0
"""How long other workers may take to answer the call; they look every 20 ms. The dead are not waited for."""

CLOSE_REAL_S = 30.0
"""How long other workers may take to end: an answer under way may take until its time-out."""


class LoadStuck(Exception):
    """A client's operation does not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Helpers:
    """The other workers of the run that are called to take a part.

    Args:
        me: name of this worker.
        workers: how many the run has; 0: it is no xdist run.
        present: returns those that live now, without this one.

    """

    me: str = "main"
    workers: int = 0
    present: Callable[[], Collection[str]] = field(default=lambda: ())


class Running:
    """A load under way; made by `Load.run`.

    Args:
        cluster: who is asked.
        plan: the load.
        operation: what each client does.
        folder: of this load, made.
        helpers: the other workers.

    """

    def __init__(
        self,
        cluster: Cluster,
        plan: LoadPlan,
        operation: Operation,
        *,
        folder: LoadFolder,
        helpers: Helpers,
    ) -> None:
        self._cluster = cluster
        self._folder = folder
        self._helpers = helpers
        self._absent: dict[str, str] = {}
        me = helpers.me
        workers = [me, *self._gather()]
        parts = {
            worker: list(range(place, plan.clients, len(workers))) for place, worker in enumerate(workers)
        }
        self.begin = time.monotonic() + SOON_REAL_S
        self._writer = SampleWriter(folder.samples_path(me), self.begin)
        self._crowd = Crowd(
            plan,
            parts[me],
            operation,
            nodes=[node.plan for node in cluster.nodes],
            program=cluster.program,
            writer=self._writer,
            begin=self.begin,
        )
        self._others = [worker for worker in workers[1:] if parts[worker]]
        folder.start(self.begin, {worker: numbers for worker, numbers in parts.items() if numbers})
        self._crowd.start()

    @property
    def done(self) -> int:
        """Calls of this process's clients that went well so far."""
        return self._writer.done

    @property
    def failed(self) -> int:
        """Calls of this process's clients that did not go well so far."""
        return self._writer.failed

    def go_on(self, *, lasting_s: float) -> None:
        """Let the load go on for a while.

        Args:
            lasting_s: document seconds.

        """
        __tracebackhide__ = True
        self._until(time.monotonic() + lasting_s * self._cluster.time_scale, lasting_s)

    def go_on_until(self, at_s: float) -> None:
        """Let the load go on until so many document seconds after its begin."""
        __tracebackhide__ = True
        self._until(self.begin + at_s * self._cluster.time_scale, at_s)

    def wait_done(self, count: int, *, within_s: float) -> None:
        """Wait until so many more calls of this process's clients have gone well.

        Args:
            count: from now on.
            within_s: document seconds.

        Raises:
            NotReached: not in time; says how many there were, and how every node is.
            NodeDied: a node ended by itself meanwhile.

        """
        __tracebackhide__ = True
        goal = self.done + count
        self._wait(lambda: self.done, lambda done: done >= goal, within_s)

    def wait_failed(self, count: int, *, within_s: float) -> None:
        """Wait until so many more calls of this process's clients have failed; else as `wait_done`."""
        __tracebackhide__ = True
        goal = self.failed + count
        self._wait(lambda: self.failed, lambda failed: failed >= goal, within_s)

    def end(self) -> None:
        """Send nothing more, wait for answers under way, and write everything down.

        Raises:
            LoadStuck: clients do not end, for their operation has no time-out.
            BaseException: what an operation raised that is no answer of the system under test.

        """
        __tracebackhide__ = True
        stopped = time.monotonic()
        self._folder.stop()
        stuck = self._crowd.stop()
        for worker in self._others:
            self._await_close(worker)
        self._folder.note_faults(self._bands(stopped))
        self._folder.end(absent=self._absent, lasted_real_s=round(max(0.0, stopped - self.begin), 6))
        self.raise_mistake()
        if stuck:
            raise LoadStuck(f"{', '.join(stuck)}: no end {STUCK_REAL_S:g} s after the load's; use a time-out")

    def abandon(self) -> None:
        """Send nothing more and wait for nobody: Ctrl-C was pressed."""
        self._folder.stop()
        self._crowd.stop_sending()

    def raise_mistake(self) -> None:
        """Raise what an operation raised that is no answer of the system under test."""
        __tracebackhide__ = True
        if self._crowd.mistake is not None:
            raise self._crowd.mistake

    def _gather(self) -> list[str]:
        """Return the other workers that join, and note why others do not."""
        called = sorted(self._helpers.present())
        if not called:
            return []
        with suppress(WaitTimeout):  # those that are too busy are named below
            wait_for(
                "the other workers to join the load",
                lambda: set(called) & set(self._helpers.present()) <= set(self._folder.joined()),
                bool,
                GATHER_REAL_S,
            )
        answers = self._folder.joined()
        said = {worker: answers.get(worker, f"no answer in {GATHER_REAL_S:g} s") for worker in called}
        self._absent = {worker: why for worker, why in said.items() if why}
        return [worker for worker, why in said.items() if not why]

    def _await_close(self, worker: str) -> None:
        """Wait until another worker has written its last line, or has died."""
        with suppress(WaitTimeout):  # what it has not written is told by the result
            wait_for(
                f"{worker} to end its part of the load",
                lambda: self._folder.has_closed(worker) or worker not in self._helpers.present(),
                bool,
                CLOSE_REAL_S,
            )

    def _until(self, moment: float, within_s: float) -> None:
        __tracebackhide__ = True
        self._wait(time.monotonic, lambda now: now >= moment, within_s)

    def _wait(self, observe: Callable[[], T], accept: Callable[[T], bool], within_s: float) -> None:
        __tracebackhide__ = True

        def look() -> T:
            self.raise_mistake()
            return observe()

        self._cluster.wait_until(look, accept, within_s=within_s)

    def _bands(self, stopped: float) -> list[dict[str, Any]]:
        """What was cut, and which nodes did not run, while the load went on."""
        spans = [(fault.description, fault.in_force_since, fault.ended) for fault in self._cluster.faults]
        spans += [span for node in self._cluster.nodes for span in _not_running(node)]
        bands = [
            (what, max(since, self.begin) - self.begin, min(until or stopped, stopped) - self.begin)
            for what, since, until in spans
        ]
        return [
            {"fault": what, "from_real_s": round(since, 6), "to_real_s": round(until, 6)}
            for what, since, until in sorted(bands, key=lambda band: band[1])
            if until > since
        ]


def _not_running(node: Node) -> Iterator[tuple[str, float, float | None]]:
    """Yield each time in which a node's process was paused or did not exist: what, since, until when."""
    for (since, condition), following in zip_longest(node.conditions, node.conditions[1:]):
        if condition is not Condition.RUNNING:
            yield f"{node.name} {condition}", since, following[0] if following else None
