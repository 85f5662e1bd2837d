"""HTTP/1.x as Go's server reads and writes it: bytes in, requests out, without a socket.

Invariant: any bytes give requests, the wish for more, or Malformed with the answer that Go gives before it
closes; what is kept of an unfinished request is bounded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

HEAD_MAX_BYTES = (1 << 20) + 4096
BODY_MAX_BYTES = 8 << 20

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ \x00-\x1f\x7f]+) HTTP/([0-9])\.([0-9])")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")


class Malformed(Exception):
    """No request can follow: the status to answer, and the text."""

    def __init__(self, status: int, detail: str = "", body: str = "") -> None:
        self.reason = HTTPStatus(status).phrase + (f": {detail}" if detail else "")
        self.status = status
        self.body = body or f"{status} {self.reason}"
        super().__init__(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, its body whole."""

    method: str
    path: str
    minor: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection is to stay open after the answer."""
        words = {word.strip().lower() for word in self.headers.get("connection", "").split(",")}
        return "keep-alive" in words if self.minor == 0 else "close" not in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered; a `content_type` of "" goes with an empty body."""

    status: int
    content_type: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Parser:
    """Takes bytes as they come and gives requests, one after another."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._head: Request | None = None
        self.expects_continue = False

    @property
    def is_empty(self) -> bool:
        """Whether no request has begun."""
        return not self._buffer and self._head is None

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._buffer += data

    def next(self) -> Request | None:
        """Return the next request, if it has come in whole.

        Raises:
            Malformed: it is none; nothing more can be read.

        """
        if self._head is None:
            self._head = self._take_head()
            if self._head is None:
                return None
        body = self._take_body(self._head)
        if body is None:
            return None
        head, self._head, self.expects_continue = self._head, None, False
        return Request(method=head.method, path=head.path, minor=head.minor, headers=head.headers, body=body)

    def _take_head(self) -> Request | None:
        found = _HEAD_END.search(self._buffer, max(0, self._searched - 3))
        if found is None:
            self._searched = len(self._buffer)
            if len(self._buffer) > HEAD_MAX_BYTES:
                raise Malformed(431)
            return None
        head = _read_head(bytes(self._buffer[: found.start()]))
        del self._buffer[: found.end()]
        self._searched = 0
        self.expects_continue = head.headers.get("expect", "").lower() == "100-continue"
        return head

    def _take_body(self, head: Request) -> bytes | None:
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._take_chunks()
        size = int(head.headers.get("content-length") or "0")
        if size > BODY_MAX_BYTES:
            raise Malformed(413)
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return body

    def _take_chunks(self) -> bytes | None:
        """Return the body if its last chunk is there; else look again from its start when more has come."""
        if len(self._buffer) > BODY_MAX_BYTES:
            raise Malformed(413)
        body, position = bytearray(), 0
        while (line := _LINE_END.search(self._buffer, position)) is not None:
            size_line = _CHUNK_SIZE.fullmatch(self._buffer, position, line.start())
            if size_line is None:
                raise Malformed(400)
            size = int(size_line[1], 16)
            if size == 0:
                return self._end_chunks(bytes(body), line.end())
            if len(self._buffer) < line.end() + size + 2:
                return None
            body += self._buffer[line.end() : line.end() + size]
            if (end := _LINE_END.match(self._buffer, line.end() + size)) is None:
                raise Malformed(400)
            position = end.end()
        return None

    def _end_chunks(self, body: bytes, position: int) -> bytes | None:
        """Pass over the trailers after the last chunk."""
        while (line := _LINE_END.search(self._buffer, position)) is not None:
            if line.start() == position:
                del self._buffer[: line.end()]
                return body
            position = line.end()
        return None


def encode(answer: Answer, *, minor: int, date: str, closes: bool, is_head: bool = False) -> bytes:
    """Return the bytes of an answer.

    Args:
        answer: what is said.
        minor: of the request's HTTP/1.x.
        date: of the Date header.
        closes: whether the connection ends with it.
        is_head: whether the request was a HEAD, so that nothing but the head is sent.

    """
    lines = [f"HTTP/1.{min(minor, 1)} {answer.status} {HTTPStatus(answer.status).phrase}"]
    if answer.content_type:
        lines.append(f"Content-Type: {answer.content_type}")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines.append(f"Date: {date}")
    if answer.status != 204 and not is_head:
        lines.append(f"Content-Length: {len(answer.body)}")
    if closes or minor == 0:
        lines.append(f"Connection: {'close' if closes else 'keep-alive'}")
    head = "\r\n".join([*lines, "\r\n"]).encode("utf-8")
    return head if is_head else head + answer.body


def encode_malformed(problem: Malformed) -> bytes:
    """Return the bytes of the last answer on a connection that speaks no HTTP."""
    head = (
        f"HTTP/1.1 {problem.status} {problem.reason}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    )
    return (head + problem.body).encode()


def _read_head(head: bytes) -> Request:
    first, *lines = _LINE_END.split(head)
    matched = _REQUEST_LINE.fullmatch(first)
    if matched is None:
        raise Malformed(400)
    method, target, major, minor = (group.decode("latin-1") for group in matched.groups())
    headers = _read_headers(lines)
    if major != "1":
        raise Malformed(505, "unsupported protocol version")
    if minor != "0" and "host" not in headers:
        raise Malformed(400, "missing required Host header")
    encoding = headers.get("transfer-encoding", "chunked").lower()
    if encoding != "chunked":
        raise Malformed(501, body="Unsupported transfer encoding")
    return Request(method=method, path=_path(target), minor=int(minor), headers=headers)


def _read_headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        raw_name, colon, raw_value = line.partition(b":")
        if not colon:
            raise Malformed(400)
        if not _NAME.fullmatch(raw_name):
            raise Malformed(400, "invalid header name")
        if _BAD_VALUE.search(raw_value):
            raise Malformed(400, "invalid header value")
        name, value = raw_name.decode("ascii").lower(), raw_value.strip(b" \t").decode("latin-1")
        if name == "content-length" and not re.fullmatch(r"[0-9]{1,18}", value):
            raise Malformed(400)
        if name == "host" and name in headers:
            raise Malformed(400)
        if name == "content-length" and headers.get(name, value) != value:
            raise Malformed(400)
        headers.setdefault(name, value)
    return headers


def _path(target: str) -> str:
    """Return the path of a request target, unescaped."""
    raw = re.sub(r"^https?://[^/?]*", "", target.encode("latin-1").decode("utf-8", "replace"))
    raw = raw.partition("?")[0]
    if _BAD_ESCAPE.search(raw) or not (raw.startswith(("/", "*")) or raw != target):
        raise Malformed(400)
    return unquote(raw, errors="replace")
