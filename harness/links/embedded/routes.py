"""The API's calls: which path and method does what, and what is answered to mistakes.

Invariant: every call has an answer; a client's mistake is a 4xx with a sentence, and changes nothing. Statuses,
bodies and content types are Toxiproxy 2.12's (reference/toxiproxy.md, 1.2).
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from secrets import token_hex

from harness.links.embedded import golang_json
from harness.links.embedded.addresses import BadAddress, NotLoopback, dial_addresses, listen_address
from harness.links.embedded.golang_json import BadJson, Field
from harness.links.embedded.http import Answer, Request
from harness.links.embedded.kinds import KINDS, BadAttributes, Told, check
from harness.links.embedded.loop import Loop
from harness.links.embedded.proxy import CannotListen, Proxy

BACKEND = "embedded"
TOXIPROXY_VERSION = "2.12.0"
"""Whose behaviour this is."""

JSON = "application/json"
PLAIN = "text/plain; charset=utf-8"
NO_SNIFF = ("X-Content-Type-Options", "nosniff")
NOT_FOUND = Answer(status=404, content_type=PLAIN, body=b"404 page not found\n", headers=(NO_SNIFF,))
NO_BROWSERS = Answer(status=403, content_type=PLAIN, body=b"User agent not allowed\n", headers=(NO_SNIFF,))
NOT_ALLOWED = Answer(status=405)
DONE = Answer(status=204)

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


class Routes:
    """All proxies, and the calls that act on them.

    Args:
        loop: of their sockets.
        seed: of what befalls their connections.

    """

    def __init__(self, loop: Loop, seed: int) -> None:
        self._loop = loop
        self._seed = seed
        self._proxies: dict[str, Proxy] = {}
        self._prefix = token_hex(6)
        self._numbers = count()

    def answer(self, request: Request) -> Answer:
        """Do what a request asks for, and say what came of it."""
        if request.path == "*" and request.method == "OPTIONS":
            return Answer(status=200)
        clean = _clean(request.path)
        if clean != request.path:
            return Answer(status=301, headers=(("Location", clean),))
        found = self._route(request.path)
        if found is None:
            return NOT_FOUND
        methods, names = found
        call = methods.get(request.method)
        if call is None:
            return NOT_ALLOWED
        return self._numbered(self._checked(call, names, request))

    def close(self) -> None:
        """Stop every proxy."""
        for proxy in self._proxies.values():
            proxy.stop()

    def _route(self, path: str) -> "tuple[Mapping[str, _Call], Sequence[str]] | None":
        """Return what a path can be asked for, and the names in it."""
        match path.split("/")[1:]:
            case ["version"]:
                return {"GET": self._version}, ()
            case ["reset"]:
                return {"POST": self._reset}, ()
            case ["populate"]:
                return {"POST": self._populate}, ()
            case ["proxies"]:
                return {"GET": self._list, "POST": self._create}, ()
            case ["proxies", proxy] if proxy:
                changes = {"POST": self._update, "PATCH": self._update, "DELETE": self._delete}
                return {"GET": self._show, **changes}, (proxy,)
            case ["proxies", proxy, "toxics"] if proxy:
                return {"GET": self._toxics, "POST": self._add_toxic}, (proxy,)
            case ["proxies", proxy, "toxics", toxic] if proxy and toxic:
                on_toxic = {"POST": self._update_toxic, "PATCH": self._update_toxic}
                return {"GET": self._toxic, "DELETE": self._remove_toxic, **on_toxic}, (proxy, toxic)
        return None

    def _checked(self, call: "_Call", names: Sequence[str], request: Request) -> Answer:
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            return NO_BROWSERS
        try:
            return call(request.body, *names)
        except Refused as refused:
            return _error(refused)
        except (BadJson, NotLoopback, BadAttributes, CannotListen, BadAddress) as problem:
            return _error(_refusal(problem))

    def _numbered(self, answer: Answer) -> Answer:
        request_id = ("X-Toxiproxy-Request-Id", f"{self._prefix}{next(self._numbers):08x}")
        return Answer(
            status=answer.status,
            content_type=answer.content_type,
            body=answer.body,
            headers=(*answer.headers, request_id),
        )

    def _version(self, _body: bytes) -> Answer:
        told = golang_json.write({"version": TOXIPROXY_VERSION, "backend": BACKEND})
        return Answer(status=200, content_type=f"{JSON};charset=utf-8", body=told + b"\n")

    def _reset(self, _body: bytes) -> Answer:
        for proxy in self._proxies.values():
            proxy.start()
            for told in proxy.toxics:
                proxy.remove_toxic(told)
        return DONE

    def _list(self, _body: bytes) -> Answer:
        return _json(200, {name: self._proxies[name].as_json() for name in sorted(self._proxies)})

    def _create(self, body: bytes) -> Answer:
        fields = golang_json.read(golang_json.parse(body), PROXY_FIELDS, "toxiproxy.Proxy")
        proxy = self._proxy(fields, "")
        if proxy.name in self._proxies:
            raise Refused(409, "proxy already exists")
        if fields.get("enabled", True):
            proxy.start()
        self._proxies[proxy.name] = proxy
        return _json(201, proxy.as_json())

    def _populate(self, body: bytes) -> Answer:
        made: list[Proxy] = []
        try:
            entries = _entries(golang_json.parse(body))
            proxies = [self._proxy(fields, f" at proxy {n}") for n, fields in enumerate(entries, start=1)]
            for proxy, fields in zip(proxies, entries, strict=True):
                made.append(self._add_or_replace(proxy, starts=bool(fields.get("enabled", True))))
        except Refused as refused:
            return _populate_error(refused, made)
        except (BadJson, NotLoopback, CannotListen, BadAddress) as problem:
            return _populate_error(_refusal(problem), made)
        return _json(201, {"proxies": _told(made)})

    def _show(self, _body: bytes, name: str) -> Answer:
        return _json(200, self._find(name).as_json())

    def _update(self, body: bytes, name: str) -> Answer:
        proxy = self._find(name)
        fields = golang_json.read(golang_json.parse(body), PROXY_FIELDS, "toxiproxy.Proxy")
        listen, upstream = (
            str(fields.get("listen", proxy.listen)),
            str(fields.get("upstream", proxy.upstream)),
        )
        _check_upstream(upstream)
        proxy.update(listen, upstream, enabled=bool(fields.get("enabled", proxy.enabled)))
        return _json(200, proxy.as_json())

    def _delete(self, _body: bytes, name: str) -> Answer:
        self._find(name).stop()
        del self._proxies[name]
        return DONE

    def _toxics(self, _body: bytes, name: str) -> Answer:
        return _json(200, [told.as_json() for told in self._find(name).toxics])

    def _add_toxic(self, body: bytes, name: str) -> Answer:
        proxy = self._find(name)
        value = golang_json.parse(body)
        told = _new_toxic(golang_json.read(value, TOXIC_FIELDS, "toxics.ToxicWrapper"))
        if proxy.toxic(told.name) is not None:
            raise Refused(409, "toxic already exists")
        told.attributes |= _attributes(value, told)
        check(told.type, told.attributes)
        proxy.add_toxic(told)
        return _json(200, told.as_json())

    def _toxic(self, _body: bytes, name: str, toxic: str) -> Answer:
        return _json(200, self._find_toxic(name, toxic)[1].as_json())

    def _update_toxic(self, body: bytes, name: str, toxic: str) -> Answer:
        proxy, told = self._find_toxic(name, toxic)
        value = golang_json.parse(body)
        fields = (
            Field("attributes", ".attributes", f"toxics.{told.kind.structure}"),
            Field("toxicity", ".toxicity", "float32"),
        )
        read = golang_json.read(value, fields, TOXIC_UPDATE)
        attributes = told.attributes | _attributes(value, told)
        check(told.type, attributes)
        told.attributes.update(attributes)
        toxicity = read.get("toxicity", told.toxicity)
        told.toxicity = toxicity if isinstance(toxicity, float) else told.toxicity
        proxy.update_toxic(told)
        return _json(200, told.as_json())

    def _remove_toxic(self, _body: bytes, name: str, toxic: str) -> Answer:
        proxy, told = self._find_toxic(name, toxic)
        proxy.remove_toxic(told)
        return DONE

    def _find(self, name: str) -> Proxy:
        if name not in self._proxies:
            raise Refused(404, "proxy not found")
        return self._proxies[name]

    def _find_toxic(self, name: str, toxic: str) -> tuple[Proxy, Told]:
        proxy = self._find(name)
        told = proxy.toxic(toxic)
        if told is None:
            raise Refused(404, "toxic not found")
        return proxy, told

    def _proxy(self, fields: Mapping[str, object], where: str) -> Proxy:
        """Return a new proxy, not started. Raises Refused, NotLoopback."""
        name, listen, upstream = (str(fields.get(key, "")) for key in ("name", "listen", "upstream"))
        for key, value in (("name", name), ("upstream", upstream)):
            if not value:
                raise Refused(400, f"missing required field: {key}{where}")
        _check_listen(listen)
        _check_upstream(upstream)
        return Proxy(self._loop, self._seed, name, listen, upstream)

    def _add_or_replace(self, proxy: Proxy, *, starts: bool) -> Proxy:
        existing = self._proxies.get(proxy.name)
        if existing is not None:
            if not existing.differs(proxy.listen, proxy.upstream):
                return existing
            existing.stop()
        if starts:
            proxy.start()
        self._proxies[proxy.name] = proxy
        return proxy


_Call = Callable[..., Answer]


def _clean(path: str) -> str:
    """Return the path without `//`, `.` and `..`, as Go's router redirects to it."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def _entries(value: object) -> list[dict[str, object]]:
    if value is None:
        return []
    if not isinstance(value, list) or isinstance(value, golang_json.Object):
        golang_json.read(value if value != [] else golang_json.Object(), (), f"[]{POPULATE_ENTRY}")
        raise BadJson(f"json: cannot unmarshal object into Go value of type []{POPULATE_ENTRY}")
    return [golang_json.read(entry, POPULATE_FIELDS, POPULATE_ENTRY) for entry in value]


