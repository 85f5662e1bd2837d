"""Serves a user's WSGI application on one port by waitress, and answers probes beside it.

Invariant: a probe never reaches the application, so that links are proved whatever the application does.
"""

import json
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from waitress.server import create_server

from harness.program import PROBE_PATH

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

THREADS = 8
"""As many requests are answered at once; the next ones wait."""
BODY_MAX_BYTES = 64 * 1024 * 1024
PROBES_REMEMBERED = 1024


def serve(application: Application, host: str, port: int) -> int:
    """Serve until SIGTERM, then answer what is in flight; return the exit status."""
    signal.signal(signal.SIGTERM, _end)
    server = create_server(
        WithProbes(application),
        host=host,
        port=port,
        threads=THREADS,
        max_request_body_size=BODY_MAX_BYTES,
        ident="cutheal",
    )
    server.run()
    return 0


class WithProbes:
    """A WSGI application that keeps PROBE_PATH for itself and hands the rest on."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] != PROBE_PATH:
            return self._application(environ, start_response)
        ids = parse_qs(environ["QUERY_STRING"]).get("id", [""])[0].split(",")
        body = json.dumps(self._remember(ids[0]) if environ["REQUEST_METHOD"] == "POST" else self._tell(ids))
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body.encode()]

    def _remember(self, probe_id: str) -> dict[str, object]:
        with self._lock:
            self._seen[probe_id] = time.monotonic()
            if len(self._seen) > PROBES_REMEMBERED:
                self._seen.popitem(last=False)
        return {"id": probe_id}

    def _tell(self, ids: list[str]) -> dict[str, object]:
        with self._lock:
            return {"seen": {probe_id: self._seen.get(probe_id) for probe_id in ids}}


def _end(_signal: int, _frame: object) -> None:
    raise SystemExit(0)
