"""The checksum by which verify compares two instance lists (reference nacos-1.4.md 1.6, observed 9).

Invariant: it depends on what is in the list only, never on its order, and equals what Nacos computes.
"""

import hashlib
import math
from decimal import Decimal

from nodecore.core.records import Instance, Instances
from nodecore.core.ring import utf_16_units


def checksum(instances: Instances) -> str:
    """Return the md5 of a list, in lower-case hex."""
    ordered = sorted(instances.instances, key=_sort_key)
    text = "".join([f"{_described(instance)}," for instance in ordered])
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def java_double(value: float) -> str:
    """Return a double as Java's Double.toString prints it: `1.0`, `1.0E7`, `1.0E-4`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(float(value))
    sign, digits, _ = Decimal(repr(value)).normalize().as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{Decimal(repr(value)).adjusted()}"


def _described(instance: Instance) -> str:
    metadata = "".join([f"{name}:{value}," for name, value in sorted(instance.metadata)])
    return (
        f"{instance.ip}:{instance.port}_{java_double(instance.weight)}_{_java_bool(instance.healthy)}"
        f"_{_java_bool(instance.enabled)}_{instance.cluster}_{metadata}"
    )


def _sort_key(instance: Instance) -> str:
    # A port of 0 or less is left out here, though not in the text that is hashed (observed, surprise 9).
    address = f"{instance.ip}:{instance.port}" if instance.port > 0 else instance.ip
    state = f"{java_double(instance.weight)}_{_java_bool(instance.healthy)}_{_java_bool(instance.marked)}"
    text = f"{address}:unknown:{instance.cluster}_{state}_{instance.cluster}"
    return text if text.isascii() else "".join(map(chr, utf_16_units(text)))  # Java compares by UTF-16 unit


def _java_bool(value: bool) -> str:
    return "true" if value else "false"