def _new_toxic(fields: Mapping[str, object]) -> Told:
    """Return a toxic with no attributes yet. Raises Refused."""
    kind, stream = str(fields.get("type", "")), str(fields.get("stream", "downstream"))
    if stream.lower() not in ("upstream", "downstream"):
        raise Refused(400, "stream was invalid, can be either upstream or downstream")
    if kind not in KINDS:
        raise Refused(400, "invalid toxic type")
    toxicity = fields.get("toxicity", 1.0)
    return Told(
        name=str(fields.get("name", "")) or f"{kind}_{stream}",
        type=kind,
        stream=stream,
        toxicity=toxicity if isinstance(toxicity, float) else 1.0,
        attributes=dict.fromkeys(KINDS[kind].attributes, 0),
    )


def _attributes(value: object, told: Told) -> dict[str, int]:
    """Return the attributes of a toxic that a body names."""
    kind = told.kind
    wrapper = golang_json.read(
        value, (Field("attributes", ".attributes", f"toxics.{kind.structure}"),), TOXIC_UPDATE
    )
    fields = [
        Field(name, f"{kind.structure}.attributes.{name}", kind.attribute_type) for name in kind.attributes
    ]
    read = golang_json.read(wrapper.get("attributes"), fields, kind.structure)
    return {name: number for name, number in read.items() if isinstance(number, int)}


