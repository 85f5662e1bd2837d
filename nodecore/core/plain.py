"""Records as what JSON is made of and back: for the log of CP and its snapshots.

Invariant: `held_of(plain(record)) == record` for every record, and equal records have equal plain forms. A
field that a later version wrote is left out, one that an earlier version did not know gets its default.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from nodecore.core.commands import ChangedSwitches, Held
from nodecore.core.records import (
    Checker,
    CheckerKind,
    ClusterChecks,
    Instance,
    Instances,
    ServerStatus,
    Service,
    SwitchDomain,
)

Plain = Mapping[str, Any]


def plain(record: Held) -> dict[str, Any]:
    """Return a record as strings, numbers, lists and objects; `type` says which one it is."""
    return {"type": type(record).__name__, **_plain_fields(record)}


def held_of(given: Plain) -> Held:
    """Return the record of a plain form.

    Raises:
        ValueError: it has a type that no record has, or a value that its field cannot have.
        TypeError: a field that must be there is missing.
        KeyError: it names no type.
    """
    match given["type"]:
        case "Instances":
            return Instances(tuple(Instance(**_known(Instance, entry)) for entry in given["instances"]))
        case "Service":
            checks = tuple(_checks(entry) for entry in given.get("checks", ()))
            return Service(**(_known(Service, given) | {"checks": checks}))
        case "SwitchDomain":
            return _switches(given)
        case "ChangedSwitches":
            return ChangedSwitches(switches=_switches(given["switches"]), names=tuple(given["names"]))
        case other:
            raise ValueError(f"{other!r} is the type of no record")


def _plain_fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain_value(getattr(value, field.name)) for field in fields(value)}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain_value(item) for item in value]
    return _plain_fields(value) if is_dataclass(value) else value


def _checks(given: Plain) -> ClusterChecks:
    checker = _known(Checker, given["checker"])
    checker["kind"] = CheckerKind(checker["kind"])
    return ClusterChecks(**(_known(ClusterChecks, given) | {"checker": Checker(**checker)}))


def _switches(given: Plain) -> SwitchDomain:
    known = _known(SwitchDomain, given)
    status = known.get("overridden_server_status")
    known["overridden_server_status"] = None if status is None else ServerStatus(status)
    return SwitchDomain(**known)


def _known(of: type[Any], given: Plain) -> dict[str, Any]:
    return {field.name: _tuples(given[field.name]) for field in fields(of) if field.name in given}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
