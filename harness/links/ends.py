"""How the processes at the ends of links are, and what that makes of the links.

Invariant: links to a dead party refuse, as a dead host does, and only a party that runs is probed.
"""

from collections.abc import Callable
from enum import StrEnum

from harness.links.faults import Ledger
from harness.links.link import Channel, Link
from harness.links.prober import Prober
from harness.links.targets import direct_connection
from harness.links.verify import Verifier
from harness.links.wiring import Wiring


class Condition(StrEnum):
    """How the process of a party is."""

    RUNNING = "running"
    PAUSED = "paused"
    DEAD = "dead"


class Ends:
    """The conditions of all parties of some links; who was never heard of runs.

    Args:
        wiring: the proxies.
        ledger: what should be in force.
        prober: whose connections end when a link changes.
        verifier: looks at a link that has changed.

    """

    def __init__(self, wiring: Wiring, ledger: Ledger, prober: Prober, verifier: Verifier) -> None:
        self._wiring = wiring
        self._ledger = ledger
        self._prober = prober
        self._verifier = verifier
        self._not_running: set[str] = set()

    def unprobed(self) -> set[str]:
        """Return the names of the links whose targets cannot answer."""
        instances = {link.upstream for link in self._links if link.channel is Channel.PROBE}
        deaf = {address for address in instances if not _listens(address)}
        return {
            link.name for link in self._links if link.target in self._not_running or link.upstream in deaf
        }

    def become(self, party: str, condition: Condition) -> None:
        """Remember how a party is."""
        if condition is Condition.RUNNING:
            self._not_running.discard(party)
            return
        self._not_running.add(party)
        for link in self._links:
            if party in (link.source, link.target):
                self._wiring.end_is_gone(link.name, self._ledger.effects_on(link))

    def died(self, party: str) -> None:
        """Refuse connections to a party.

        Raises:
            FaultNotInForce: by the link server's own view a link is not refused.
            LinkServerDied: no answer.

        """
        self.become(party, Condition.DEAD)
        self._change(party, self._ledger.died, f"refusing connections to {party}, which is dead")

    def started(self, party: str) -> None:
        """Let connections to a party through. Raises what `died` raises."""
        self.become(party, Condition.RUNNING)
        self._change(party, self._ledger.started, f"opening the links to {party}, started again")

    @property
    def _links(self) -> list[Link]:
        return list(self._wiring.links.values())

    def _change(self, party: str, change: Callable[[str], None], when: str) -> None:
        links = [link for link in self._links if link.target == party]
        before = {link.name: self._ledger.effects_on(link) for link in links}
        change(party)
        self._wiring.make_so(before, self._ledger.effects_on)
        for link in links:
            self._prober.retire(link.name)
        self._verifier.look_at_view().raise_if_wrong(when)


def _listens(address: str) -> bool:
    """Tell whether an instance, which is no process of ours, can be connected to."""
    try:
        direct_connection(address).close()
    except OSError:
        return False
    return True
