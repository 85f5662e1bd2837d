"""One HTTP request as the APIs see it, read once out of a WSGI environment.

Invariant: reading raises only `NodeError`s; the body is read once and never beyond the limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from nodecore.errors import BadRequest, NodeError
from nodecore.web.at_once import AT_ONCE, INSTANCES_MAX, MustWait

FIELDS_MAX = 1000
"""Nacos' largest call has some dozens; a million of `a&a&a` would only burn time."""

_FORM = "application/x-www-form-urlencoded"


class TooLarge(NodeError):
    """The body is over the node's limit."""

    status = 413


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Method, path, parameters and body of one request."""

    method: str
    path: str
    environ: Mapping[str, Any]
    body_bytes_max: int

    def header(self, name: str) -> str | None:
        """Return a header's value, None when it is absent."""
        value = self.environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        return value if isinstance(value, str) else None

    @property
    def may_wait(self) -> bool:
        """Whether a thread of its own answers it, and not the loop for all."""
        return not self.environ.get(AT_ONCE, False)

    def leave_if_long(self, instances: int) -> None:
        """Leave a long answer to a thread.

        Raises:
            MustWait: the loop asks, and the answer has this many instances.
        """
        if instances > INSTANCES_MAX and not self.may_wait:
            raise MustWait

    @property
    def agent(self) -> str:
        """The client's User-Agent."""
        return self.header("User-Agent") or ""

    @property
    def remote_ip(self) -> str:
        """Where the connection comes from: behind a link that is the link, not the client."""
        return str(self.environ.get("REMOTE_ADDR") or "")

    @property
    def body_bytes(self) -> int:
        """How long the body says it is; 0 when it does not say so in digits."""
        text = self.environ.get("CONTENT_LENGTH") or "0"
        return int(text[:18]) if text.isascii() and text.isdigit() else 0

    def body(self) -> bytes:
        """Read the body; call it once.

        Raises:
            TooLarge: it is longer than the node takes.
            BadRequest: Content-Length is not a number, or says more than came.
        """
        length = self._content_length()
        if length > self.body_bytes_max:
            raise TooLarge(f"the body has {length} bytes, the limit is {self.body_bytes_max}")
        body: bytes = self.environ["wsgi.input"].read(length) if length else b""
        if len(body) < length:
            raise BadRequest(f"the body ended after {len(body)} of {length} bytes")
        return body

    def parameters(self) -> dict[str, str]:
        """Return the parameters of query and form body; where both name one, the query's first value wins.

        Raises:
            BadRequest: text that is not UTF-8, or too many parameters.
            TooLarge: the body is longer than the node takes.
        """
        found = self.query_parameters()
        for name, value in _pairs(self._form(), "form body"):
            found.setdefault(name, value)
        return found

    def query_parameters(self) -> dict[str, str]:
        """Return the parameters of the query alone; the body stays unread.

        Raises:
            BadRequest: as `parameters`.
        """
        text = self.environ.get("QUERY_STRING", "").encode("latin-1", "replace")
        found: dict[str, str] = {}
        for name, value in _pairs(text, "query"):
            found.setdefault(name, value)
        return found

    def _form(self) -> bytes:
        kind = self.environ.get("CONTENT_TYPE") or _FORM
        return self.body() if kind.partition(";")[0].strip().lower() == _FORM else b""

    def _content_length(self) -> int:
        text = self.environ.get("CONTENT_LENGTH") or "0"
        if not (text.isascii() and text.isdigit()):
            raise BadRequest(f"Content-Length {text[:40]!r} is not a number")
        return self.body_bytes


def _pairs(text: bytes, source: str) -> list[tuple[str, str]]:
    """Go clients send bodies and queries unescaped, so raw UTF-8 is as good as percent-encoded."""
    if not text:
        return []
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except UnicodeDecodeError as error:
        raise BadRequest(f"the {source} is not UTF-8: byte {error.start} of a parameter") from error
    except ValueError as error:
        raise BadRequest(f"the {source} has more than {FIELDS_MAX} parameters") from error
