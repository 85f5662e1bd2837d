"""Whatever a client sends to whatever route: never a 500, never a traceback."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.requests import ALLOWED, requests
from tests.runtime.application import WsgiClient, wsgi_client
from tests.runtime.scripted import config

REQUESTS = 5000
PER_EXAMPLE = 25


@pytest.fixture(scope="module")
def ask() -> Iterator[WsgiClient]:
    """One loaded node for all requests: what one leaves behind the next may find. 1 MiB is its limit."""
    limits = type(config().limits)(body_bytes_max=1024 * 1024)
    with wsgi_client(node_config=config(limits=limits)) as client:
        yield client


@settings(
    max_examples=REQUESTS // PER_EXAMPLE,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(st.lists(requests, min_size=PER_EXAMPLE, max_size=PER_EXAMPLE))
def test_no_request_makes_a_500(
    ask: WsgiClient, sent: list[tuple[str, str, dict[str, object] | bytes, bytes, str, str]]
) -> None:
    """5,000 requests over the route table, bodies on GET included."""
    for method, path, query, body, content_type, agent in sent:
        headers = {"Content-Type": content_type, "User-Agent": agent}
        answer = ask(method, path, query, body=body, headers=headers)
        assert answer.status in ALLOWED, (answer, method, path, query, body[:100])
        assert b"Traceback" not in answer.body
        assert answer.status < 400 or method == "HEAD" or answer.body
