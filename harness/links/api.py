"""The client of Toxiproxy's HTTP API that the hot path uses: one keep-alive connection, requests in a row.

Calls of a batch are written back to back and their answers read in order (HTTP pipelining): the 24
toxics of a 2|3 cut take 2 ms, against 7 ms one after another and 33 ms by toxiproxy-python. Invariant:
every answer but a 2xx raises, every silence ends after 2 s, and what raises leaves no half-read answer.
"""

import json
import select
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from threading import RLock
from typing import Any

from harness.links.link import socket_address

CALL_TIMEOUT_REAL_S = 2.0
BATCH = 64
"""Calls in flight at once: their answers must fit into the socket's buffers, or both sides wait for ever."""

SERVER_GAVE_UP = 503
"""Toxiproxy's own limit of 25 s for a call: it answers in HTML, and the call may still happen."""


class LinkServerDied(Exception):
    """The link server does not answer any more; replace it and call `Links.restore`."""


class ApiError(Exception):
    """The link server refused a call: `call`, `status` and its own sentence in `error`."""

    def __init__(self, call: str, status: int, error: str) -> None:
        super().__init__(call, status, error)
        self.call = call
        self.status = status
        self.error = error

    def __str__(self) -> str:
        return f"link server answered {self.status} to {self.call}: {self.error}"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the API; `body` is sent as JSON."""

    method: str
    path: str
    body: object = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic:
    """A toxic as the server tells of it."""

    name: str
    type: str
    stream: str
    toxicity: float = 1.0
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy as the server tells of it."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[Toxic, ...] = ()


class ToxiproxyApi:
    """A link server's API at "127.0.0.1:PORT", for any number of threads, one batch after another.

    `backend`, `version` and `api_address` are what report headers show.
    """

    def __init__(self, api_address: str) -> None:
        self.api_address = api_address
        self._told: dict[str, Any] = {}
        self._lock = RLock()
        self._socket: socket.socket | None = None
        self._reader: BufferedReader | None = None

    @property
    def version(self) -> str:
        """Return the server's version, asked for once.

        Raises:
            LinkServerDied: no answer.

        """
        return str(self._about()["version"])

    @property
    def backend(self) -> str:
        """Return `toxiproxy`, or what another server with its API says it is. Raises LinkServerDied."""
        return str(self._about().get("backend", "toxiproxy"))

    def proxies(self) -> dict[str, Proxy]:
        """Return every proxy of the server by its name.

        Raises:
            LinkServerDied: no answer.

        """
        answer = _as_object(self.call(Call("GET", "/proxies")))
        return {name: _proxy(fields) for name, fields in answer.items()}

    def proxy(self, name: str) -> Proxy:
        """Return one proxy.

        Raises:
            ApiError: 404, there is none of that name.
            LinkServerDied: no answer.

        """
        return _proxy(_as_object(self.call(Call("GET", f"/proxies/{name}"))))

    def toxic(self, proxy: str, name: str) -> Toxic:
        """Return one toxic of a proxy.

        Raises:
            ApiError: 404, there is no such proxy, or no such toxic on it.
            LinkServerDied: no answer.

        """
        return _toxic(_as_object(self.call(Call("GET", f"/proxies/{proxy}/toxics/{name}"))))

    def populate(self, proxies: Sequence[Proxy]) -> dict[str, Proxy]:
        """Create proxies, without their toxics, and return them as the server made them.

        Raises:
            ApiError: a port is taken, or a field is missing; earlier proxies of the list were made.
            LinkServerDied: no answer.

        """
        body = [
            {"name": p.name, "listen": p.listen, "upstream": p.upstream, "enabled": p.enabled}
            for p in proxies
        ]
        made = _as_object(self.call(Call("POST", "/populate", body)))["proxies"] or ()
        return {fields["name"]: _proxy(fields) for fields in made}

    def call(self, call: Call) -> object:
        """Make one call and return the JSON of its answer.

        Raises:
            ApiError: the answer was not a 2xx.
            LinkServerDied: no answer.

        """
        return self.batch([call])[0]

    def batch(self, calls: Sequence[Call]) -> list[object]:
        """Make calls in order, without waiting for one answer before the next call.

        Raises:
            ApiError: the first answer that was not a 2xx. Calls after it may have been made too.
            LinkServerDied: no answer, or none that is HTTP.

        """
        answers: list[object] = []
        with self._lock:
            for start in range(0, len(calls), BATCH):
                answers += self._batch(calls[start : start + BATCH])
        return answers

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._reader is not None:
            self._reader.close()
        if self._socket is not None:
            self._socket.close()
        self._reader = self._socket = None

    def _about(self) -> dict[str, Any]:
        if not self._told:
            self._told = _as_object(self.call(Call("GET", "/version")))
        return self._told

    def _batch(self, calls: Sequence[Call]) -> list[object]:
        answers: list[tuple[Call, int, bytes]] = []
        try:
            reader = self._send(b"".join(_encode(call, self.api_address) for call in calls))
            for call in calls:
                status, body = _read_answer(reader)
                answers.append((call, status, body))
        except (OSError, ValueError) as problem:
            self.close()
            reason = str(problem) or repr(problem)
            raise LinkServerDied(
                f"link server at {self.api_address} did not answer {calls[len(answers)]}: {reason}"
            ) from problem
        return [self._accept(call, status, body) for call, status, body in answers]

    def _send(self, request: bytes) -> BufferedReader:
        connection, reader = self._socket, self._reader
        if connection is None or reader is None or _ended(connection):
            self.close()
            connection = socket.create_connection(socket_address(self.api_address), CALL_TIMEOUT_REAL_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = connection.makefile("rb")
            self._socket, self._reader = connection, reader
        connection.sendall(request)
        return reader

    def _accept(self, call: Call, status: int, body: bytes) -> object:
        if status == SERVER_GAVE_UP:
            self.close()
            raise LinkServerDied(f"link server at {self.api_address} gave up on {call} after 25 s")
        if not 200 <= status < 300:
            raise ApiError(str(call), status, _error_text(body))
        return json.loads(body) if body else None


def _encode(call: Call, host: str) -> bytes:
    body = b"" if call.body is None else json.dumps(call.body).encode()
    head = f"{call.method} {call.path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


def _ended(connection: socket.socket) -> bool:
    """Tell whether an idle connection was closed by the server, which does so after 60 s."""
    return bool(select.select([connection], [], [], 0)[0])


def _read_answer(reader: BufferedReader) -> tuple[int, bytes]:
    start = reader.readline().split(None, 2)
    if len(start) < 2 or not start[0].startswith(b"HTTP/") or not start[1].isdigit():
        raise ValueError(f"no HTTP answer but {b' '.join(start)!r}")
    headers = _read_headers(reader)
    if headers.get(b"transfer-encoding") == b"chunked":
        return int(start[1]), _read_chunks(reader)
    return int(start[1]), _read_exactly(reader, int(headers.get(b"content-length", b"0")))


def _read_headers(reader: BufferedReader) -> dict[bytes, bytes]:
    headers = {}
    while (line := reader.readline()) != b"\r\n":
        if not line:
            raise ValueError("the answer ended inside its headers")
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    return headers


def _read_chunks(reader: BufferedReader) -> bytes:
    chunks = []
    while (size := int(reader.readline() or b"x", 16)) > 0:
        chunks.append(_read_exactly(reader, size))
        reader.readline()
    _read_headers(reader)
    return b"".join(chunks)


def _read_exactly(reader: BufferedReader, size: int) -> bytes:
    body = reader.read(size)
    if len(body) < size:
        raise ValueError(f"the answer ended after {len(body)} of {size} bytes")
    return body


def _as_object(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise LinkServerDied(f"link server answered {answer!r} where a JSON object was due")
    return answer


def _proxy(fields: Mapping[str, Any]) -> Proxy:
    return Proxy(
        name=fields["name"],
        listen=fields["listen"],
        upstream=fields["upstream"],
        enabled=fields["enabled"],
        toxics=tuple(_toxic(toxic) for toxic in fields.get("toxics") or ()),
    )


def _toxic(fields: Mapping[str, Any]) -> Toxic:
    return Toxic(
        name=fields["name"],
        type=fields["type"],
        stream=fields["stream"],
        toxicity=fields["toxicity"],
        attributes=fields.get("attributes") or {},
    )


def _error_text(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text or "(no text)"
