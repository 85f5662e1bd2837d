"""Nodes that are added and removed while a cluster runs: links, lists of members, processes, slots.

Invariants: a node is started only when all running ones know it, so that what they change from then on also
waits for it; one is ended only when none has it on its list, so that no client's write is forwarded to it.
"""

import os
from collections.abc import Callable, Sequence

from harness.crew import Crew
from harness.node import Node
from harness.program import Capability, View, require
from harness.slots import Room
from harness.spec import check_fits
from harness.waits import Waits

TOLD_WITHIN_S = 60.0
"""Document seconds until every running node has read the list anew; nodecore looks each second."""

ANSWERS_WITHIN_S = 200.0
"""The same until a new node answers at all: as long as a cluster may take to start."""


class Growth:
    """Adds nodes to one cluster and removes them.

    Args:
        crew: whose nodes they are.
        room: the slots that they take.
        waits: for nodes to learn of it.

    """

    def __init__(self, crew: Crew, room: Room, waits: Waits) -> None:
        self._crew = crew
        self._room = room
        self._waits = waits

    def add(self) -> Node:
        """See `Cluster.add_node`."""
        crew, program = self._crew, self._crew.spec.program
        require(program, Capability.GROWTH, "cluster.add_node()")
        count = len(crew.nodes) + 1
        check_fits(count, crew.patience.time_scale, os.cpu_count() or 1, program.calls_per_pair_s)
        self._room.fit(count)
        before = list(crew.nodes)
        node = crew.make_node()
        try:
            crew.tell_members([*before, node])
            self._await_told(before, f"know {node.name}", lambda known: node.address in known)
            crew.start_node(node)
            self._waits.wait(f"{node.name} to answer", node.view_or_reason, _is_view, ANSWERS_WITHIN_S)
            crew.links.verify()
        except BaseException:
            crew.end_node(node)
            crew.tell_members(before)
            self._room.fit(len(before))
            raise
        return node

    def remove(self, node: Node) -> None:
        """See `Cluster.remove_node`."""
        crew = self._crew
        require(crew.spec.program, Capability.GROWTH, f"cluster.remove_node({node.name})")
        if node not in crew.nodes:
            raise ValueError(f"{node.name} is not in this cluster; there are {_names(crew.nodes)}")
        rest = [other for other in crew.nodes if other is not node]
        if not rest:
            raise ValueError(f"{node.name} is the last node: a cluster keeps one; cluster.close() ends it")
        try:
            crew.tell_members(rest)
            self._await_told(
                rest, f"have {node.name} off their lists", lambda known: node.address not in known
            )
        except BaseException:
            crew.tell_members(crew.nodes)
            raise
        crew.end_node(node)
        self._room.fit(len(rest))

    def _await_told(
        self, nodes: Sequence[Node], what: str, knows_it: Callable[[tuple[str, ...]], bool]
    ) -> None:
        running = [node for node in nodes if node.is_running]

        def untold() -> list[str]:
            views = {node.name: node.view_or_reason() for node in running if node.is_running}
            return [name for name, view in views.items() if not _is_told(view, knows_it)]

        self._waits.wait(f"{_names(running)} to {what}", untold, lambda names: not names, TOLD_WITHIN_S)


def _is_view(view: View | str) -> bool:
    return isinstance(view, View)


def _is_told(view: View | str, knows_it: Callable[[tuple[str, ...]], bool]) -> bool:
    """A program that does not say whom it knows is taken to have read its list."""
    return isinstance(view, View) and (view.knows is None or knows_it(view.knows))


def _names(nodes: Sequence[Node]) -> str:
    return ", ".join(node.name for node in nodes) or "nobody"
