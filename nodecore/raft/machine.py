"""The one replicated state machine: it multiplexes the log to the request processors of the groups (R3).

After the state machine of Raft (Ongaro and Ousterhout, section 2). Invariant: `apply` never raises, for
PySyncObj would apply the same entry again for ever; it is called in the order of the log, from one thread.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence

from pysyncobj import SyncObjConsumer, replicated

from nodecore.consistency.protocol import (
    CPRequestProcessor,
    ReadRequest,
    Response,
    WriteRequest,
)
from nodecore.raft.commands import Command, decode
from nodecore.runtime.logs import NodeLog

_MEMBERS = ""
"""Where a snapshot holds the members; no group is called so."""

Answer = Response | Exception
Applied = Callable[[str, Callable[[], Answer]], None]
"""Told the id of every applied command, and how to get its answer: a read is answered for its asker alone."""


class StateMachine(SyncObjConsumer):  # type: ignore[misc]  # PySyncObj has no types
    """What the log is applied to.

    Args:
        log: told of what a processor could not apply.
        applied: told of each command.
    """

    def __init__(self, log: NodeLog, applied: Applied) -> None:
        super().__init__()
        self._log = log
        self._applied = applied
        self._processors: dict[str, CPRequestProcessor] = {}
        self._members: Sequence[str] = ()
        self._members_told: Callable[[Sequence[str]], None] = lambda _members: None

    def hear_members(self, told: Callable[[Sequence[str]], None]) -> None:
        """Call `told` when a leader's word on who the members are is applied."""
        self._members_told = told

    def add(self, processors: Collection[CPRequestProcessor]) -> None:
        """Have these serve their groups from now on; the later one of a group wins."""
        self._processors = self._processors | {processor.group: processor for processor in processors}

    def groups(self) -> tuple[str, ...]:
        """Return the names of the groups that are served."""
        return tuple(self._processors)

    def read(self, request: ReadRequest) -> Answer:
        """Answer a read from what is applied here; an exception is the processor's."""
        processor = self._processors.get(request.group)
        if processor is None:
            return _unserved(request.group)
        try:
            return processor.on_request(request)
        except Exception as error:  # noqa: BLE001  a processor is foreign code; who asked gets its fault
            processor.on_error(error)
            return error

    @replicated  # type: ignore[untyped-decorator]
    def apply(self, *texts: str) -> None:
        """Apply one entry of the log: commands that came at the same time."""
        for text in texts:
            try:
                command = decode(text)
            except (ValueError, KeyError, TypeError) as error:
                fields = [("text", text[:200]), ("error", repr(error))]
                self._log.write("error", "raft_command_unreadable", fields)
            else:
                self._apply(command)

    @replicated  # type: ignore[untyped-decorator]
    def say_members(self, text: str) -> None:
        """Apply a leader's word on who the members are: who joins learns it here."""
        self._members = json.loads(text)
        self._members_told(self._members)

    def _apply(self, command: Command) -> None:
        request = command.request
        if isinstance(request, ReadRequest):
            self._applied(command.command_id, lambda: self.read(request))
            return
        answer = self._write(request)
        self._applied(command.command_id, lambda: answer)

    def _write(self, request: WriteRequest) -> Response:
        processor = self._processors.get(request.group)
        if processor is None:
            self._log.write("error", "raft_group_unserved", [("group", request.group), ("key", request.key)])
            return _unserved(request.group)
        try:
            return processor.on_apply(request)
        except Exception as error:  # noqa: BLE001  the entry stands on the log, whatever a processor makes of it
            fields = [("group", request.group), ("key", request.key), ("error", repr(error))]
            self._log.write("error", "raft_apply_failed", fields)
            processor.on_error(error)
            return Response(success=True, error_message=f"committed, but not applied here: {error!r}")

    def _serialize(self) -> Mapping[str, bytes]:
        saved = {group: processor.save_snapshot() for group, processor in self._processors.items()}
        return saved | {_MEMBERS: json.dumps(self._members).encode()}

    def _deserialize(self, data: Mapping[str, bytes]) -> None:
        for group, snapshot in data.items():
            if group == _MEMBERS:
                self.say_members(snapshot.decode(), _doApply=True)
            elif group in self._processors:
                self._processors[group].load_snapshot(snapshot)
            else:
                self._log.write("error", "raft_group_unserved", [("group", group), ("key", "the snapshot")])


def _unserved(group: str) -> Response:
    return Response(success=False, status=400, error_message=f"no processor serves the group {group!r}")
