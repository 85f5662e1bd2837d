"""How the nodes of one cluster reach each other: their ports, a link for each ordered pair, their dial maps.

Invariant: a pair has a link on every channel that its nodes speak, so that a cut leaves none of them whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from harness.links.fabric import Links
from harness.links.link import Channel, Link
from harness.node import Node
from harness.program import Address, NodePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The addresses at which one node listens; `raft` is "" in a cluster without CP."""

    client: str
    peer: str
    raft: str = ""


class Ways:
    """Deals ports and makes links.

    Args:
        links: of the cluster.
        reserve: deals so many addresses, sorted as the ring is.
        has_peer_port: whether nodes take each other's calls on a port of their own.
        cp: whether they speak Raft too.

    """

    def __init__(
        self, links: Links, reserve: Callable[[int], list[str]], *, has_peer_port: bool, cp: bool
    ) -> None:
        self._links = links
        self._reserve = reserve
        self._has_peer_port = has_peer_port
        self._cp = cp
        self._ports: dict[str, Ports] = {}
        self._listens: dict[tuple[Channel, str, str], str] = {}

    def open(self, names: Sequence[str], among: Sequence[Node]) -> dict[str, Ports]:
        """Deal ports to new nodes, in ring order among themselves; make every link from and to them.

        Args:
            names: of the new nodes.
            among: the nodes there are.

        """
        clients = self._reserve(len(names))
        peers = self._reserve(len(names)) if self._has_peer_port else clients
        rafts = self._reserve(len(names)) if self._cp else [""] * len(names)
        dealt = zip(clients, peers, rafts, strict=True)
        new = {
            name: Ports(client=client, peer=peer, raft=raft)
            for name, (client, peer, raft) in zip(names, dealt, strict=True)
        }
        self._ports |= new
        old = [node.name for node in among]
        pairs = [pair for pair in permutations([*old, *names], 2) if not {*old} >= {*pair}]
        channels = [Channel.PEER, *([Channel.RAFT] if self._cp else [])]
        links = [self._link(channel, *pair) for channel in channels for pair in pairs]
        self._links.add(links)
        self._listens |= {(link.channel, link.source, link.target): link.listen for link in links}
        return new

    def plan_with(self, plan: NodePlan, members: Sequence[Node]) -> NodePlan:
        """Return a node's plan with these members, itself included, and the ways to them."""
        others = {node.name: node.address for node in members if node.name != plan.name}
        peer = {name: self._listens[Channel.PEER, plan.name, name] for name in others}
        return replace(
            plan,
            members=tuple(node.address for node in members),
            dial=tuple((others[name], listen) for name, listen in peer.items()),
            links={name: Address(listen) for name, listen in peer.items()},
            raft_dial=tuple(
                (address, self._listens[Channel.RAFT, plan.name, name])
                for name, address in others.items()
                if self._cp
            ),
        )

    def _link(self, channel: Channel, source: str, target: str) -> Link:
        ports = self._ports[target]
        (listen,) = self._reserve(1)
        return Link(
            source=source,
            target=target,
            channel=channel,
            listen=listen,
            upstream=ports.raft if channel is Channel.RAFT else ports.peer,
            asked=ports.peer,
        )
