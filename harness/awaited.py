"""What a test waits for in a cluster: something observed, agreement, readiness, members, a leader.

Invariant: a node that does not answer is part of what was seen, never the end of a wait.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harness.convergence import Since, Views, disagreements
from harness.node import Node
from harness.patience import Patience
from harness.program import Capability, View
from harness.raft import RaftViews, agreed_leader, describe_views
from harness.waits import Waits

if TYPE_CHECKING:
    from harness.crew import Crew

BOOT_POLL_REAL_S = 0.010
"""Between two looks at a booting node; a look costs both ends together 2 ms of the boot."""

LEADER_POLL_REAL_S = 0.020
"""Between two looks for a leader: an election takes 0.15 s, and looking is work for those who vote."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What was observed where a node did not answer, or answered with an error."""

    reason: str


class Awaited:
    """The waits of one cluster; what they raise stands with the methods of `Cluster`.

    Args:
        crew: whose nodes are observed.
        patience: how long a document second is.
        waits: how to wait.

    """

    def __init__(self, crew: "Crew", patience: Patience, waits: Waits) -> None:
        self._crew = crew
        self._patience = patience
        self._waits = waits
        self._program = crew.spec.program

    def observation(self, observe: Callable[[], T], expected: T | Callable[[T], bool], within_s: float) -> T:
        """See `Cluster.wait_until`."""
        __tracebackhide__ = True

        def accept(seen: T | Unanswered) -> bool:
            if isinstance(seen, Unanswered):
                return False
            return bool(expected(seen)) if callable(expected) else seen == expected

        wanted = "the predicate holds" if callable(expected) else repr(expected)
        seen = self._waits.wait(f"wait_until {wanted}", lambda: self._answered(observe), accept, within_s)
        assert not isinstance(seen, Unanswered), "accept refuses these"
        return seen

    def convergence(self, within_s: float) -> None:
        """See `Cluster.wait_converged`."""
        __tracebackhide__ = True
        since = Since()

        def differences() -> list[str]:
            members = {node.name: node.address for node in self.running()}
            return since.update(disagreements(self.views(), members), self._patience.now_s())

        self._waits.wait(
            "wait_converged",
            differences,
            lambda lines: not lines,
            within_s,
            describe=lambda _: "\n" + since.describe(self._patience.now_s()),
        )

    def readiness(self, within_s: float) -> dict[str, View]:
        """See `Cluster.wait_ready`."""
        __tracebackhide__ = True
        members = {node.name: node.address for node in self._crew.nodes}
        everybody = tuple(sorted(members.values()))
        ready: dict[str, View | str] = {}
        for node in self._crew.nodes:
            ready[node.name] = self._waits.wait(
                f"{node.name} {self._ready_when()}",
                node.view_or_reason,
                lambda view: isinstance(view, View) and view.ready and view.sees in (None, everybody),
                within_s,
                describe=_in_words,
                poll_real_s=BOOT_POLL_REAL_S,
            )
        self._waits.check_alive()
        if self._can(Capability.CONVERGENCE) and disagreements(ready, members):
            self.convergence(within_s)
        if self._crew.spec.cp:
            self.leader(self._crew.nodes, within_s)
        return {name: view for name, view in ready.items() if isinstance(view, View)}

    def members(self, expected: Mapping[Node, Collection[Node]] | None, within_s: float) -> None:
        """See `Cluster.wait_members`."""
        __tracebackhide__ = True
        running = self.running()
        wanted = expected or dict.fromkeys(running, running)
        goal = {node.name: sorted(member.name for member in seen) for node, seen in wanted.items()}
        self._waits.wait("wait_members", lambda: self._seen_by(wanted), lambda seen: seen == goal, within_s)

    def leader(self, among: Collection[Node], within_s: float) -> str:
        """See `Cluster.wait_leader`; returns its name."""
        __tracebackhide__ = True
        names = [node.name for node in among]
        views = self._waits.wait(
            f"a leader among {', '.join(names)}",
            lambda: self.raft_views(among),
            lambda views: agreed_leader(views) is not None,
            within_s,
            describe=describe_views,
            poll_real_s=LEADER_POLL_REAL_S,
        )
        leader = agreed_leader(views)
        assert leader is not None, "accepted"
        return leader

    def raft_views(self, among: Collection[Node]) -> RaftViews:
        """Return what those of these nodes that run say of their Raft logs."""
        return {node.name: node.raft_or_reason() for node in among if node.is_running}

    def views(self) -> Views:
        """See `Cluster.views`."""
        return {node.name: node.view_or_reason() for node in self.running()}

    def running(self) -> list[Node]:
        """Return the nodes that are meant to answer."""
        return [node for node in self._crew.nodes if node.is_running]

    def _seen_by(self, observers: Mapping[Node, object]) -> dict[str, list[str]]:
        names = {node.address: node.name for node in self._crew.nodes}
        seen = {}
        for node in observers:
            view = node.view_or_reason()
            seen[node.name] = [view] if isinstance(view, str) else [names.get(a, a) for a in view.sees or ()]
        return {name: sorted(members) for name, members in seen.items()}

    def _answered(self, observe: Callable[[], T]) -> T | Unanswered:
        __tracebackhide__ = True
        try:
            return observe()
        except self._program.no_answer as error:
            return Unanswered(str(error) or type(error).__name__)

    def _ready_when(self) -> str:
        everybody = f" and to hold all {len(self._crew.nodes)} nodes for healthy"
        return self._program.ready_when + (everybody if self._can(Capability.MEMBERS) else "")

    def _can(self, capability: Capability) -> bool:
        return capability in self._program.capabilities


def _in_words(view: View | str) -> str:
    return (
        view if isinstance(view, str) else "; ".join(view.lines) or ("ready" if view.ready else "not ready")
    )
