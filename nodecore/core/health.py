"""The health of persistent instances, told by the responsible node to all others (R19; reference 6.4).

The original tells a checksum of each service and lets the others ask; between our own nodes the health itself
is told, at once when it changes and again every period, for a message may be lost. Invariant: it is believed
only of the node that owns the service by one's own ring, and never comes near the log of CP.
"""

from nodecore.core.answers import Answer, Done, Refused
from nodecore.core.events import Lane
from nodecore.core.keys import persistent_key, service_of
from nodecore.core.members import Members
from nodecore.core.messages import InstanceHealth
from nodecore.core.operations import SetHealth
from nodecore.core.outward import Outward, TellingHealth
from nodecore.core.projection import Projection
from nodecore.core.records import CheckerKind
from nodecore.core.services import Services
from nodecore.core.switches import Switches


class Health:
    """Tells and hears health; at most one message to a member is open.

    Args:
        timeout_s: real seconds for one message.
    """

    def __init__(
        self,
        out: Outward,
        members: Members,
        projection: Projection,
        services: Services,
        switches: Switches,
        timeout_s: float,
    ) -> None:
        self._services = services
        self._out = out
        self._members = members
        self._projection = projection
        self._switches = switches
        self._timeout_s = timeout_s
        self._untold: dict[str, dict[str, None]] = {}
        """By member, the keys whose health it has still to be told."""
        self._open: dict[str, None] = {}
        self._due: float | None = None

    def start(self, now: float) -> None:
        """Begin to tell all members every period."""
        self._due = now + self._switches.health_period_s

    def next_due(self) -> float | None:
        """Return when everything is told again."""
        return self._due

    def changed(self, key: str) -> None:
        """The health of an instance of ours has changed: tell all."""
        for member in self._told():
            self._untold.setdefault(member, {})[key] = None
            self._tell(member)

    def advance(self, now: float) -> None:
        """Tell all of all that is ours, when it is time."""
        if self._due is None or now < self._due:
            return
        self._due = now + self._switches.health_period_s
        owned = [key for key in self._projection.sorted_keys() if self._members.owns(service_of(key))]
        for member in self._told():
            self._untold[member] = dict.fromkeys(owned)
            self._tell(member)

    def ended(self, call: TellingHealth) -> None:
        """Whether it arrived does not matter: what changed meanwhile follows, and all of it in a moment."""
        self._open.pop(call.member, None)
        if call.member in self._members:
            self._tell(call.member)

    def member_left(self, member: str) -> None:
        """Tell nothing to who is no member."""
        self._untold.pop(member, None)

    def received(self, source: str, message: InstanceHealth) -> None:
        """Believe what the owner of a service says of its instances."""
        for key, entries in message.health:
            if source != self._members.own and self._members.ring.owner(service_of(key)) == source:
                for identity, healthy in entries:
                    self._projection.set_health(key, identity, healthy=healthy)

    def set(self, operation: SetHealth) -> Answer:
        """Note the health of an instance that nobody checks; what is checked, or beats, nobody may set."""
        namespace, service = operation.namespace, operation.service
        key = persistent_key(namespace, service)
        identity = (operation.ip, operation.port, operation.cluster)
        if not self._services.exists(namespace, service):
            return Refused(status=404, message=f"service {service} is not found!")
        checker = self._services.checks_of(namespace, service, operation.cluster).checker
        if checker.kind is not CheckerKind.NONE or self._projection.find(key, identity) is None:
            return Refused(status=400, message=f"health check is still working, service: {service}")
        if self._projection.set_health(key, identity, healthy=operation.healthy):
            self.changed(key)
        return Done()

    def _told(self) -> list[str]:
        """Return the members that are told: our own kind that are UP, for a call to another only waits."""
        return [m for m in self._members.others if self._members.is_up(m) and self._members.takes_digest(m)]

    def _tell(self, member: str) -> None:
        untold = self._untold.pop(member, {}) if member not in self._open else {}
        health = tuple(
            (key, told)
            for key in untold
            if self._members.owns(service_of(key)) and (told := self._projection.known_health(key))
        )
        if health:
            self._open[member] = None
            message = InstanceHealth(health)
            self._out.call(message, TellingHealth(member), lane=Lane.CONTROL, timeout_s=self._timeout_s)
