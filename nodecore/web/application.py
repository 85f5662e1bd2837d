"""The WSGI application of a node: who answers which route, and what an error looks like to the one who asked.

Both ports serve it: the peer port so that a forwarded client request crosses the peer link, the client port
so that foreign members work. Invariant: every answer has a Content-Length and a Content-Type; what a client
sent never makes a 500, and no body ever holds a traceback.
"""

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

from nodecore.errors import NodeError
from nodecore.raft.status import RaftStatus
from nodecore.runtime.arrivals import Arrivals
from nodecore.runtime.counts import Counts
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.loop import Busy, Runtime
from nodecore.runtime.wire.client import refusal, text_answer
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.web.about_api import AboutApi
from nodecore.web.asking import Asking, Cp
from nodecore.web.at_once import MustWait
from nodecore.web.catalog_api import CatalogApi
from nodecore.web.client_api import ClientApi
from nodecore.web.identity import PeerIdentity
from nodecore.web.observer_api import ObserverApi
from nodecore.web.operator_api import OperatorApi
from nodecore.web.peer_api import PeerApi
from nodecore.web.request import Request
from nodecore.web.routes import ROUTES, SHORT_ROUTES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

Handler = Callable[[Request], HttpAnswer]
Route = tuple[str, str]
"""Method and path, as they stand in `ROUTES`."""
_NO_ROUTE: Route = ("", "")
# Built once per process: werkzeug compiles every rule, 10 ms that forked nodes need not spend again.
_URL_MAP = Map(
    [Rule(path, methods=[method], endpoint=(method, path)) for method, path, _ in ROUTES],
    strict_slashes=False,
    merge_slashes=False,
    redirect_defaults=False,
)
_URL_MAP.update()

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Application:
    """A WSGI callable.

    Args:
        handlers: what answers each route, by method and path.
        body_bytes_max: longer bodies are refused with 413.
        log: told of what ought not to happen.
        counts: told of each request.
    """

    def __init__(
        self, handlers: Mapping[Route, Handler], body_bytes_max: int, log: NodeLog, counts: Counts
    ) -> None:
        self._handlers = handlers
        self._counts = counts
        self._routes = _URL_MAP.bind("node")
        self._body_bytes_max = body_bytes_max
        self._log = log

    def __call__(self, environ: Mapping[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request.

        Raises:
            MustWait: the server's loop asks, and this is for a thread; nothing was done.
        """
        began_s = time.thread_time()
        request = _request(environ, self._body_bytes_max)
        route, answer = self._answer(request)
        self._count(request, route, answer, began_s)
        headers = [(name, value) for name, value in answer.headers.items()]
        headers.append(("Content-Length", str(len(answer.body))))
        start_response(f"{answer.status} {_REASONS.get(answer.status, 'Unknown')}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, request: Request) -> tuple[Route, HttpAnswer]:
        """Return which route was asked, and the answer."""
        try:
            route = self._route(request)
        except HTTPException as error:
            return _NO_ROUTE, _no_route(request, error)
        if route not in SHORT_ROUTES and not request.may_wait:
            raise MustWait
        try:
            return route, self._handlers[route](request)
        except Busy as busy:
            raise MustWait from busy
        except NodeError as error:
            return route, refusal(error.status, str(error), definite=error.definite)
        except Exception as error:  # noqa: BLE001  the last resort: a defect must not show a client its traceback
            return route, self._internal_error(request, error)

    def _route(self, request: Request) -> Route:
        """Return what is asked for: at once where it is spelt as in `ROUTES`, which nearly all is."""
        asked = (request.method, request.path)
        if asked in self._handlers:
            return asked
        endpoint, _ = self._routes.match(request.path, request.method)
        return cast("Route", endpoint)  # as the map was given it

    def _count(self, request: Request, route: Route, answer: HttpAnswer, began_s: float) -> None:
        self._counts.add("requests", *route, str(answer.status))
        self._counts.add("request_cpu_seconds", *route, amount=time.thread_time() - began_s)
        self._counts.add("request_body_bytes", *route, "received", amount=request.body_bytes)
        self._counts.add("request_body_bytes", *route, "sent", amount=len(answer.body))

    def _internal_error(self, request: Request, error: Exception) -> HttpAnswer:
        fields = [
            ("method", request.method),
            ("path", request.path),
            ("error", repr(error)),
            ("where", "".join(traceback.format_tb(error.__traceback__)[-3:])),
        ]
        self._log.write("error", "request_failed", fields)
        return text_answer(500, "internal error: the node's log says more at event=request_failed")


def node_application(
    runtime: Runtime,
    requests_now: Callable[[], int] = lambda: 1,
    arrivals: Arrivals | None = None,
    raft: Callable[[], RaftStatus | None] = lambda: None,
    cp: Cp | None = None,
) -> Application:
    """Return the application of a node: every API that `ROUTES` names.

    Args:
        runtime: the node.
        requests_now: how many requests its servers have and have not answered, the asker's own included.
        arrivals: where probes are remembered that come otherwise than over HTTP.
        raft: tells how the node's Raft is, None without CP.
        cp: what serves persistent data, None without CP.
    """
    config = runtime.config
    asking = Asking(runtime, cp)
    arrivals = arrivals or Arrivals(config.limits.probe_ids_max)
    identity = PeerIdentity(config)
    apis: dict[str, object] = {
        "client": ClientApi(runtime, identity, asking),
        "catalog": CatalogApi(runtime),
        "operator": OperatorApi(runtime, asking),
        "peer": PeerApi(runtime, identity),
        "observer": ObserverApi(runtime, identity, requests_now, arrivals, raft),
    }
    apis["about"] = AboutApi(runtime, apis, raft)
    handlers: dict[Route, Handler] = {}
    for method, path, name in ROUTES:
        api, _, function = name.partition(".")
        handlers[method, path] = getattr(apis[api], function)
    return Application(handlers, config.limits.body_bytes_max, runtime.log, runtime.counts)


def _request(environ: Mapping[str, Any], body_bytes_max: int) -> Request:
    path = environ.get("PATH_INFO", "").encode("latin-1", "replace").decode(errors="replace")
    method = environ["REQUEST_METHOD"]
    return Request(method=method, path=path, environ=environ, body_bytes_max=body_bytes_max)


def _no_route(request: Request, error: HTTPException) -> HttpAnswer:
    if not isinstance(error, MethodNotAllowed):
        return text_answer(404, f"no such api:{request.method}:{request.path}")
    allowed = ", ".join(sorted(error.valid_methods or ()))
    answer = text_answer(405, f"{request.path} does not take {request.method}, only {allowed}")
    return HttpAnswer(status=405, headers={**answer.headers, "Allow": allowed}, body=answer.body)
