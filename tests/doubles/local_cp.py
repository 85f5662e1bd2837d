"""CP of one node without Raft: what is written is applied at once; it can be told to fail instead."""

from collections.abc import Callable
from concurrent.futures import Future

from nodecore.consistency.naming_groups import Tell, naming_groups
from nodecore.consistency.protocol import ReadRequest, Response, WriteRequest


class LocalCp:
    """Fulfils as much of `CPProtocol` as the client API asks of it."""

    def __init__(self, tell: Tell) -> None:
        self.processors = {processor.group: processor for processor in naming_groups(tell)}
        self.written: list[WriteRequest] = []
        self.read: list[ReadRequest] = []
        self.failure: Exception | None = None

    def write_async(self, request: WriteRequest) -> "Future[Response]":
        self.written.append(request)
        return self._done(lambda: self.processors[request.group].on_apply(request))

    def get_data_async(self, request: ReadRequest) -> "Future[Response]":
        self.read.append(request)
        return self._done(lambda: self.processors[request.group].on_request(request))

    def _done(self, perform: Callable[[], Response]) -> "Future[Response]":
        future: Future[Response] = Future()
        if self.failure is not None:
            future.set_exception(self.failure)
        else:
            future.set_result(perform())
        return future
