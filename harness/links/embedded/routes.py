"""The API's calls: which path and method does what, and what is answered to mistakes.

Invariant: every call has an answer, and a client's mistake is a 4xx with a sentence. Statuses, bodies and
content types are Toxiproxy 2.12's; the address that cannot be read or is taken is its 500, too.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from secrets import token_hex

from harness.links.embedded import API_VERSION, BACKEND
from harness.links.embedded.addresses import BadAddress, NotLoopback
from harness.links.embedded.bodies import (
    Refused,
    check_addresses,
    new_toxic,
    populate_entries,
    proxy_fields,
    update_toxic,
)
from harness.links.embedded.golang_json import write
from harness.links.embedded.golang_scan import BadJson
from harness.links.embedded.http import Answer, Request
from harness.links.embedded.kinds import BadAttributes, Told
from harness.links.embedded.loop import Loop
from harness.links.embedded.proxy import CannotListen, Proxy

JSON = "application/json"
PLAIN = "text/plain; charset=utf-8"
NO_SNIFF = ("X-Content-Type-Options", "nosniff")
NOT_FOUND = Answer(status=404, content_type=PLAIN, body=b"404 page not found\n", headers=(NO_SNIFF,))
NO_BROWSERS = Answer(status=403, content_type=PLAIN, body=b"User agent not allowed\n", headers=(NO_SNIFF,))
NOT_ALLOWED = Answer(status=405)
DONE = Answer(status=204)


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
        self._calls: Mapping[str, Mapping[str, _Call]] = {
            "version": {"GET": self._version},
            "reset": {"POST": self._reset},
            "populate": {"POST": self._populate},
            "proxies": {"GET": self._list, "POST": self._create},
        }
        self._proxy_calls: Mapping[str, _Call] = {
            "GET": self._show,
            "POST": self._update,
            "PATCH": self._update,
            "DELETE": self._delete,
        }
        self._toxics_calls: Mapping[str, _Call] = {"GET": self._toxics, "POST": self._add_toxic}
        self._toxic_calls: Mapping[str, _Call] = {
            "GET": self._toxic,
            "POST": self._update_toxic,
            "PATCH": self._update_toxic,
            "DELETE": self._remove_toxic,
        }

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
            case [word] if word in self._calls:
                return self._calls[word], ()
            case ["proxies", proxy] if proxy:
                return self._proxy_calls, (proxy,)
            case ["proxies", proxy, "toxics"] if proxy:
                return self._toxics_calls, (proxy,)
            case ["proxies", proxy, "toxics", toxic] if proxy and toxic:
                return self._toxic_calls, (proxy, toxic)
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
        told = f'{{"version": "{API_VERSION}", "backend": "{BACKEND}"}}\n'
        return Answer(status=200, content_type=f"{JSON};charset=utf-8", body=told.encode())

    def _reset(self, _body: bytes) -> Answer:
        for proxy in self._proxies.values():
            proxy.start()
            for told in proxy.toxics:
                proxy.remove_toxic(told)
        return DONE

    def _list(self, _body: bytes) -> Answer:
        return _json(200, {name: self._proxies[name].as_json() for name in sorted(self._proxies)})

    def _create(self, body: bytes) -> Answer:
        fields = proxy_fields(body)
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
            entries = populate_entries(body)
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
        fields = proxy_fields(body)
        listen, upstream = (
            str(fields.get("listen", proxy.listen)),
            str(fields.get("upstream", proxy.upstream)),
        )
        check_addresses(listen, upstream)
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
        told = new_toxic(body, {told.name for told in proxy.toxics})
        proxy.add_toxic(told)
        return _json(200, told.as_json())

    def _toxic(self, _body: bytes, name: str, toxic: str) -> Answer:
        return _json(200, self._find_toxic(name, toxic)[1].as_json())

    def _update_toxic(self, body: bytes, name: str, toxic: str) -> Answer:
        proxy, told = self._find_toxic(name, toxic)
        update_toxic(body, told)
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
        check_addresses(listen, upstream)
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
    return Answer(status=status, content_type=JSON, body=write(value).encode())


def _error(refused: Refused) -> Answer:
    body = write({"error": refused.error, "status": refused.status}) + "\n"
    return Answer(status=refused.status, content_type=PLAIN, body=body.encode(), headers=(NO_SNIFF,))


def _populate_error(refused: Refused, made: Sequence[Proxy]) -> Answer:
    body = {"error": refused.error, "status": refused.status, "proxies": _told(made)}
    return _json(refused.status, body)
