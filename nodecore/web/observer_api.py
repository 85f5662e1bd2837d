"""What a test harness asks a node: its whole view, and which probes reached it. Needs no identity.

Invariant: a probe never touches the core or its lock, so it is answered while the node is busy or not loaded.
"""

import re
import threading
import time
from collections import OrderedDict

from nodecore.core.operations import ReadState
from nodecore.errors import BadRequest
from nodecore.runtime.loop import Runtime
from nodecore.runtime.wire.client import encode_answer, json_answer
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.listing import Reader
from nodecore.web.parameters import required
from nodecore.web.replies import await_reply
from nodecore.web.request import Request

_PROBE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PLAIN_READER = Reader()


class ObserverApi:
    """Answers observers."""

    def __init__(self, runtime: Runtime, probe_ids_max: int) -> None:
        self._runtime = runtime
        self._seen_max = probe_ids_max
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def state(self, _request: Request) -> HttpAnswer:
        """GET /cutheal/state."""
        return encode_answer(await_reply(self._runtime.ask(ReadState())), _PLAIN_READER)

    def probe(self, request: Request) -> HttpAnswer:
        """POST /cutheal/probe?id=: remember when it came, by CLOCK_MONOTONIC."""
        arrived = time.monotonic()
        probe_id = _checked(required(request.query_parameters(), "id"))
        with self._lock:
            self._seen[probe_id] = arrived
            if len(self._seen) > self._seen_max:
                self._seen.popitem(last=False)
        return json_answer({"id": probe_id})

    def probes_seen(self, request: Request) -> HttpAnswer:
        """GET /cutheal/probe?id=A,B: when each came, null for those that did not."""
        probe_ids = [_checked(i) for i in required(request.query_parameters(), "id").split(",")]
        with self._lock:
            return json_answer({"seen": {i: self._seen.get(i) for i in probe_ids}})


def _checked(probe_id: str) -> str:
    if not _PROBE_ID.fullmatch(probe_id):
        raise BadRequest(f"id {probe_id[:80]!r} must be 1 to 128 of A-Z a-z 0-9 . _ -")
    return probe_id
