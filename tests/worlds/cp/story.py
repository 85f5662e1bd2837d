"""One run: clients at work, something happens to the cluster, all is read at the end, and it is judged.

A violation is one, however busy the machine was. A run that shows too little (too few writes, too few
operations in flight, a machine that stalled) is inconclusive: told, never failed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.checkers import MODELS, Outcome, Verdict, check_acknowledged, check_linearizable
from harness.checkers.explain import explained, explained_loss
from harness.cluster import Cluster
from harness.history import History
from harness.node import Node
from harness.recording import Recording
from harness.stall import Canary
from harness.waiting import WaitTimeout
from harness.waits import NotReached
from harness.workload import Workload, WorkloadPlan, read_each
from tests.worlds.cp.registers import Registers, keys, prepare

STALL_MAX_REAL_S = 0.3
"""A process that is kept from running for longer loses elections that it would have won."""

STATES_MAX = 200_000
WITHIN_S = 600.0
"""Document seconds that any step may take; a step takes moments, so one that takes this long is stuck."""

WRITES = ("write", "delete")

STUCK = "stuck"

KEYS_MAX = 100
"""Of one run; runs on the same cluster have keys of their own, for each begins with nothing written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a run has to show.

    Args:
        clients: at work at once.
        keys: that they share.
        steady: writes acknowledged before anything happens, and again after it.
        writes: acknowledged in all, at least.
        in_flight: operations when it happens, at least.
        think_real_s: how long each client waits between two operations.
        seed: of what they ask.

    """

    clients: int
    keys: int
    steady: int
    writes: int
    in_flight: int
    think_real_s: float = 0.0
    seed: str = ""


SHORT = Size(clients=4, keys=2, steady=6, writes=12, in_flight=0, think_real_s=0.03)
LONG = Size(clients=26, keys=10, steady=130, writes=200, in_flight=20)


@dataclass(slots=True)
class Story:
    """A run under way, and what became of it.

    Args:
        cluster: that it happens to.
        size: how much it has to show.
        workload: the clients.
        recording: what they did.
        apart: a key that they leave alone, for what a test does by hand; read at the end like all others.

    """

    cluster: Cluster
    size: Size
    workload: Workload
    recording: Recording
    apart: str
    leaders: list[str] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    stall_real_s: float = 0.0
    _moments_ns: list[int] = field(default_factory=list)

    def goes_on(self) -> None:
        """Wait until so many more writes were acknowledged, by whichever nodes can."""
        goal = self.workload.acknowledged + self.size.steady
        self.cluster.wait_until(
            lambda: self.workload.acknowledged, lambda done: done >= goal, within_s=WITHIN_S
        )

    def leader(self) -> Node:
        """Wait for a leader and note who it is."""
        leader = self.cluster.wait_leader(within_s=WITHIN_S)
        self.leaders.append(f"{leader.name} in term {leader.raft.term}")
        return leader

    def it_happens(self) -> None:
        """Note the moment, with enough in flight; how much it was is read from the history."""
        self.cluster.wait_until(
            lambda: self.workload.in_flight,
            lambda under_way: under_way >= self.size.in_flight,
            within_s=WITHIN_S,
        )
        self._moments_ns.append(time.monotonic_ns())

    def judge(self) -> History:
        """Judge the history; return it.

        Raises:
            AssertionError: it is not linearizable, or something acknowledged is lost.

        """
        history = self.recording.history()
        self.in_flight = [history.in_flight(moment) for moment in self._moments_ns]
        lost = check_acknowledged(history.operations)
        judged = check_linearizable(history.operations, MODELS["map"], states_max=STATES_MAX)
        reasons = [explained_loss(one) for one in lost.lost]
        reasons += [explained(one) for one in judged.counterexamples]
        assert not reasons, "\n".join([f"{self.recording.path}:", *reasons])
        if Verdict.UNKNOWN in (lost.verdict, judged.verdict):
            self.doubts.append("not decided by the checkers")
        self._doubt(history)
        return history

    def line(self, history: History) -> str:
        """Return what is told of the run."""
        changes = sum(before != after for before, after in zip(self.leaders, self.leaders[1:], strict=False))
        stall_ms = self.stall_real_s * 1000
        doubts = f"INCONCLUSIVE ({'; '.join(self.doubts)})" if self.doubts else "no violation"
        return (
            f"{doubts}: {_writes(history)} writes acknowledged, {changes} leader change"
            f"{'' if changes == 1 else 's'} ({' -> '.join(self.leaders) or 'leader not asked'}), "
            f"{' and '.join(map(str, self.in_flight)) or 'none'} operations in flight at the fault, "
            f"{len(history.operations)} operations in all, {history.count(Outcome.FAIL)} certainly failed, "
            f"{history.count(Outcome.INFO)} of unknown outcome, longest stall {stall_ms:.0f} ms"
        )

    def _doubt(self, history: History) -> None:
        writes = _writes(history)
        if writes < self.size.writes:
            self.doubts.append(f"only {writes} writes acknowledged")
        if min(self.in_flight, default=self.size.in_flight) < self.size.in_flight:
            self.doubts.append(f"only {min(self.in_flight)} operations in flight")
        if self.stall_real_s > STALL_MAX_REAL_S:
            self.doubts.append(f"a stall of {self.stall_real_s * 1000:.0f} ms")


@contextmanager
def clients_at_work(cluster: Cluster, size: Size) -> Iterator[Story]:
    """Have clients read, write and delete for the time of the block; then read every key once more.

    A step that gets stuck on a machine that stalled ends the block and makes the run inconclusive; on one
    that did not, it fails. So nothing after the block may rely on the block's end.
    """
    prepare(cluster)
    first = KEYS_MAX * len(cluster.histories) + 1
    plan = WorkloadPlan(
        clients=size.clients,
        keys=keys(size.keys, first),
        seed=size.seed,
        think_real_s=size.think_real_s,
    )
    nodes = cluster.nodes
    with Canary() as canary, cluster.record() as recording:
        begun = time.monotonic()
        workload = Workload(plan, recording.writer, lambda number: Registers(nodes, number))
        story = Story(cluster, size, workload, recording, keys(KEYS_MAX, first)[-1])
        try:
            with workload:
                story.goes_on()
                yield story
            _read_everything(cluster, story, plan)
        except (NotReached, WaitTimeout) as stuck:
            if canary.worst_since(begun) <= STALL_MAX_REAL_S:
                raise
            story.doubts.append(f"{STUCK}: {str(stuck).splitlines()[0]}")
        story.stall_real_s = canary.worst_since(begun)


def _read_everything(cluster: Cluster, story: Story, plan: WorkloadPlan) -> None:
    story.leader()
    reader = Registers([node for node in cluster.nodes if node.is_running], 0)
    try:
        everything = [*plan.keys, story.apart]
        read_each(story.recording.writer, reader, everything, within_real_s=WITHIN_S * cluster.time_scale)
    finally:
        reader.close()


def _writes(history: History) -> int:
    return history.count(Outcome.OK, *WRITES)
