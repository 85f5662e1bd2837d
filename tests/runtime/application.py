"""A loaded lone node behind its WSGI application, and requests to it without any socket."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from harness.waiting import wait_for
from nodecore.config import Limits, NodeConfig
from nodecore.core.node import Node
from nodecore.core.operations import ReadState
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.loop import Core, Runtime
from nodecore.web.application import Application, node_application
from tests.doubles.local_cp import LocalCp
from tests.runtime.scripted import config

LOADED_WITHIN_REAL_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came out of the application."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class WsgiClient:
    """Asks an application; every request and answer is checked against PEP 3333."""

    application: Application

    def __call__(
        self,
        method: str,
        path: str,
        query: dict[str, object] | str | bytes | None = None,
        form: dict[str, object] | None = None,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> Answered:
        content = urlencode(form).encode() if form is not None else body
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": _query(query),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(content),
        }
        if content:
            environ["CONTENT_LENGTH"] = str(len(content))
        if form is not None:
            environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        for name, value in (headers or {}).items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        setup_testing_defaults(environ)
        return _ask(self.application, environ)


@contextmanager
def wsgi_client_with_cp(**limits: int) -> Iterator[tuple[WsgiClient, LocalCp]]:
    """A client of a started node with CP, and its CP, which is all on this node; it dials no instance."""
    settings = config(raft_port=1, limits=Limits(**limits))
    runtime = Runtime(Node(settings), settings, NodeLog("s1", "debug", io.StringIO()))
    runtime.probes.send = lambda _probe: None  # type: ignore[method-assign]
    runtime.start()
    try:
        _await_loaded(runtime)
        cp = LocalCp(runtime.take_applied)
        yield WsgiClient(node_application(runtime, cp=cp)), cp  # type: ignore[arg-type]
    finally:
        runtime.stop()


@contextmanager
def wsgi_client(core: Core | None = None, node_config: NodeConfig | None = None) -> Iterator[WsgiClient]:
    """A client of a started node: the real core unless another is given; alone, it has loaded."""
    settings = node_config or config()
    runtime = Runtime(core or Node(settings), settings, NodeLog("s1", "debug", io.StringIO()))
    runtime.start()
    try:
        if core is None and settings.members == (settings.address,):
            _await_loaded(runtime)
        yield WsgiClient(node_application(runtime))
    finally:
        runtime.stop()


def _await_loaded(runtime: Runtime) -> None:
    """Its first tick is another thread's, and may come after a request."""

    def state() -> object:
        return runtime.ask(ReadState()).result(LOADED_WITHIN_REAL_S)

    wait_for("the node to load", state, lambda seen: seen.loaded, LOADED_WITHIN_REAL_S)  # type: ignore[attr-defined]


def _ask(application: Application, environ: dict[str, Any]) -> Answered:
    caught: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Any:
        caught.append((status, headers))
        return lambda _data: None

    chunks = validator(application)(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        chunks.close()  # type: ignore[attr-defined]
    ((status, headers),) = caught
    return Answered(status=int(status[:3]), headers=dict(headers), body=body)


def _query(query: dict[str, object] | str | bytes | None) -> str:
    if isinstance(query, bytes):
        return query.decode("latin-1")
    if isinstance(query, str):
        return query.encode().decode("latin-1")
    return urlencode(query or {})
