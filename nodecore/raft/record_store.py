"""The plainest request processor: puts and removes whole records.

Invariant: its state is a function of the applied writes in their order.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from nodecore.consistency.protocol import ReadRequest, Response, WriteKind, WriteRequest
from nodecore.core.plain import held_of, plain
from nodecore.core.records import Datum, Record


class RecordStore:
    """Fulfils `CPRequestProcessor` for one group: key -> datum, the timestamp counts its changes."""

    def __init__(self, group: str) -> None:
        self.group = group
        self._data: dict[str, Datum] = {}

    def on_request(self, request: ReadRequest) -> Response:
        """Answer with the datum of a key, None when there is none."""
        return Response(success=True, data=self._data.get(request.key))

    def on_apply(self, request: WriteRequest) -> Response:
        """Put or remove."""
        if request.operation is WriteKind.REMOVE:
            self._data.pop(request.key, None)
        elif request.data is not None:
            before = self._data.get(request.key)
            timestamp = before.timestamp + 1 if before else 1
            self._data[request.key] = Datum(key=request.key, value=request.data, timestamp=timestamp)
        return Response(success=True)

    def on_error(self, error: Exception) -> None:
        """Nothing is to be done: the protocol has logged it."""

    def save_snapshot(self) -> bytes:
        """Return everything applied so far."""
        data = {key: [datum.timestamp, plain(datum.value)] for key, datum in self._data.items()}
        return json.dumps(data).encode()

    def load_snapshot(self, snapshot: bytes) -> None:
        """Replace everything by a snapshot."""
        self._data = {key: _datum(key, *saved) for key, saved in json.loads(snapshot).items()}


def _datum(key: str, timestamp: int, value: Mapping[str, Any]) -> Datum:
    return Datum(key=key, value=cast("Record", held_of(value)), timestamp=timestamp)
