"""Distro as an `APProtocol` (R2): the adapter that Nacos lacks, over the runtime that drives the core.

Invariant: the core knows nothing of this; a write is one operation submitted to it, and the Future is
fulfilled by the matching reply.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future

from nodecore.config import NodeConfig
from nodecore.consistency.metadata import MEMBERS, ProtocolMetadata
from nodecore.consistency.protocol import (
    APRequestProcessor,
    ReadRequest,
    RequestProcessor,
    Response,
    WriteKind,
    WriteRequest,
)
from nodecore.core.answers import Answer, Done, MembersAnswer, RecordAnswer, Refused
from nodecore.core.enquiries import ReadMembers
from nodecore.core.events import Change, Notify
from nodecore.core.keys import INSTANCES_PREFIX, is_ephemeral
from nodecore.core.operations import Operation, PutRecord, ReadRecord, RemoveRecord
from nodecore.errors import BadRequest, NodeError
from nodecore.runtime.loop import Runtime

GROUP = INSTANCES_PREFIX
"""The only group of Distro: the resource type of instance lists (R8)."""


class NotInitialised(NodeError):
    """The protocol was asked before `init` or after `shutdown`."""

    status = 503


class DistroProtocol:
    """Fulfils `APProtocol[NodeConfig, APRequestProcessor]`.

    Args:
        runtime: drives the core that does the work; it is started and stopped by its owner.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._metadata = ProtocolMetadata()
        self._processors: dict[str, RequestProcessor] = {}
        self._lock = threading.Lock()
        self._initialised = False
        self._hears_changes = False

    def init(self, config: NodeConfig) -> None:
        """Serve from now on; the members are those of the configuration."""
        self._initialised = True
        self._metadata.set(GROUP, MEMBERS, config.members)

    def add_request_processors(self, processors: Collection[APRequestProcessor]) -> None:
        """Have these serve reads and hear applied writes of their groups."""
        with self._lock:
            self._processors |= {processor.group: processor for processor in processors}
            if not self._hears_changes:
                self._hears_changes = True
                self._runtime.listeners.listen_to_all(self._apply)

    def protocol_metadata(self) -> ProtocolMetadata:
        """Return the members of the group; an AP protocol has neither leader nor term."""
        return self._metadata

    def get_data(self, request: ReadRequest) -> Response:
        """Read what this node holds, through the group's processor if it has one."""
        return self.get_data_async(request).result()

    def get_data_async(self, request: ReadRequest) -> "Future[Response]":
        """Read without waiting."""
        processor = self._processors.get(request.group)
        if processor is not None:
            return _completed(lambda: self._ask(processor, request))
        return self._submit(ReadRecord(request.key), request.group)

    def write(self, request: WriteRequest) -> Response:
        """Write here and wait until it is stored; the other members follow (R11)."""
        return self.write_async(request).result()

    def write_async(self, request: WriteRequest) -> "Future[Response]":
        """Write without waiting."""
        if request.operation is WriteKind.REMOVE:
            return self._submit(RemoveRecord(request.key), request.group)
        if request.data is None:
            return _failed(BadRequest(f"a put of {request.key} needs data (REMOVE deletes)"))
        return self._submit(PutRecord(request.key, request.data), request.group)

    def member_change(self, addresses: Collection[str]) -> None:
        """Go on with these members."""
        members = tuple(sorted(addresses))
        self._runtime.change_members(members)
        self._metadata.set(GROUP, MEMBERS, members)

    def shutdown(self) -> None:
        """Take no more requests; the runtime goes on until its owner stops it."""
        self._initialised = False

    def execute(self, commands: Mapping[str, str]) -> Response:
        """Run `{"command": "members"}`: the members with their states as this node sees them."""
        command = commands.get("command")
        if command != "members":
            return Response(success=False, error_message=f"unknown command {command!r}; known is: members")
        return self._submit(ReadMembers(), GROUP).result()

    def _submit(self, operation: Operation, group: str) -> "Future[Response]":
        if not self._initialised:
            return _failed(NotInitialised("the Distro protocol is not initialised"))
        if group != GROUP:
            return _failed(BadRequest(f"Distro serves the group {GROUP!r}, not {group!r}"))
        return _translated(self._runtime.ask(operation))

    def _ask(self, processor: RequestProcessor, request: ReadRequest) -> Response:
        if not self._initialised:
            raise NotInitialised("the Distro protocol is not initialised")
        try:
            return processor.on_request(request)
        except Exception as error:
            processor.on_error(error)
            raise

    def _apply(self, change: Notify) -> None:
        processor = self._processors.get(GROUP)
        if processor is None or not is_ephemeral(change.key):
            return
        operation = WriteKind.PUT if change.change is Change.CHANGE else WriteKind.REMOVE
        try:
            processor.on_apply(
                WriteRequest(group=GROUP, key=change.key, data=change.value, operation=operation)
            )
        except Exception as error:  # noqa: BLE001  the processor is foreign code; it is told of its own fault
            processor.on_error(error)


def _translated(answer: "Future[Answer]") -> "Future[Response]":
    response: Future[Response] = Future()
    response.set_running_or_notify_cancel()

    def fulfil(done: "Future[Answer]") -> None:
        error = done.exception()
        if error is not None:
            response.set_exception(error)
        else:
            response.set_result(_response(done.result()))

    answer.add_done_callback(fulfil)
    return response


def _response(answer: Answer) -> Response:
    match answer:
        case Done():
            return Response(success=True)
        case RecordAnswer(datum):
            return Response(success=True, data=datum)
        case MembersAnswer(members):
            return Response(success=True, data=members)
        case Refused(status=status, message=message):
            return Response(success=False, error_message=message, status=status)
        case _:
            raise TypeError(f"Distro does not answer a record operation with {type(answer).__name__}")


def _completed(compute: Callable[[], Response]) -> "Future[Response]":
    future: Future[Response] = Future()
    try:
        future.set_result(compute())
    except Exception as error:  # noqa: BLE001  the Future is where the caller looks for it
        future.set_exception(error)
    return future


def _failed(error: Exception) -> "Future[Response]":
    future: Future[Response] = Future()
    future.set_exception(error)
    return future
