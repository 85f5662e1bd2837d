"""Health for foreign members: what verify cannot tell a Nacos 1.4 server (reference 1.4, 1.6 and 6.4; R15).

It pulls a list whose checksum differs, and then keeps its own idea of who is healthy. Only a service status
makes it ask for the health itself. It sends its own every 5 s, and that is how it is known to be foreign: our
nodes send none unasked. Invariant: a member is told only in return, at most once at a time.
"""

from nodecore.core.events import Lane
from nodecore.core.keys import namespace_of, service_of
from nodecore.core.members import Members
from nodecore.core.messages import ServiceStatus
from nodecore.core.outward import Outward, Telling
from nodecore.core.replica import Replica

ROUNDS = 3
"""How often a service is told after all its instances are well again: a lost answer is not the last word."""


class Foreign:
    """Tells each foreign member of the services that are, or just were, not all healthy."""

    def __init__(self, out: Outward, replica: Replica, members: Members, timeout_s: float) -> None:
        """Give each call `timeout_s` real seconds."""
        self._out = out
        self._replica = replica
        self._members = members
        self._timeout_s = timeout_s
        self._rounds: dict[str, dict[str, int]] = {}
        self._open: dict[str, int] = {}

    def heard(self, member: str) -> None:
        """A foreign member told us its statuses: tell it ours."""
        if self._open.get(member, 0):
            return
        by_namespace: dict[str, list[tuple[str, str]]] = {}
        for key in self._keys_to_tell(member):
            checksum = self._replica.store.checksum(key) or ""
            by_namespace.setdefault(namespace_of(key), []).append((service_of(key), checksum))
        self._open[member] = len(by_namespace)
        for namespace, checksums in by_namespace.items():
            message = ServiceStatus(namespace=namespace, checksums=tuple(checksums))
            self._out.call(message, Telling(member), lane=Lane.CONTROL, timeout_s=self._timeout_s)

    def ended(self, call: Telling) -> None:
        """Whether it arrived does not matter: the member asks again in a moment."""
        self._open[call.member] = max(0, self._open.get(call.member, 0) - 1)

    def forget_all(self) -> None:
        """No service was ever ill."""
        self._rounds.clear()

    def _keys_to_tell(self, member: str) -> list[str]:
        before = self._rounds.get(member, {})
        rounds: dict[str, int] = {}
        for key in self._replica.store.owned_keys(self._members.owns):
            left = ROUNDS if self._is_ill(key) else before.get(key, 0) - 1
            if left > 0:
                rounds[key] = left
        self._rounds[member] = rounds
        return list(rounds)

    def _is_ill(self, key: str) -> bool:
        stored = self._replica.instances(key)
        return stored is not None and not all(entry.healthy for entry in stored.instances)
