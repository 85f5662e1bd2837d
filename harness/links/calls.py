"""The calls that change one proxy of a link server, as values that a batch carries.

Invariant: what a call sends is what Toxiproxy 2.12 takes: its attributes are whole numbers, for it refuses
`100.0`, and an attribute that it does not know it would ignore without a word.
"""

from collections.abc import Mapping

from harness.links.api import Call, Toxic

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "latency": ("latency", "jitter"),
    "bandwidth": ("rate",),
    "slow_close": ("delay",),
    "timeout": ("timeout",),
    "reset_peer": ("timeout",),
    "slicer": ("average_size", "size_variation", "delay"),
    "limit_data": ("bytes",),
    "noop": (),
}
"""Every type of toxic of 2.12 and what it takes: milliseconds, KB/s of 1000 bytes, bytes, microseconds."""

LEAST: Mapping[tuple[str, str], int] = {
    ("bandwidth", "rate"): 0,
    ("slicer", "average_size"): 1,
    ("slicer", "size_variation"): 0,
}
"""Below these Toxiproxy 2.12 crashes, with all its proxies; what is not named is 0."""


def add_toxic(proxy: str, toxic: Toxic) -> Call:
    """Return the call that adds a toxic to a proxy.

    Raises:
        ValueError: a type or an attribute that Toxiproxy 2.12 does not know, a value that is no whole
            number, or one that would crash it.

    """
    if toxic.type not in ATTRIBUTES:
        raise ValueError(f"no toxic is of type {toxic.type!r}; right would be one of {', '.join(ATTRIBUTES)}")
    body = {
        "name": toxic.name,
        "type": toxic.type,
        "stream": toxic.stream,
        "toxicity": toxic.toxicity,
        "attributes": _checked(toxic.type, toxic.attributes, unnamed=0),
    }
    return Call("POST", f"/proxies/{proxy}/toxics", body)


def update_toxic(proxy: str, toxic: Toxic) -> Call:
    """Return the call that gives a toxic other attributes and another toxicity, by its name.

    Attributes that are not named keep their values. Nothing is closed and nothing held is lost, but each
    connection rolls again whether the toxic acts on it. Raises what `add_toxic` raises.
    """
    body = {"toxicity": toxic.toxicity, "attributes": _checked(toxic.type, toxic.attributes, unnamed=None)}
    return Call("PATCH", f"/proxies/{proxy}/toxics/{toxic.name}", body)


def remove_toxic(proxy: str, name: str) -> Call:
    """Return the call that removes a toxic; removing a `timeout` closes every connection of its stream."""
    return Call("DELETE", f"/proxies/{proxy}/toxics/{name}")


def enable(proxy: str, *, enabled: bool) -> Call:
    """Return the call that opens a proxy, or closes it and every connection through it."""
    return Call("PATCH", f"/proxies/{proxy}", {"enabled": enabled})


def delete_proxy(name: str) -> Call:
    """Return the call that ends a proxy, its connections and its toxics."""
    return Call("DELETE", f"/proxies/{name}")


def _checked(type_: str, attributes: Mapping[str, object], *, unnamed: int | None) -> dict[str, object]:
    """Return the attributes; `unnamed` is what the server takes for those that are left out."""
    for name, value in attributes.items():
        if name not in ATTRIBUTES[type_]:
            raise ValueError(
                f"a {type_} toxic has no {name!r}; right would be one of {', '.join(ATTRIBUTES[type_])}"
            )
        if type(value) is not int:
            raise ValueError(f"{name} of a {type_} toxic is {value!r}; right would be a whole number")
    for (owner, name), least in LEAST.items():
        value = attributes.get(name, unnamed)
        if owner == type_ and isinstance(value, int) and value < least:
            raise ValueError(f"{name} of a {type_} toxic is {value}: it would crash Toxiproxy 2.12")
    return dict(attributes)
