"""JSON as Toxiproxy reads and writes it, that is, as Go's encoding/json does, once it is scanned.

Reading: keys match in any case, unknown keys and null are passed over, whole numbers must be written as such.
Invariant: a value gives what was looked for, or BadJson with Go's words for the first member of a wrong type.
"""

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from harness.links.embedded.golang_scan import BadJson, Number, Object

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
FLOAT32_DIGITS = 9
"""So many always tell a float32 from its neighbours."""

_ESCAPED = re.compile("[<>&\u2028\u2029]")

SMALLEST_PLAIN, LARGEST_PLAIN = 1e-6, 1e21
"""Outside of these Go writes numbers with an exponent."""


@dataclass(frozen=True, slots=True)
class Field:
    """A key that is read: how it is spelt, how Go names its place, and its Go type."""

    key: str
    place: str
    type: str


def read(value: object, fields: Sequence[Field], structure: str) -> dict[str, object]:
    """Return the fields that an object has, by their key as spelt here; the last of a repeated key counts.

    Args:
        value: what was scanned; null is an object without members.
        fields: what is looked for.
        structure: Go's name of the whole, for messages.

    Raises:
        BadJson: for the first member of a wrong type, or the value is no object.

    """
    if value is None:
        return {}
    if not isinstance(value, Object):
        raise BadJson(f"json: cannot unmarshal {kind(value)} into Go value of type {structure}")
    wanted = {field.key: field for field in fields}
    found: dict[str, object] = {}
    for key, member in value:
        field = wanted.get(key.casefold())
        if field is not None and member is not None:
            found[field.key] = _READERS.get(field.type, _object)(member, field, found.get(field.key))
    return found


def write(value: object) -> str:
    """Return the text of a value of dicts, lists and scalars, with the characters escaped that Go escapes."""
    match value:
        case dict():
            return "{" + ",".join(f"{write(key)}:{write(member)}" for key, member in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(write(member) for member in value) + "]"
        case str():
            return _ESCAPED.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(value, ensure_ascii=False))
        case float():
            return _write_float(value)
        case _:
            return json.dumps(value)


def kind(value: object) -> str:
    """Return what Go calls a value of JSON."""
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


def _string(member: object, field: Field, _before: object) -> str:
    if isinstance(member, str) and not isinstance(member, Number):
        return member
    raise _mismatch(member, field)


def _bool(member: object, field: Field, _before: object) -> bool:
    if isinstance(member, bool):
        return member
    raise _mismatch(member, field)


def _int(member: object, field: Field, _before: object) -> int:
    if not isinstance(member, Number):
        raise _mismatch(member, field)
    if re.fullmatch(r"-?[0-9]{1,19}", member) and INT64_MIN <= (number := int(member)) <= INT64_MAX:
        return number
    raise _mismatch(member, field, f"number {member}")


def _float32(member: object, field: Field, _before: object) -> float:
    if not isinstance(member, Number):
        raise _mismatch(member, field)
    number = float(member)
    try:
        (single,) = struct.unpack("f", struct.pack("f", number))
    except OverflowError:
        single = float("inf")
    if single in (float("inf"), float("-inf")):
        raise _mismatch(member, field, f"number {member}")
    return _shortest(single)


def _object(member: object, field: Field, before: object) -> Object:
    """Return an object, after the members of one that had the same key: Go merges them."""
    if not isinstance(member, Object):
        raise _mismatch(member, field)
    return Object([*(before if isinstance(before, Object) else ()), *member])


_READERS: Mapping[str, Callable[[object, Field, object], object]] = {
    "string": _string,
    "bool": _bool,
    "int64": _int,
    "int": _int,
    "float32": _float32,
}


def _shortest(number: float) -> float:
    """Return the number of fewest digits that is the same float32: 0.1, not 0.10000000149011612."""
    for digits in range(1, FLOAT32_DIGITS):
        short = float(f"{number:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short)) == (number,):
            return short
    return float(f"{number:.{FLOAT32_DIGITS}g}")


def _write_float(number: float) -> str:
    if number and not SMALLEST_PLAIN <= abs(number) < LARGEST_PLAIN:
        return repr(number).replace("e-0", "e-")
    return format(Decimal(repr(number)).normalize(), "f")


def _mismatch(member: object, field: Field, seen: str = "") -> BadJson:
    seen = seen or kind(member)
    return BadJson(f"json: cannot unmarshal {seen} into Go struct field {field.place} of type {field.type}")
