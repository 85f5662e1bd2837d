"""A simulated cluster whose nodes check persistent instances: who listens, and who is cut from whom.

The log of CP is not simulated: what it applied is told to every node, as if it had a majority all along.
"""

from dataclasses import replace

from nodecore.config import NodeConfig
from nodecore.core.events import Effect, Probe, Probed, RecordsApplied
from nodecore.core.findings import Finding, Found
from nodecore.core.keys import persistent_key
from nodecore.core.records import Instance, Instances
from tests.core.world import World

SERVICES = tuple(f"DEFAULT_GROUP@@Db{letter}{digit}" for letter in "ab" for digit in range(3))
IPS = ("10.2.0.1", "10.2.0.2")
SETTLED_S = 40.0
"""Longer than ring and checks take: reports, the first check of a new owner, three in a row, and a period."""


class CheckedWorld(World):
    """Instances listen unless they are in `dead`; a prober that is cut from one finds silence."""

    def __init__(self, seed: int = 0) -> None:
        self.dead: dict[str, None] = {}
        super().__init__(3, seed=seed)

    def config(self, address: str) -> NodeConfig:
        """A node with CP."""
        return replace(super().config(address), raft_port=7848)

    def register(self, ips: tuple[str, ...] = IPS) -> None:
        """Have CP apply the same instances of each service on every node."""
        for service in SERVICES:
            entries = (Instance(ip=ip, port=80, service=service, ephemeral=False) for ip in ips)
            changed = ((persistent_key("public", service), Instances(tuple(entries))),)
            for address in self.addresses:
                self._feed(address, RecordsApplied(changed))

    def health(self, address: str) -> dict[str, set[bool]]:
        """Return, by ip, what a node holds of all services."""
        found: dict[str, set[bool]] = {}
        for _, instances in self.state(address).persistent:
            for entry in instances.instances:
                found.setdefault(entry.ip, set()).add(entry.healthy)
        return found

    def truth(self, *dead: str) -> dict[str, set[bool]]:
        """Return what every node should hold when these are dead."""
        return {ip: {ip not in dead} for ip in IPS}

    def _perform(self, address: str, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Probe):
                self._probe(address, effect)
        super()._perform(address, effects)

    def _probe(self, address: str, probe: Probe) -> None:
        ip = probe.target.partition(":")[0]
        cut = (address, ip) in self.network.swallowed
        found = Found.SILENT if cut else Found.REFUSED if ip in self.dead else Found.OPEN
        took_s = probe.timeout_s if cut else self._latency()
        event = Probed(
            probe_id=probe.probe_id, checker=probe.checker, finding=Finding(found=found), took_s=took_s
        )
        incarnation = self.processes[address].incarnation

        def deliver() -> None:
            if self.processes[address].incarnation == incarnation:
                self._feed(address, event)

        self._later(took_s, deliver)
