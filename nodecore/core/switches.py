"""The switches of a running node, and which requests they let through (reference 1.8 and 8).

With CP what is changed for all nodes is what CP has applied here, on top of this node's own defaults.
Invariant: what operators ask and what members forward is always let through, so that a node that was switched
off can be switched on.
"""

from dataclasses import replace

from nodecore.config import Timings
from nodecore.core.answers import Refused
from nodecore.core.commands import ChangedSwitches
from nodecore.core.enquiries import ChangeSwitches, ReadServices
from nodecore.core.operations import (
    Beat,
    ChangeMetadata,
    CreateService,
    DeleteService,
    DeregisterInstance,
    GetInstance,
    GetService,
    ListInstances,
    Operation,
    PatchInstance,
    RegisterInstance,
    SetChecks,
    SetHealth,
    UpdateService,
)
from nodecore.core.records import ServerStatus, SwitchDomain

_READS = (GetInstance, ListInstances, GetService, ReadServices)
_WRITES = (
    RegisterInstance,
    DeregisterInstance,
    PatchInstance,
    ChangeMetadata,
    Beat,
    CreateService,
    UpdateService,
    SetChecks,
    SetHealth,
    DeleteService,
)


class Switches:
    """Holds the one SwitchDomain of a node; `now` is replaced, never changed."""

    def __init__(self, timings: Timings) -> None:
        """Begin with the defaults; what clients are told to wait is as long as this node's scaled timings."""
        self._defaults = self.now = SwitchDomain(
            client_beat_interval_ms=_ms(timings.beat_s),
            default_cache_ms=_ms(timings.list_cache_s),
            default_push_cache_ms=_ms(timings.push_cache_s),
            service_status_period_ms=_ms(timings.health_period_s),
        )

    @property
    def are_changed(self) -> bool:
        """Whether a switch is not as it was when this node started."""
        return self.now != self._defaults

    @property
    def beat_interval_s(self) -> float:
        """How often clients are told to beat, in real seconds."""
        return self.now.client_beat_interval_ms / 1000

    @property
    def list_cache_s(self) -> float:
        """How long a client that polls may keep a list, in real seconds."""
        return self.now.default_cache_ms / 1000

    @property
    def push_cache_s(self) -> float:
        """The same for a client that is pushed to."""
        return self.now.default_push_cache_ms / 1000

    @property
    def health_period_s(self) -> float:
        """How often the health of persistent instances is told to all members, in real seconds."""
        return self.now.service_status_period_ms / 1000

    def applied(self, changed: ChangedSwitches | None) -> None:
        """CP says which switches are changed for all nodes; what was changed here alone is undone."""
        names = changed.names if changed is not None else ()
        values = {name: getattr(changed.switches, name) for name in names} if changed is not None else {}
        self.now = replace(self._defaults, **values)

    def change(self, operation: ChangeSwitches) -> None:
        """Give the named fields their new values."""
        self.now = replace(self.now, **dict(operation.changes))  # type: ignore[arg-type]

    def refusal(self, operation: Operation) -> Refused | None:
        """Say why a client's operation is not let through, None when it is."""
        status = self.now.overridden_server_status
        refused: tuple[type, ...] = _READS + _WRITES
        if status is None or status is ServerStatus.UP:
            return None
        if status is ServerStatus.READ_ONLY:
            refused = _WRITES
        if status is ServerStatus.WRITE_ONLY:
            refused = _READS
        if not isinstance(operation, refused):
            return None
        return Refused(status=503, message=f"server is {status} now, please try again later!")

    def judges(self, service: str) -> bool:
        """Say whether the beats of a service's instances are judged."""
        return self.now.health_check_enabled or service in self.now.health_check_white_list


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
