"""Grudges among one cluster's own nodes, as `harness.topology` makes them, its leader on a side if asked.

Invariant: the same seed and the same leaders give the same grudges.
"""

from collections.abc import Sequence
from random import Random
from typing import Protocol

from harness import topology
from harness.node import Node
from harness.topology import Grudge

LEADER_WITHIN_S = 200.0
"""Until a cut that asks for the leader has one: as long as a cluster may take to start."""


class Led(Protocol):
    """What has to be known of a cluster."""

    @property
    def nodes(self) -> Sequence[Node]:
        """Those of this moment."""
        ...

    def wait_leader(self, *, within_s: float) -> Node:
        """Wait until a node leads."""
        ...


class Topologies:
    """What `cluster.topology` offers; every choice is drawn from the cluster's seed.

    Args:
        cluster: whose nodes are cut.
        seed: of the choices.

    """

    def __init__(self, cluster: Led, seed: int) -> None:
        self._cluster = cluster
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
        return topology.minority(self._names, self._choose, **self._side(leader))

    def majority(self, *, leader: bool | None = None) -> Grudge:
        """Cut a random smallest majority of the nodes from the rest; the rest is as `minority` has it."""
        __tracebackhide__ = True
        return topology.majority(self._names, self._choose, **self._side(leader))

    def _side(self, leader: bool | None) -> dict[str, str]:
        if leader is None:
            return {}
        leads = self._cluster.wait_leader(within_s=LEADER_WITHIN_S).name
        return {"including" if leader else "excluding": leads}

    @property
    def _names(self) -> list[str]:
        return [node.name for node in self._cluster.nodes]
