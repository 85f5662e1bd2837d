"""Instances that the nodes check through links of channel probe: a cut keeps a prober from them (R19).

Invariant: every node of the cluster has a link to each of them, the one that comes later too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.client import Instance
from harness.links.fabric import Links
from harness.links.link import Channel, Link, socket_address


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedInstance:
    """Where something listens that is registered as a persistent instance.

    Args:
        name: as which it is a party of cuts.
        address: "127.0.0.1:PORT", which is registered.

    """

    name: str
    address: str

    @property
    def instance(self) -> Instance:
        """It as it is registered."""
        return Instance(*socket_address(self.address))


class Checked:
    """The checked instances of one cluster.

    Args:
        links: of the cluster.
        reserve: deals so many addresses.

    """

    def __init__(self, links: Links, reserve: Callable[[int], list[str]]) -> None:
        self._links = links
        self._reserve = reserve
        self._listens: dict[tuple[str, str], str] = {}
        self.instances: list[CheckedInstance] = []

    def add(self, address: str, name: str, nodes: Sequence[str]) -> CheckedInstance:
        """Link these nodes to another instance.

        Raises:
            ValueError: its name or address is no such, or its address has links already.

        """
        instance = CheckedInstance(name=name, address=address)
        socket_address(address)
        if any(other.address == address for other in self.instances):
            raise ValueError(f"{address} is checked through links already")
        self._link(nodes, [instance])
        self.instances.append(instance)
        return instance

    def join(self, nodes: Sequence[str]) -> None:
        """Link new nodes to all instances."""
        self._link(nodes, self.instances)

    def dial(self, node: str) -> tuple[tuple[str, str], ...]:
        """Return where a node dials each instance: address -> link."""
        return tuple(
            (instance.address, self._listens[node, instance.address])
            for instance in self.instances
            if (node, instance.address) in self._listens
        )

    def _link(self, nodes: Sequence[str], instances: Sequence[CheckedInstance]) -> None:
        pairs = [(node, instance) for node in nodes for instance in instances]
        listens = dict(zip(pairs, self._reserve(len(pairs)), strict=True))
        self._links.add(
            [
                Link(
                    source=node,
                    target=instance.name,
                    channel=Channel.PROBE,
                    listen=listen,
                    upstream=instance.address,
                )
                for (node, instance), listen in listens.items()
            ]
        )
        self._listens |= {(node, instance.address): listen for (node, instance), listen in listens.items()}
