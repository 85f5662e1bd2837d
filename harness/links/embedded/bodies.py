"""What the bodies of calls say: new proxies, new toxics, changes of either.

Invariant: what is returned can be acted on. Names of structures and types are Go's, for they stand in
Toxiproxy's error messages.
"""

from collections.abc import Container, Mapping
from contextlib import suppress

from harness.links.embedded.addresses import BadAddress, dial_addresses, listen_address
from harness.links.embedded.golang_json import Field, kind, read
from harness.links.embedded.golang_scan import BadJson, Object, parse
from harness.links.embedded.kinds import KINDS, Told, check

PROXY_FIELDS = (
    Field("name", "Proxy.name", "string"),
    Field("listen", "Proxy.listen", "string"),
    Field("upstream", "Proxy.upstream", "string"),
    Field("enabled", "Proxy.enabled", "bool"),
    Field("logger", "Proxy.Logger", "zerolog.Logger"),
)
POPULATE_FIELDS = tuple(
    Field(field.key, ".enabled" if field.key == "enabled" else f".{field.place}", field.type)
    for field in PROXY_FIELDS
)
TOXIC_FIELDS = (
    Field("attributes", "ToxicWrapper.attributes", "toxics.NoopToxic"),
    Field("name", "ToxicWrapper.name", "string"),
    Field("type", "ToxicWrapper.type", "string"),
    Field("stream", "ToxicWrapper.stream", "string"),
    Field("toxicity", "ToxicWrapper.toxicity", "float32"),
)
POPULATE_ENTRY = r'struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }'
TOXIC_UPDATE = (
    r'struct { Attributes interface {} "json:\"attributes\""; Toxicity float32 "json:\"toxicity\"" }'
)


class Refused(Exception):
    """A call that is answered with an error: its status and sentence."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


def proxy_fields(body: bytes) -> dict[str, object]:
    """Return what a body says of one proxy. Raises BadJson."""
    return read(parse(body), PROXY_FIELDS, "toxiproxy.Proxy")


def populate_entries(body: bytes) -> list[dict[str, object]]:
    """Return what a body says of each of several proxies. Raises BadJson."""
    value = parse(body)
    if value is None:
        return []
    if not isinstance(value, list) or isinstance(value, Object):
        raise BadJson(f"json: cannot unmarshal {kind(value)} into Go value of type []{POPULATE_ENTRY}")
    return [read(entry, POPULATE_FIELDS, POPULATE_ENTRY) for entry in value]


def check_addresses(listen: str, upstream: str) -> None:
    """Refuse other machines' addresses.

    What cannot be read at all is Toxiproxy's to refuse, which does so when it is to listen, or dial.

    Raises:
        NotLoopback: says what would be right.

    """
    with suppress(BadAddress):
        listen_address(listen)
    with suppress(BadAddress):
        dial_addresses(upstream)


def new_toxic(body: bytes, taken: Container[str]) -> Told:
    """Return the toxic that a body asks for.

    Args:
        body: of the call.
        taken: names of the proxy's toxics.

    Raises:
        BadJson: it is no JSON, or of other types.
        BadAttributes: what it is told would crash Toxiproxy.
        Refused: no such type or stream, or the name is taken.

    """
    fields = read(parse(body), TOXIC_FIELDS, "toxics.ToxicWrapper")
    type_, stream = str(fields.get("type", "")), str(fields.get("stream", "downstream"))
    if stream.lower() not in ("upstream", "downstream"):
        raise Refused(400, "stream was invalid, can be either upstream or downstream")
    if type_ not in KINDS:
        raise Refused(400, "invalid toxic type")
    name = str(fields.get("name", "")) or f"{type_}_{stream}"
    if name in taken:
        raise Refused(409, "toxic already exists")
    attributes = dict.fromkeys(KINDS[type_].attributes, 0) | _attributes(fields, type_)
    check(type_, attributes)
    return Told(name=name, type=type_, stream=stream, toxicity=_toxicity(fields, 1.0), attributes=attributes)


def update_toxic(body: bytes, told: Told) -> None:
    """Have a toxic told what a body says; what it does not name stays. Raises BadJson, BadAttributes."""
    fields = (
        Field("attributes", ".attributes", f"toxics.{told.kind.structure}"),
        Field("toxicity", ".toxicity", "float32"),
    )
    update = read(parse(body), fields, TOXIC_UPDATE)
    attributes = told.attributes | _attributes(update, told.type)
    check(told.type, attributes)
    told.attributes.update(attributes)  # in place: toxics at work share them
    told.toxicity = _toxicity(update, told.toxicity)


def _toxicity(fields: Mapping[str, object], default: float) -> float:
    toxicity = fields.get("toxicity", default)
    return toxicity if isinstance(toxicity, float) else default


def _attributes(fields: Mapping[str, object], type_: str) -> dict[str, int]:
    of = KINDS[type_]
    wanted = [Field(name, f"{of.structure}.attributes.{name}", of.attribute_type) for name in of.attributes]
    found = read(fields.get("attributes"), wanted, of.structure)
    return {name: number for name, number in found.items() if isinstance(number, int)}
