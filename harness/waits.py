"""How a test waits for its cluster: with a name, a deadline in document seconds, and what was last seen.

Invariant: a wait ends at once when a node ends by itself, and a deadline that passes shows every node.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from harness.cluster_report import report_on
from harness.excerpt import excerpt
from harness.patience import Patience
from harness.processes import Exit, ProcessDied
from harness.waiting import POLL_MIN_REAL_S, WaitTimeout

if TYPE_CHECKING:
    from harness.crew import Crew

T = TypeVar("T")


class NotReached(AssertionError):
    """A condition was not reached in time: the test's own failure."""


class NodeDied(Exception):
    """A node ended by itself while the test waited for something else."""


class Waits:
    """Waits for one cluster.

    Args:
        crew: whose nodes must live meanwhile.
        patience: how long a document second is, and how much this machine stalled.

    """

    def __init__(self, crew: "Crew", patience: Patience) -> None:
        self._crew = crew
        self._patience = patience

    def wait(
        self,
        name: str,
        observe: Callable[[], T],
        accept: Callable[[T], bool],
        within_s: float,
        describe: Callable[[T], str] = repr,
        poll_real_s: float = POLL_MIN_REAL_S,
    ) -> T:
        """Return the first observation that is accepted.

        Args:
            name: of what is waited for.
            observe: called again and again.
            accept: whether an observation will do.
            within_s: document seconds.
            describe: what is shown of the last observation.
            poll_real_s: the least pause between two observations.

        Raises:
            NotReached: not in time; says what was last seen, and how every node is.
            NodeDied: a node ended by itself meanwhile.

        """
        __tracebackhide__ = True
        try:
            return self._patience.wait(
                name,
                observe,
                accept,
                within_s=within_s,
                poll_real_s=poll_real_s,
                describe=describe,
                interrupt=self.check_alive,
            )
        except WaitTimeout as timeout:
            for node in self._crew.nodes:
                node.dump_stacks()
            raise NotReached(f"{excerpt(str(timeout))}\n{report_on(self._crew).text()}") from None

    def check_alive(self) -> None:
        """Raise NodeDied when a node has ended by itself."""
        __tracebackhide__ = True
        for node in self._crew.nodes:
            end = node.crashed()
            if end is not None:
                raise NodeDied(f"a node ended by itself: {ProcessDied(end)}{_hint(end)}")


def _hint(end: Exit) -> str:
    return "\n    a node has to stay in the foreground until it is ended" if end.status == 0 else ""
