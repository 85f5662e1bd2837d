"""Who the members are, what each one's state is, and the ring that follows from it (R9, R17).

Invariant: this node is a member and always UP in its own view; the ring is exactly the UP members.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from nodecore.core.answers import Member, MemberState
from nodecore.core.ring import Ring, ring_of


@dataclass(slots=True)
class Standing:
    """How a member stands with this node."""

    state: MemberState = MemberState.DOWN
    reports_failed: int = 0
    knows_us: bool = True
    takes_digest: bool = False
    """It is one of our own nodes: said in its last answer to a report."""


class Members:
    """The table of members; methods that change it return whether the state changed."""

    def __init__(self, own: str, addresses: Iterable[str], failed_until_down: int) -> None:
        self.own = own
        self._failed_until_down = failed_until_down
        self._standings = {address: Standing() for address in sorted({*addresses} - {own})}
        self.ring: Ring = ring_of([own])

    @property
    def others(self) -> list[str]:
        """All members but this node, in ring order."""
        return list(self._standings)

    @property
    def all_up(self) -> bool:
        """Whether every member is UP in this node's view."""
        return len(self.ring.addresses) == len(self._standings) + 1

    def __contains__(self, address: str) -> bool:
        return address == self.own or address in self._standings

    def is_up(self, address: str) -> bool:
        """Say whether a member is healthy; a stranger is not."""
        standing = self._standings.get(address)
        return address == self.own or (standing is not None and standing.state is MemberState.UP)

    def owns(self, service: str) -> bool:
        """Say whether this node is responsible for a grouped service name."""
        return self.ring.owner(service) == self.own

    def replace(self, addresses: Iterable[str]) -> tuple[list[str], list[str]]:
        """Take over the lookup's list; known members keep their state. Return who came and who left."""
        wanted = sorted({*addresses} - {self.own})
        came = [address for address in wanted if address not in self._standings]
        left = [address for address in self._standings if address not in wanted]
        self._standings = {address: self._standings.get(address) or Standing() for address in wanted}
        return came, left

    def takes_digest(self, address: str) -> bool:
        """Say whether a member is one of our own nodes, which compare digests before checksums."""
        standing = self._standings.get(address)
        return standing is not None and standing.takes_digest

    def answered(self, address: str, *, takes_digest: bool) -> bool:
        """A report of our own was answered: the member is UP."""
        self._standings[address].takes_digest = takes_digest
        return self._become(address, MemberState.UP, reports_failed=0)

    def has_learnt(self, address: str, *, knows_us: bool) -> bool:
        """Remember whether a member has this node on its list; return whether that changed."""
        standing = self._standings[address]
        changed = standing.knows_us is not knows_us
        standing.knows_us = knows_us
        return changed

    def failed(self, address: str, *, refused: bool) -> bool:
        """A report of our own failed: SUSPICIOUS at once, DOWN when refused or too often in a row."""
        standing = self._standings[address]
        failures = standing.reports_failed + 1
        down = refused or failures >= self._failed_until_down or standing.state is MemberState.DOWN
        state = MemberState.DOWN if down else MemberState.SUSPICIOUS
        return self._become(address, state, reports_failed=failures)

    def recompute_ring(self) -> bool:
        """Make the ring that of the UP members; return whether it changed."""
        before = self.ring
        self.ring = ring_of([self.own, *(a for a, s in self._standings.items() if s.state is MemberState.UP)])
        return self.ring != before

    def entry(self, address: str) -> Member:
        """Return one member as this node sees it."""
        if address == self.own:
            return Member(address=address, state=MemberState.UP)
        standing = self._standings[address]
        return Member(address=address, state=standing.state, reports_failed=standing.reports_failed)

    def entries(self) -> tuple[Member, ...]:
        """Return all members in ring order."""
        return tuple(self.entry(address) for address in sorted([self.own, *self._standings]))

    def _become(self, address: str, state: MemberState, *, reports_failed: int) -> bool:
        standing = self._standings[address]
        changed = standing.state is not state
        standing.state, standing.reports_failed = state, reports_failed
        return changed
