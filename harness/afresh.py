"""A used cluster made as it was when it became ready, for another test, in place of a new one.

Invariant: it is certain or it is not done. What was done to a cluster that could still show (a killed node, a
delay, another setting) rules it out; the rest is undone and then looked at: every node tells the digest that
it told when it was ready, all see all, nothing waits or is on its way, every link is whole.
"""

from collections.abc import Callable, Mapping

from harness.crew import Crew
from harness.links.api import ApiError, LinkServerDied
from harness.links.matrix import FaultNotInForce
from harness.links.targets import TargetNotAnswering
from harness.members_file import members_text
from harness.node import Node
from harness.processes import LauncherDied, Mark
from harness.program import Capability, View
from harness.waiting import WaitTimeout, wait_for

NOT_CERTAIN = (ApiError, FaultNotInForce, LauncherDied, LinkServerDied, TargetNotAnswering, WaitTimeout)
"""What the harness's own parts raise when a cluster is not as it should be."""

RESET_WITHIN_REAL_S = 0.3
"""A reset that takes longer than a new cluster is none."""


class Afresh:
    """Knows how one cluster was when it became ready, and brings it back there.

    Args:
        crew: of a cluster that is ready.
        views: of its nodes at that moment.

    """

    def __init__(self, crew: Crew, views: Mapping[str, View]) -> None:
        self._crew = crew
        self._program = crew.spec.program
        self._not_certain: tuple[type[Exception], ...] = (*NOT_CERTAIN, *self._program.no_answer)
        self._digests = {name: view.digest for name, view in views.items()}
        self._members = tuple(sorted(node.address for node in crew.nodes))
        self._marks: dict[str, Mark] = {node.name: node.log.mark_of_whole_lines() for node in crew.nodes}

    def why_not(self) -> str:
        """Return why another test must not have this cluster, as far as is known without asking it."""
        crew = self._crew
        reasons = {
            "it is closed": crew.is_closed,
            f"{self._program.name} cannot be reset": Capability.RESET not in self._program.capabilities,
            "its Raft log remembers": crew.spec.cp,
            "a node was killed, paused or restarted, or ended": any(map(_is_disturbed, crew.nodes)),
            "nodes came or went": crew.has_changed,
            "agents were pushed to": crew.datagrams is not None,
            "a link is still cut": bool(crew.links.cut_now()),
            crew.used_up: bool(crew.used_up),
            "what a cut delayed may still arrive": not all(cut.only_loses for cut in crew.links.cuts_made),
            "a test wrote into a node's files": not crew.spec.cp and any(map(_has_files, crew.nodes)),
        }
        return ", ".join(reason for reason, holds in reasons.items() if holds)

    def bring_back(self) -> str:
        """Undo all that a test did; return "", or why that was not possible: then the cluster has to go.

        Before it is given to another test, `look` has to find it so.

        Raises:
            Exception: what the code of the user's own program raised.

        """
        why_not = self.why_not()
        if why_not:
            return why_not
        try:
            self._crew.end_agents()
            self._await_nothing("all nodes to be empty", self._attempt)
        except self._not_certain as error:
            return str(error) or type(error).__name__
        self._crew.begin_again(self._marks)
        return self.why_not()

    def look(self) -> str:
        """Return "" when everything is still as it was brought back to be, or what is not.

        It takes a second look to be sure. A node's server reads from all its connections in turn, so by then
        it has read whatever an agent that was killed had sent before the first, and says if it is at it.
        """
        why_not = self.why_not()
        if why_not:
            return why_not
        try:
            self._await_nothing("all nodes to be as they were", self._differences)
            self._crew.links.verify()
        except self._not_certain as error:
            return str(error) or type(error).__name__
        return ""

    def _await_nothing(self, name: str, differs: Callable[[], str]) -> None:
        wait_for(name, differs, lambda what: not what, RESET_WITHIN_REAL_S, describe=str)

    def _attempt(self) -> str:
        for node in self._crew.nodes:
            not_yet = self._program.begin_again(node)
            if not_yet:
                return f"{node.name}: {not_yet}"
        return self._differences()

    def _differences(self) -> str:
        wrong = {node.name: self._difference(node) for node in self._crew.nodes}
        return "; ".join(f"{name}: {what}" for name, what in wrong.items() if what)

    def _difference(self, node: Node) -> str:
        view = node.view()
        differs = {
            "not ready": not view.ready,
            "does not see all nodes": view.sees not in (None, self._members),
            "changes wait": view.pending > 0,
            "calls or requests have not ended": view.at_work > 0,
            "other data than when it was ready": view.digest != self._digests[node.name],
        }
        return ", ".join(what for what, so in differs.items() if so)


def _is_disturbed(node: Node) -> bool:
    return node.disturbed or not node.process.is_alive


def _has_files(node: Node) -> bool:
    wrote = any(node.data_dir.iterdir())
    return wrote or node.members_file.read_text(encoding="utf-8") != members_text(node.plan)
