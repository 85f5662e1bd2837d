"""What is written to the log of CP and what became of it: frozen data, of which JSON can be made (`plain`).

Invariant: a command says what is to change, never what the whole is to be, wherever two clients may write the
same record at once: it is the state machine that merges, in the order of the log, alike on every node.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from nodecore.core.records import Record, SwitchDomain

INSTANCES_GROUP = "naming_persistent_service"
METADATA_GROUP = "naming_service_metadata"
SWITCH_GROUP = "naming_switch"


class Kind(StrEnum):
    """What a command does to the record of its key."""

    PUT = "put"
    """Replace it by the one given, whole."""
    REMOVE = "remove"
    REGISTER = "register"
    """Put these instances into the list, in the place of those with the same identities."""
    DEREGISTER = "deregister"
    """Take these instances out of the list."""
    PATCH = "patch"
    """Give these instances the values of the named fields."""
    SET_METADATA = "set_metadata"
    """Give instances these entries of metadata, beside those that they have."""
    REMOVE_METADATA = "remove_metadata"
    """Take entries of these names out of the metadata of instances."""
    CREATE = "create"
    """Put a service that is not there yet."""
    UPDATE = "update"
    """Give a service this threshold and these metadata; how its clusters are checked stays as it is."""
    SET_CHECKS = "set_checks"
    """Have these clusters of a service checked like this; its other clusters stay as they are."""
    DELETE = "delete"
    """Remove a service that is there, with its persistent instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedSwitches:
    """The switches that were changed for all nodes: only the named fields mean anything."""

    switches: SwitchDomain = field(default_factory=SwitchDomain)
    names: tuple[str, ...] = ()


Held = Record | ChangedSwitches
"""What a state machine holds under a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One entry of the log."""

    group: str
    key: str
    kind: Kind
    record: Record | None = None
    fields: tuple[str, ...] = ()
    """PATCH, and PUT of switches: which fields of the record are meant; the others are not looked at."""
    all_instances: bool = False
    """SET_METADATA, REMOVE_METADATA: every instance of the list, after the pattern of the one given."""
    listed: bool = False
    """The node that was asked lists ephemeral instances of this service, so there is one, CP or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Asks for the record of a key."""

    group: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The state at its place in the log does not allow a command; nothing has changed."""

    status: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A command was done. `changed`: the records of keys as they are now, None for those that are gone."""

    changed: tuple[tuple[str, Held | None], ...] = ()
    value: Record | None = None
    """What the one who asked is told."""


Outcome = Applied | Rejected
