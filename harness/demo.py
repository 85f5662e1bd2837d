"""`cutheal demo`: the documents' story on real processes, their tables beside what the cluster said."""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.cluster import Cluster
from harness.command import say
from harness.command_session import add_cluster_options, command_session
from harness.documents import (
    AGENTS,
    CUT,
    CUT_WITHIN_S,
    HEALED,
    HEALED_WITHIN_S,
    SERVICES,
    STEADY,
    STEADY_WITHIN_S,
    Phase,
    Tables,
    watch,
)
from harness.exit_codes import ExitCode
from harness.links.backend import title
from harness.links.matrix import LEGEND, FaultNotInForce, Matrix
from harness.session import Session
from harness.spec import ClusterSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the demo saw: the phases in order, and the matrix of all links before, during and after."""

    phases: tuple[Phase, ...]
    matrices: Mapping[str, Matrix]


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `demo` to the command's words."""
    parser = commands.add_parser("demo", help="the documents' story: steady, cut, healed, with its tables")
    add_cluster_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; return 0 if all tables match, 1 if one differs, 2 if a fault was not in force."""
    with command_session(arguments) as session:
        cluster = session.cluster(ClusterSpec(nodes=3), owner="cutheal demo")
        if not arguments.json:
            _introduce(session, cluster)
        try:
            story = tell(cluster, on_phase=_ignore if arguments.json else _show)
        except FaultNotInForce as not_in_force:
            say(arguments, {"fault_not_in_force": str(not_in_force)}, f"not in force: {not_in_force}")
            return ExitCode.FAULT_NOT_IN_FORCE
        if arguments.json:
            print(json.dumps(_document(session, cluster, story)))
        else:
            _conclude(story)
    return ExitCode.DONE if all(phase.matches for phase in story.phases) else ExitCode.NOT_SO


def tell(cluster: Cluster, on_phase: Callable[[Phase], None]) -> Story:
    """Play R22, R23 and R24: register, cut {s1, s2, C1, C2} | {s3, C3}, heal.

    Args:
        cluster: three nodes, no agents yet.
        on_phase: told of each phase when it is over.

    Raises:
        FaultNotInForce: the cut or the heal did not happen as intended.

    """
    agents = [cluster.agent(name, SERVICES) for name in AGENTS]
    s1, s2, s3 = cluster.nodes
    told: list[Phase] = []

    def play(name: str, expected: Tables, within_s: float) -> Matrix:
        told.append(watch(cluster, name, expected, within_s))
        on_phase(told[-1])
        return cluster.links.matrix()

    matrices = {"before": play("steady (R22)", STEADY, STEADY_WITHIN_S)}
    with cluster.partition([s1, s2, *agents[:2]], [s3, agents[2]]):
        matrices["during"] = play("cut {S1, S2, C1, C2} | {S3, C3} (R23)", CUT, CUT_WITHIN_S)
    matrices["after"] = play("healed (R24)", HEALED, HEALED_WITHIN_S)
    return Story(phases=tuple(told), matrices=matrices)


def _introduce(session: Session, cluster: Cluster) -> None:
    server = session.link_server
    nodes = ", ".join(f"{node.name} {node.address} (pid {node.pid})" for node in cluster.nodes)
    print(f"three nodes: {nodes}")
    print(f"links: {title(server.backend, server.version)}; 1 document second = {cluster.time_scale} s")
    if session.link_backend.hint:
        print(session.link_backend.hint)
    print("each table: whom a node lists under a service, and in parentheses who it says owns it")


def _ignore(_phase: Phase) -> None:
    """Say nothing while it goes on: --json prints one document at the end."""


def _show(phase: Phase) -> None:
    Console().print(_rich_table(phase))
    if not phase.matches:
        print(f"expected:\n{phase.expected.text()}")


def _conclude(story: Story) -> None:
    during = story.matrices["during"]
    print("links during the cut, each probed:", *during.lines(), LEGEND, sep="\n")
    verdict = all(phase.matches for phase in story.phases)
    print("every table is that of the documents" if verdict else "a table differs from the documents")


def _rich_table(phase: Phase) -> Table:
    mark = "as the documents say" if phase.matches else "DIFFERS from the documents"
    table = Table(title=f"{phase.name}: {mark}", title_justify="left")
    for heading in ("", "healthy", *SERVICES):
        table.add_column(heading)
    if phase.seen is not None:
        for node in phase.seen.lists:
            table.add_row(node, phase.seen.healthy[node], *_cells(phase.seen, node))
    return table


def _cells(tables: Tables, node: str) -> list[str]:
    return [f"{tables.lists[node][service]}  ({tables.owners[node][service]})" for service in SERVICES]


def _document(session: Session, cluster: Cluster, story: Story) -> dict[str, Any]:
    return {
        "links": {"backend": session.link_server.backend, "version": session.link_server.version},
        "time_scale": cluster.time_scale,
        "nodes": [{"name": n.name, "address": n.address, "pid": n.pid} for n in cluster.nodes],
        "agents": [{"name": a.name, "instance": str(a.instance), "pid": a.pid} for a in cluster.agents],
        "phases": [
            {
                "name": phase.name,
                "matches": phase.matches,
                "expected": asdict(phase.expected),
                "seen": None if phase.seen is None else asdict(phase.seen),
            }
            for phase in story.phases
        ],
        "matrix": {name: matrix.as_json() for name, matrix in story.matrices.items()},
    }
