"""Grudges among one cluster's own nodes, as `harness.topology` makes them, its leader on a side if asked.

Invariant: the same seed and the same leaders give the same grudges.
"""

from collections.abc import Callable, Sequence
from random import Random

from harness import topology
from harness.topology import Grudge


class Topologies:
    """What `cluster.topology` offers; every choice is drawn from the cluster's seed.

    Args:
        names: of the nodes, in ring order.
        leader: finds out who leads, and waits until somebody does.
        seed: of the choices.

    """

    def __init__(self, names: Callable[[], Sequence[str]], leader: Callable[[], str], seed: int) -> None:
        self._names = names
        self._leader = leader
        self._choose = Random(seed)

    def minority(self, *, leader: bool | None = None) -> Grudge:
        """Cut a random minority of the nodes from the rest.

        Args:
            leader: whether the Raft leader of this moment is in it; None: as it comes. It may be another by
                the time that the cut is in force: ask `cluster.leader()` then.

        Raises:
            ValueError: fewer than three nodes.
            CannotDo: the cluster has no CP, and `leader` is not None.
            NotReached: nobody came to lead.

        """
        __tracebackhide__ = True
        return topology.minority(self._names(), self._choose, **self._side(leader))

    def majority(self, *, leader: bool | None = None) -> Grudge:
        """Cut a random smallest majority of the nodes from the rest; the rest is as `minority` has it."""
        __tracebackhide__ = True
        return topology.majority(self._names(), self._choose, **self._side(leader))

    def _side(self, leader: bool | None) -> dict[str, str]:
        if leader is None:
            return {}
        return {"among" if leader else "without": self._leader()}
