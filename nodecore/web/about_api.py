"""What a node tells of itself to tools: its routes as an OpenAPI document, its counters to Prometheus.

Invariant: neither costs anything before it is asked for.
"""

import functools
import inspect
from collections.abc import Callable, Mapping

from nodecore.core.enquiries import MetricsAnswer, ReadMetrics
from nodecore.raft.status import RaftStatus
from nodecore.runtime.loop import Runtime
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.values import JSON_TYPE, dump
from nodecore.web.replies import await_reply
from nodecore.web.request import Request
from nodecore.web.routes import ROUTES


class AboutApi:
    """Answers tools.

    Args:
        runtime: what is counted.
        apis: the other APIs by the names that `ROUTES` uses: their docstrings are the descriptions.
        raft: tells how the node's Raft is, None without CP.
    """

    def __init__(
        self, runtime: Runtime, apis: Mapping[str, object], raft: Callable[[], RaftStatus | None]
    ) -> None:
        self._runtime = runtime
        self._raft = raft
        self._apis = {**apis, "about": self}

    def openapi(self, _request: Request) -> HttpAnswer:
        """GET /openapi.json: every route, what it takes and what it answers."""
        return HttpAnswer(status=200, headers={"Content-Type": JSON_TYPE}, body=self._document)

    def metrics(self, _request: Request) -> HttpAnswer:
        """GET /metrics: counters and gauges in the text format of Prometheus; before loading too."""
        from nodecore.web.metrics_page import CONTENT_TYPE, page  # noqa: PLC0415 - 0.1 s that most nodes need not

        now = await_reply(self._runtime.ask(ReadMetrics()))
        assert isinstance(now, MetricsAnswer), now
        body = page(self._runtime.config.name, self._runtime.counts, now, self._raft())
        return HttpAnswer(status=200, headers={"Content-Type": CONTENT_TYPE}, body=body)

    @functools.cached_property
    def _document(self) -> bytes:
        from nodecore.web.openapi import document  # noqa: PLC0415 - nobody need ever ask

        return dump(document(ROUTES, {name: self._doc(name) for _, _, name in ROUTES}))

    def _doc(self, name: str) -> str:
        api, _, method = name.partition(".")
        return inspect.getdoc(getattr(self._apis[api], method)) or ""
