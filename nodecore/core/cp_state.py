"""What CP applies, given to the parts of the node that it concerns: lists, metadata, switches, checks.

Invariant: nothing that is applied here touches an ephemeral list (R25); a record applied twice changes
nothing.
"""

from collections.abc import Iterable

from nodecore.core.commands import INSTANCES_GROUP, METADATA_GROUP, SWITCH_GROUP, ChangedSwitches, Held
from nodecore.core.events import RecordsApplied, RecordsRestored
from nodecore.core.keys import (
    SWITCH_KEY,
    is_metadata,
    is_persistent,
    namespace_of,
    persistent_key,
    service_of,
)
from nodecore.core.outward import Outward
from nodecore.core.probing import Probing
from nodecore.core.projection import Projection
from nodecore.core.records import Instances, Service
from nodecore.core.services import Services
from nodecore.core.switches import Switches


class CpState:
    """The node's copy of what CP holds."""

    def __init__(
        self,
        out: Outward,
        projection: Projection,
        services: Services,
        switches: Switches,
        probing: Probing,
    ) -> None:
        self._out = out
        self._projection = projection
        self._services = services
        self._switches = switches
        self._probing = probing
        self._applied = False

    @property
    def holds_records(self) -> bool:
        """Whether CP has anything here."""
        return self._applied and (bool(self._projection.sorted_keys()) or self._services.has_metadata)

    def applied(self, event: RecordsApplied, now: float) -> None:
        """CP has applied a command."""
        self._applied = True
        for key, held in event.changed:
            self._take(key, held, now)

    def restored(self, event: RecordsRestored, now: float) -> None:
        """CP has loaded a snapshot of a group: what is not in it is gone."""
        self._applied = True
        match event.group:
            case group if group == INSTANCES_GROUP:
                lists = [(key, held) for key, held in event.records if isinstance(held, Instances)]
                for key in self._projection.restored(lists):
                    self._probing.adopt(key, now)
            case group if group == METADATA_GROUP:
                services = [(key, held) for key, held in event.records if isinstance(held, Service)]
                for key in self._services.restored(services):
                    self._checked_otherwise(key, now)
            case group if group == SWITCH_GROUP:
                self._switches_are(event.records)

    def _take(self, key: str, held: Held | None, now: float) -> None:
        if is_persistent(key):
            self._projection.applied(key, held if isinstance(held, Instances) else None)
            self._probing.adopt(key, now)
        elif key == SWITCH_KEY:
            self._switches_are([] if held is None else [(key, held)])
        elif is_metadata(key) and self._services.applied(key, held if isinstance(held, Service) else None):
            self._checked_otherwise(key, now)

    def _checked_otherwise(self, key: str, now: float) -> None:
        self._probing.hurry(persistent_key(namespace_of(key), service_of(key)), now)

    def _switches_are(self, records: Iterable[tuple[str, Held]]) -> None:
        found = next((held for _, held in records if isinstance(held, ChangedSwitches)), None)
        self._switches.applied(found)
        names = ",".join(found.names) if found is not None else ""
        self._out.log("info", "switches_applied", names=names)
