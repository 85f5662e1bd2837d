"""Reads JSON text as the scanner of Go's encoding/json does: the first value counts, the rest is ignored.

Invariants: any bytes give a value or BadJson, in time proportional to their length, at any depth; what
BadJson says is what Go says.
"""

import json
import re
from typing import NoReturn

DEPTH_MAX = 10_000
UNEXPECTED_END = "unexpected EOF"

_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING_PART = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+')
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]*+)?")
_DIGITS = re.compile(rb"[0-9]*+")
_HEX = re.compile(rb"[0-9A-Fa-f]*+")
_WORDS = {b"t": (b"true", True), b"f": (b"false", False), b"n": (b"null", None)}
_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}
_CLOSERS = {True: b"}", False: b"]"}


class BadJson(Exception):
    """The text is no JSON, or not of the types that are wanted; the message is Go's."""


class Number(str):
    """A number as it was written."""

    __slots__ = ()


class Object(list[tuple[str, object]]):
    """An object's members in the order of the text, repeated keys included."""

    __slots__ = ()


def parse(body: bytes) -> object:
    """Return the first value of a text: Object, list, str, Number, bool or None.

    Raises:
        BadJson: it is no JSON.

    """
    return _Scan(body).value()


class _Scan:
    """A text and a position in it; nesting is a list, not recursion, for 10,000 levels are allowed."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0
        self._open: list[Object | list[object]] = []
        self._keys: list[str] = []

    def value(self) -> object:
        self._skip_space()
        if self._at == len(self._body):
            raise BadJson("EOF")
        while True:
            opened, value = self._open_or_scalar()
            if opened:
                continue
            if self._attach(value):
                return self._root

    def _open_or_scalar(self) -> tuple[bool, object]:
        """Read a scalar or an empty container, or enter one; tell whether one was entered."""
        byte = self._byte()
        if byte not in (b"{", b"["):
            return False, self._scalar(byte)
        if len(self._open) == DEPTH_MAX:
            self._fail("exceeded max depth")
        container: Object | list[object] = Object() if byte == b"{" else []
        self._step_over()
        if self._byte() == _CLOSERS[byte == b"{"]:
            self._at += 1
            return False, container
        self._open.append(container)
        if byte == b"{":
            self._key()
        return True, None

    def _attach(self, value: object) -> bool:
        """Put a finished value where it belongs; return True when all is finished, False before the next."""
        while self._open:
            container = self._open[-1]
            is_object = isinstance(container, Object)
            container.append((self._keys.pop(), value) if is_object else value)  # type: ignore[arg-type]
            self._skip_space()
            if self._byte() == b",":
                self._step_over()
                if is_object:
                    self._key()
                return False
            if self._byte() != _CLOSERS[is_object]:
                self._fail("after object key:value pair" if is_object else "after array element")
            self._at += 1
            value = self._open.pop()
        self._root = value
        return True

    def _key(self) -> None:
        if self._byte() != b'"':
            self._fail("looking for beginning of object key string")
        self._keys.append(self._string())
        self._skip_space()
        if self._byte() != b":":
            self._fail("after object key")
        self._step_over()

    def _scalar(self, byte: bytes) -> object:
        if byte == b'"':
            return self._string()
        if byte in _WORDS:
            return self._word(*_WORDS[byte])
        if byte != b"-" and not byte.isdigit():
            self._fail("looking for beginning of value")
        return self._number()

    def _string(self) -> str:
        start = self._at
        self._match(_STRING_PART, start + 1)
        if self._byte() != b'"':
            self._fail_in_string()
        self._at += 1
        raw = self._body[start : self._at].decode("utf-8", "replace")
        if "\\" not in raw:
            return raw[1:-1]
        text: str = json.loads(raw)
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _fail_in_string(self) -> NoReturn:
        if self._byte() != b"\\":
            self._fail("in string literal")
        self._at += 1
        if self._byte() != b"u":
            self._fail("in string escape code")
        self._match(_HEX, self._at + 1)
        self._fail("in \\u hexadecimal character escape")

    def _word(self, word: bytes, value: object) -> object:
        for letter in word:
            if self._byte() != bytes([letter]):
                self._fail(f"in literal {word.decode()} (expecting '{chr(letter)}')")
            self._at += 1
        return value

    def _number(self) -> Number:
        start = self._at
        self._match(_INTEGER, start)
        if not self._body[self._at - 1 : self._at].isdigit():
            self._fail("in numeric literal")
        if self._peek() == b".":
            self._digits(self._at + 1, "after decimal point in numeric literal")
        if self._peek() in (b"e", b"E"):
            self._at += 1
            signed = self._byte() in (b"+", b"-")
            self._digits(self._at + signed, "in exponent of numeric literal")
        return Number(self._body[start : self._at].decode())

    def _digits(self, start: int, context: str) -> None:
        self._match(_DIGITS, start)
        if self._at == start:
            self._fail(context)

    def _match(self, pattern: re.Pattern[bytes], start: int) -> None:
        """Go to where the pattern, which also matches nothing, ends."""
        matched = pattern.match(self._body, start)
        self._at = matched.end() if matched else start

    def _skip_space(self) -> None:
        self._match(_SPACE, self._at)

    def _step_over(self) -> None:
        self._at += 1
        self._skip_space()

    def _peek(self) -> bytes:
        return self._body[self._at : self._at + 1]

    def _byte(self) -> bytes:
        """Return the byte here. Raises BadJson where the text ends."""
        if self._at >= len(self._body):
            raise BadJson(UNEXPECTED_END)
        return self._body[self._at : self._at + 1]

    def _fail(self, context: str) -> NoReturn:
        raise BadJson(f"invalid character {_quoted(self._byte()[0])} {context}")


def _quoted(byte: int) -> str:
    """Quote a byte as Go's quoteChar does: as the character of that number."""
    character = chr(byte)
    if character in "'\"":
        return "'\\''" if character == "'" else "'\"'"
    if character in _ESCAPES:
        return f"'{_ESCAPES[character]}'"
    if character.isprintable():
        return f"'{character}'"
    return f"'\\x{byte:02x}'" if byte < 0x80 else f"'\\u{byte:04x}'"