def _check_listen(listen: str) -> None:
    """Refuse what is not loopback; what cannot be read at all is told when it is to listen, as Toxiproxy does."""
    try:
        listen_address(listen)
    except BadAddress:
        return


def _check_upstream(upstream: str) -> None:
    """Refuse what is not loopback; what cannot be read at all ends each connection, as in Toxiproxy."""
    try:
        dial_addresses(upstream)
    except BadAddress:
        return


def _refusal(problem: Exception) -> Refused:
    match problem:
        case BadJson():
            return Refused(400, f"bad request body: {problem}")
        case NotLoopback() | BadAttributes():
            return Refused(400, str(problem))
        case _:
            return Refused(500, str(problem))


def _told(proxies: Sequence[Proxy]) -> list[dict[str, object]] | None:
    """Return what Go makes of a list: null, if it is empty."""
    return [proxy.as_json() for proxy in proxies] or None


def _json(status: int, value: object) -> Answer:
    return Answer(status=status, content_type=JSON, body=golang_json.write(value))


def _error(refused: Refused) -> Answer:
    body = golang_json.write({"error": refused.error, "status": refused.status}) + b"\n"
    return Answer(status=refused.status, content_type=PLAIN, body=body, headers=(NO_SNIFF,))


def _populate_error(refused: Refused, made: Sequence[Proxy]) -> Answer:
    body = {"error": refused.error, "status": refused.status, "proxies": _told(made)}
    return _json(refused.status, body)
