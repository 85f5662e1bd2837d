"""The switches that were changed for all nodes: the state machine of the group `naming_switch`.

Only the fields that somebody changed are kept, for what the others are is each node's own: it begins with
what its time scale makes of the defaults. Invariant: it is a function of the commands in their order.
"""

from collections.abc import Iterable
from dataclasses import fields, replace

from nodecore.core.commands import (
    SWITCH_GROUP,
    Applied,
    ChangedSwitches,
    Command,
    Held,
    Kind,
    Outcome,
    Rejected,
)
from nodecore.core.keys import SWITCH_KEY
from nodecore.core.records import SwitchDomain

NAMES = tuple(sorted(field.name for field in fields(SwitchDomain)))


class SwitchRecord:
    """The one record of the group."""

    group = SWITCH_GROUP

    def __init__(self) -> None:
        self._changed: ChangedSwitches | None = None

    def get(self, key: str) -> ChangedSwitches | None:
        """Return the switches that were changed, None when none was."""
        return self._changed if key == SWITCH_KEY else None

    def records(self) -> tuple[tuple[str, Held], ...]:
        """Return the snapshot."""
        return () if self._changed is None else ((SWITCH_KEY, self._changed),)

    def restore(self, records: Iterable[tuple[str, Held]]) -> None:
        """Hold exactly these."""
        found = [value for _, value in records if isinstance(value, ChangedSwitches)]
        self._changed = found[0] if found else None

    def apply(self, command: Command) -> Outcome:
        """Change the named fields; REMOVE gives every node its own values back."""
        if command.key != SWITCH_KEY:
            return Rejected(status=400, message=f"{command.key} is not {SWITCH_KEY}")
        if command.kind is Kind.REMOVE:
            self._changed = None
            return Applied(changed=((SWITCH_KEY, None),))
        given = command.record
        if command.kind is not Kind.PUT or not isinstance(given, SwitchDomain):
            return Rejected(status=400, message=f"{command.kind}: only switches can be put here")
        named = [name for name in NAMES if name in command.fields or not command.fields]
        before = self._changed or ChangedSwitches()
        values = {name: getattr(given, name) for name in named}
        self._changed = ChangedSwitches(
            switches=replace(before.switches, **values), names=tuple(sorted({*before.names, *named}))
        )
        return Applied(changed=((SWITCH_KEY, self._changed),))
