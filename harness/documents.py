"""The tables of the documents (R22-R24), as literal as they print them, and the same asked of a cluster.

With Nacos' hash, ServiceA0, ServiceB1 and ServiceC5 are owned by the first, second and third of three
nodes in ring order, and move as the documents say when the third is cut off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.client import DEFAULT_NAMESPACE, Instance, instance_from_json
from harness.cluster import Cluster
from harness.http_client import ApiError, Unreachable
from harness.node import Node
from harness.ownership import grouped_name
from harness.waits import NotReached

SERVICES = ("ServiceA0", "ServiceB1", "ServiceC5")
AGENTS = ("C1", "C2", "C3")

Row = Mapping[str, str]
"""service -> what a node says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What all three nodes say: `lists` and `owners` are node -> service -> text, `healthy` node -> text."""

    healthy: Mapping[str, str]
    owners: Mapping[str, Row]
    lists: Mapping[str, Row]

    def text(self) -> str:
        """Return the tables as the documents lay them out, one block a node."""
        return "\n".join(line for node in self.lists for line in self._node_lines(node))

    def _node_lines(self, node: str) -> list[str]:
        rows = [
            f"  {service}({entries})  owner {self.owners[node][service]}"
            for service, entries in self.lists[node].items()
        ]
        return [f"{node}  healthy: {self.healthy[node]}", *rows]


def _row(*texts: str) -> Row:
    return dict(zip(SERVICES, texts, strict=True))


_ALL = "C1, C2, C3"

STEADY = Tables(
    healthy={"s1": "s1, s2, s3", "s2": "s1, s2, s3", "s3": "s1, s2, s3"},
    owners={node: _row("s1", "s2", "s3") for node in ("s1", "s2", "s3")},
    lists={node: _row(_ALL, _ALL, _ALL) for node in ("s1", "s2", "s3")},
)
"""R22: everybody lists everybody."""

CUT = Tables(
    healthy={"s1": "s1, s2", "s2": "s1, s2", "s3": "s3"},
    owners={"s1": _row("s2", "s2", "s1"), "s2": _row("s2", "s2", "s1"), "s3": _row("s3", "s3", "s3")},
    lists={
        "s1": _row("C1, C2", "C1, C2", "C1, C2"),
        "s2": _row("C1, C2", "C1, C2", "C1, C2"),
        "s3": _row("C3", "C3", "C3"),
    },
)
"""R23: {s1, s2, C1, C2} | {s3, C3}."""

HEALED = STEADY
"""R24: what it was before the cut."""

CONFIRM_WITHIN_S = 10.0
STEADY_WITHIN_S, CUT_WITHIN_S, HEALED_WITHIN_S = 20.0, 75.0, 40.0
"""Document seconds; the floor of the documents' own timers is about 3, 41 and 10 (measured.md)."""


def observe(cluster: Cluster) -> Tables:
    """Ask every node, around the links, whom it holds for healthy, who owns what, and whom it lists.

    Raises:
        Unreachable, ApiError: a node could not be asked.

    """
    parties = _names(cluster)
    return Tables(
        healthy={node.name: _healthy(node, parties) for node in cluster.nodes},
        owners={
            node.name: {service: parties[node.api.responsible(service)] for service in SERVICES}
            for node in cluster.nodes
        },
        lists={
            node.name: {service: _listed(node.api.instances(service), parties) for service in SERVICES}
            for node in cluster.nodes
        },
    )


def _healthy(node: Node, parties: Mapping[str, str]) -> str:
    members = node.api.members()
    return ", ".join(sorted(parties[address] for address, state in members.items() if state == "UP"))


def _listed(instances: Iterable[Instance], parties: Mapping[str, str]) -> str:
    shown = [
        parties[f"{instance.ip}:{instance.port}"] + ("" if instance.healthy else " unhealthy")
        for instance in instances
    ]
    return ", ".join(sorted(shown))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of the documents' story: what they print, and what the cluster said at last."""

    name: str
    expected: Tables
    seen: Tables | None
    """None when a node could not be asked even at the end."""

    @property
    def matches(self) -> bool:
        """Whether the cluster came to say exactly what the documents print."""
        return self.seen == self.expected


def watch(cluster: Cluster, name: str, expected: Tables, within_s: float) -> Phase:
    """Give the cluster that many document seconds to say what the documents print."""
    return Phase(name=name, expected=expected, seen=_settled(cluster, expected, within_s))


def _settled(cluster: Cluster, expected: Tables, within_s: float) -> Tables | None:
    sought = {node: (expected.healthy[node], expected.lists[node]) for node in expected.lists}
    try:
        cluster.wait_until(lambda: _glance(cluster), sought, within_s=within_s)
        return cluster.wait_until(lambda: observe(cluster), expected, within_s=CONFIRM_WITHIN_S)
    except NotReached:
        try:
            return observe(cluster)
        except (ApiError, Unreachable):
            return None


def _glance(cluster: Cluster) -> dict[str, tuple[str, Row]]:
    """Read healthy and lists from one observer request a node: a poll of all 21 answers loads a core."""
    parties = _names(cluster)
    return {node.name: _glance_at(node, parties) for node in cluster.nodes}


def _glance_at(node: Node, parties: Mapping[str, str]) -> tuple[str, Row]:
    state = node.api.state()
    up = [parties[member["address"]] for member in state["members"] if member["state"] == "UP"]
    rows = {
        service: [instance_from_json(entry) for entry in state["services"].get(_key(service), [])]
        for service in SERVICES
    }
    return ", ".join(sorted(up)), {service: _listed(rows[service], parties) for service in SERVICES}


def _key(service: str) -> str:
    return f"{DEFAULT_NAMESPACE}##{grouped_name(service)}"


def _names(cluster: Cluster) -> dict[str, str]:
    names = {node.address: node.name for node in cluster.nodes}
    return names | {f"{agent.instance.ip}:{agent.instance.port}": agent.name for agent in cluster.agents}
