"""JSON as Toxiproxy reads and writes it, that is, as Go's encoding/json does.

Reading: the first value of the text counts and the rest is ignored, keys match in any case, unknown keys and null
are passed over, whole numbers must be written as such. Invariant: any bytes give a value or BadJson, whose message
is Go's for what clients get wrong in practice.
"""

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
FLOAT32_DIGITS = 9
"""So many always tell a float32 from its neighbours."""


class BadJson(Exception):
    """The text is no JSON, or not of the types that are wanted."""


class Number(str):
    """A number as it was written."""

    __slots__ = ()


class Object(list[tuple[str, object]]):
    """An object's members in the order of the text, repeated keys included."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A key that is read: how it is spelt, how Go names its place, and its Go type."""

    key: str
    place: str
    type: str


def parse(body: bytes) -> object:
    """Return the first value of a text; numbers as Number, objects as Object.

    Raises:
        BadJson: it is no JSON.

    """
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise BadJson("EOF")
    try:
        value, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as problem:
        raise BadJson(_syntax_error(text, problem)) from problem
    except RecursionError:
        raise BadJson("exceeded max depth") from None
    return value


def read(value: object, fields: Sequence[Field], structure: str) -> dict[str, object]:
    """Return the fields that an object has, by their key as spelt here; the last of a repeated key counts.

    Args:
        value: what `parse` returned; null is an object without members.
        fields: what is looked for.
        structure: Go's name of the whole, for messages.

    Raises:
        BadJson: the first member of a wrong type, or the value is no object.

    """
    if value is None:
        return {}
    if not isinstance(value, Object):
        raise BadJson(f"json: cannot unmarshal {_kind(value)} into Go value of type {structure}")
    wanted = {field.key: field for field in fields}
    found: dict[str, object] = {}
    for key, member in value:
        field = wanted.get(key.casefold())
        if field is not None and member is not None:
            found[field.key] = _READERS.get(field.type, _object)(member, field)
    return found


def write(value: object) -> bytes:
    """Return the text of a value, with the characters escaped that Go escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace")


def _string(member: object, field: Field) -> str:
    if isinstance(member, str) and not isinstance(member, Number):
        return member.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    raise _mismatch(member, field)


def _bool(member: object, field: Field) -> bool:
    if isinstance(member, bool):
        return member
    raise _mismatch(member, field)


def _int(member: object, field: Field) -> int:
    if not isinstance(member, Number):
        raise _mismatch(member, field)
    if re.fullmatch(r"-?[0-9]{1,19}", member) and INT64_MIN <= (number := int(member)) <= INT64_MAX:
        return number
    raise _mismatch(member, field, f"number {member}")


def _float32(member: object, field: Field) -> float:
    if not isinstance(member, Number):
        raise _mismatch(member, field)
    try:
        (number,) = struct.unpack("f", struct.pack("f", float(member)))
    except OverflowError:
        raise _mismatch(member, field, f"number {member}") from None
    if number in (float("inf"), float("-inf")):
        raise _mismatch(member, field, f"number {member}")
    return _shortest(number)


def _shortest(number: float) -> float:
    """Return the number of fewest digits that is the same float32: 0.1, not 0.10000000149011612."""
    for digits in range(1, FLOAT32_DIGITS):
        short = float(f"{number:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short)) == (number,):
            return short
    return float(f"{number:.{FLOAT32_DIGITS}g}")


def _object(member: object, field: Field) -> Object:
    if isinstance(member, Object):
        return member
    raise _mismatch(member, field)


_READERS: Mapping[str, Callable[[object, Field], object]] = {
    "string": _string,
    "bool": _bool,
    "int64": _int,
    "int": _int,
    "float32": _float32,
}


def _mismatch(member: object, field: Field, seen: str = "") -> BadJson:
    seen = seen or _kind(member)
    return BadJson(f"json: cannot unmarshal {seen} into Go struct field {field.place} of type {field.type}")


def _kind(value: object) -> str:
    match value:
        case Number():
            return "number"
        case str():
            return "string"
        case bool():
            return "bool"
        case Object():
            return "object"
        case _:
            return "array"


def _no_constant(word: str) -> object:
    raise json.JSONDecodeError("Expecting value", word, 0)


_DECODER = json.JSONDecoder(
    object_pairs_hook=Object, parse_int=Number, parse_float=Number, parse_constant=_no_constant
)

_AFTER = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}


def _syntax_error(text: str, problem: json.JSONDecodeError) -> str:
    """Say in Go's words what Python found."""
    rest = text[problem.pos :].lstrip(" \t\r\n") if problem.doc == text else problem.doc
    message = problem.msg.removesuffix(": ")
    if not rest or message.startswith("Unterminated string"):
        return "unexpected EOF"
    if message == "Expecting ',' delimiter":
        return f"invalid character {_quoted(rest[0])} after {_container(text[: problem.pos])}"
    offset = 1 if message.startswith("Invalid \\") and len(rest) > 1 else 0
    return f"invalid character {_quoted(rest[offset])} {_AFTER.get(message, message)}"


def _container(before: str) -> str:
    """Tell whether the innermost thing that is open is an object or an array."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", before)
    while bare != (bare := re.sub(r"\{[^{}\[\]]*\}|\[[^{}\[\]]*\]", "", bare)):
        pass
    return "array element" if bare.rfind("[") > bare.rfind("{") else "object key:value pair"


def _quoted(character: str) -> str:
    """Quote as Go's scanner does, which sees bytes."""
    if character in ("'", '"'):
        return r"'\''" if character == "'" else "'\"'"
    first = character.encode("utf-8", "replace")[0]
    if first < 0x20:
        return f"'\\x{first:02x}'" if chr(first) not in "\t\n\r" else repr(character)
    return f"'{chr(first)}'"
