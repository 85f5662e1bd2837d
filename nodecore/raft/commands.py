"""What stands on the log: one JSON text per command.

Invariant: `decode(encode(command)) == command`; a text says all there is to it, so that a node that applies
it years later does what the first one did.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from nodecore.consistency.protocol import ReadRequest, WriteKind, WriteRequest
from nodecore.core.plain import held_of, plain
from nodecore.core.records import Record

READ = "read"
"""The operation of a linearizable read: it changes nothing, its place on the log is what counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command on the log."""

    command_id: str
    """Unique among all commands of all nodes at all times: how the one who asked knows its own."""
    request: ReadRequest | WriteRequest


def encode(command: Command) -> str:
    """Return the text of a command."""
    request = command.request
    fields: dict[str, object] = {"id": command.command_id, "group": request.group, "key": request.key}
    if isinstance(request, WriteRequest):
        fields["operation"] = request.operation.value
        fields["record"] = None if request.data is None else plain(request.data)
    else:
        fields["operation"] = READ
    if request.extend_info:
        fields["extend_info"] = request.extend_info
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> Command:
    """Read a command.

    Raises:
        ValueError: the text is no command.
        KeyError: something that a command must say is missing.
        TypeError: a record has a field of the wrong kind.
    """
    fields = json.loads(text)
    return Command(command_id=fields["id"], request=_request(fields))


def _request(fields: Mapping[str, Any]) -> ReadRequest | WriteRequest:
    extend_info = tuple((name, value) for name, value in fields.get("extend_info", ()))
    if fields["operation"] == READ:
        return ReadRequest(group=fields["group"], key=fields["key"], extend_info=extend_info)
    return WriteRequest(
        group=fields["group"],
        key=fields["key"],
        data=_record(fields["record"]),
        operation=WriteKind(fields["operation"]),
        extend_info=extend_info,
    )


def _record(given: Mapping[str, Any] | None) -> Record | None:
    return None if given is None else cast("Record", held_of(given))
