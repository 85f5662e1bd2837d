"""What a reader needs to see of a cluster when a test failed: every node, every cut, every log."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.agent import Agent
from harness.client import NodeApi
from harness.excerpt import excerpt_of_lines
from harness.http_client import ApiError, Unreachable
from harness.node import Condition, Node
from harness.program import View

if TYPE_CHECKING:
    from harness.crew import Crew

LAST_LINES = 12
GONE = "gone"
"""Nobody told it to end: it crashed and nobody has looked yet, or its launcher is dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyReport:
    """One node or agent: `view` is compact text of what it believes, or why it could not be asked."""

    name: str
    address: str
    pid: int
    condition: str
    view: tuple[str, ...]
    log_path: Path
    last_lines: tuple[str, ...]
    metrics: str = ""
    """The page a node serves at `/metrics`; empty when it was not asked for, or has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterReport:
    """A cluster at one moment; `cuts` is one line for each link that is not whole, `removed` former nodes."""

    nodes: tuple[PartyReport, ...]
    agents: tuple[PartyReport, ...]
    cuts: tuple[str, ...]
    removed: tuple[PartyReport, ...] = ()

    def text(self) -> str:
        """Return the state of every node and the cuts, without the logs."""
        lines = [line for node in self.nodes for line in _party_lines(node)]
        lines += [line for party in (*self.removed, *self.agents) for line in _party_lines(party)]
        lines += ["links cut: " + ("; ".join(self.cuts) or "none")]
        return "\n".join(lines)


def report_on(crew: "Crew", *, with_metrics: bool = False) -> ClusterReport:
    """Return the report; a node that cannot be asked is part of it, not an error."""
    return ClusterReport(
        nodes=tuple(_node_report(node, crew, with_metrics=with_metrics) for node in crew.nodes),
        agents=tuple(_party_report(agent, agent.instance, ()) for agent in crew.agents),
        cuts=tuple(crew.links.cut_now()),
        removed=tuple(_party_report(node, node.address, ()) for node in crew.removed),
    )


def _node_report(node: Node, crew: "Crew", *, with_metrics: bool) -> PartyReport:
    if not (node.is_running and node.process.is_alive):
        return _party_report(node, node.address, ("not asked",))
    view = node.view_or_reason()
    lines = view.lines if isinstance(view, View) else (view,)
    if crew.spec.cp and isinstance(view, View):
        lines = (str(node.raft_or_reason()), *lines)
    report = _party_report(node, node.address, tuple(_named(line, crew) for line in excerpt_of_lines(lines)))
    asked = with_metrics and isinstance(view, View) and isinstance(node.api, NodeApi)
    return replace(report, metrics=_metrics(node.api)) if asked else report


def _metrics(api: NodeApi) -> str:
    try:
        return api.metrics()
    except (ApiError, Unreachable) as error:
        return f"# {error}\n"


def _named(line: str, crew: "Crew") -> str:
    """Put the nodes' names where the line has their addresses: s3=DOWN is read faster than a port."""
    for node in sorted(crew.nodes, key=lambda node: len(node.address), reverse=True):
        line = line.replace(node.address, node.name)
    return line


def _party_report(party: Node | Agent, address: object, view: tuple[str, ...]) -> PartyReport:
    return PartyReport(
        name=party.name,
        address=str(address),
        pid=party.pid,
        condition=party.condition if party.process.is_alive or _was_ended(party) else GONE,
        view=view,
        log_path=party.log.path,
        last_lines=tuple(party.log.last_lines(LAST_LINES)),
    )


def _was_ended(party: Node | Agent) -> bool:
    return party.condition not in (Condition.RUNNING, Condition.PAUSED)


def _party_lines(party: PartyReport) -> list[str]:
    head = f"{party.name} {party.address} pid {party.pid} {party.condition}"
    return [head, *(f"    {line}" for line in party.view)]
