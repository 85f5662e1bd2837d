"""Reads typed values out of bytes that somebody else wrote.

Invariant: every function returns what its name says or raises `Malformed` with one sentence; strings
that come out can always be encoded again (no lone surrogates).
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from nodecore.core.records import Metadata
from nodecore.errors import Malformed

JSON_TYPE = "application/json;charset=UTF-8"
TEXT_TYPE = "text/plain;charset=UTF-8"


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_BLANK = re.compile(r"[ \t\n\r]*")


def dump(value: object) -> bytes:
    """Return `value` as compact UTF-8 JSON."""
    return _ENCODER.encode(value).encode()


def load(body: bytes | str, what: str) -> Any:
    """Parse JSON; `what` names the document in the error. NaN and Infinity are no JSON."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{what} is not JSON: {_first_line(error)}") from error


def load_entries(body: bytes, what: str) -> Iterator[tuple[str, Any]]:
    """Parse a JSON object entry by entry: of a large one no more is in memory at a time than one value.

    A name that stands twice comes twice.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        yield from _entries(text)
    except (ValueError, RecursionError, IndexError) as error:
        load_object(body, what)  # says what is wrong, and where
        raise Malformed(f"{what} is not JSON: {_first_line(error)}") from error


def load_object(body: bytes | str, what: str) -> Mapping[str, Any]:
    """Parse a JSON object."""
    return as_object(load(body, what), what)


def as_object(value: object, what: str) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object."""
    if not isinstance(value, dict):
        raise Malformed(f"{what} must be a JSON object, not {_kind(value)}")
    return value


def as_text(value: object, what: str) -> str:
    """Return `value` if it is a string that UTF-8 can carry."""
    if not isinstance(value, str):
        raise Malformed(f"{what} must be a string, not {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"{what} holds half of a surrogate pair, which is no text") from error
    return value


def as_number(value: object, what: str) -> float:
    """Return `value` as a finite float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{what} must be a number, not {_kind(value)}")
    try:
        number = float(value)
    except OverflowError as error:
        raise Malformed(f"{what} is too large a number") from error
    if not math.isfinite(number):
        raise Malformed(f"{what} must be a finite number")
    return number


def as_integer(value: object, what: str) -> int:
    """Return `value` if it is an integer; digits in a string count (Jackson takes them too)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"{what} must be an integer, not {_kind(value)}")
    return value


def as_flag(value: object, what: str) -> bool:
    """Return `value` if it is true or false."""
    if not isinstance(value, bool):
        raise Malformed(f"{what} must be true or false, not {_kind(value)}")
    return value


def as_metadata(value: object, what: str) -> Metadata:
    """Return a JSON object of scalars as sorted pairs; null is left out, as Nacos omits it."""
    pairs = as_object(value, what)
    return tuple(
        sorted(
            (as_text(name, f"a name in {what}"), _scalar_text(item, f"{what}.{name}"))
            for name, item in pairs.items()
            if item is not None
        )
    )


def _entries(text: str) -> Iterator[tuple[str, Any]]:
    at = _after(text, 0, "{")
    more = text[at] != "}"
    while more:
        name, end = _DECODER.raw_decode(text, at)
        if not isinstance(name, str):
            raise ValueError("a name must be a string")  # noqa: TRY004  as of all that is no JSON
        value, end = _DECODER.raw_decode(text, _after(text, end, ":"))
        yield name, value
        at = _blank(text, end)
        more = text[at] == ","
        at = _blank(text, at + 1) if more else at
    if _after(text, at, "}") != len(text):
        raise ValueError("there is more after the end")


def _after(text: str, at: int, mark: str) -> int:
    """Return where it goes on after a mark that has to come next, and the blanks around it."""
    at = _blank(text, at)
    if text[at] != mark:
        raise ValueError(f"{mark} expected")
    return _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _scalar_text(value: object, what: str) -> str:
    if isinstance(value, str):
        return as_text(value, what)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(as_number(value, what)) if isinstance(value, float) else _integer_text(value, what)
    raise Malformed(f"{_safe(what)} must be a string, not {_kind(value)}")


def _integer_text(value: int, what: str) -> str:
    try:
        return str(value)
    except ValueError as error:
        raise Malformed(f"{_safe(what)} is too long a number") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed in JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _safe(text: str) -> str:
    return text.encode(errors="replace").decode()


def _first_line(error: BaseException) -> str:
    return _safe(str(error).partition("\n")[0])[:120]
