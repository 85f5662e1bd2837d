"""Whatever is sent to the application of a node, by a client or in the name of a member: never a 500.

Not collected with the suite: `python -m tests.fuzz applications` runs it with as many examples as are wanted.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.requests import ALLOWED, requests
from tests.runtime.application import WsgiClient, wsgi_client, wsgi_client_with_cp
from tests.runtime.scripted import config

BODY_BYTES_MAX = 1024 * 1024
Sent = tuple[str, str, dict[str, object] | bytes, bytes, str, str]


def node(**identity: str) -> Iterator[WsgiClient]:
    limits = type(config().limits)(body_bytes_max=BODY_BYTES_MAX)
    with wsgi_client(node_config=config(limits=limits, **identity)) as client:
        yield client


@pytest.fixture(scope="module")
def open_node() -> Iterator[WsgiClient]:
    """A node without an identity: it takes anybody for a member, as foreign ones need it."""
    yield from node()


@pytest.fixture(scope="module")
def guarded_node() -> Iterator[WsgiClient]:
    """A node that knows its members by a header."""
    yield from node(identity_header="X-Member", identity_value="secret")


@pytest.fixture(scope="module")
def node_with_cp() -> Iterator[WsgiClient]:
    """A node that has CP, all of it its own."""
    with wsgi_client_with_cp(body_bytes_max=BODY_BYTES_MAX) as (client, _):
        yield client


def check(ask: WsgiClient, sent: list[Sent], **more: str) -> None:
    """One request after another, so that what one leaves behind the next may find."""
    for method, path, query, body, content_type, agent in sent:
        headers = {"Content-Type": content_type, "User-Agent": agent, **more}
        answer = ask(method, path, query, body=body, headers=headers)
        assert answer.status in ALLOWED, (answer, method, path, query, body[:100])
        assert b"Traceback" not in answer.body
        assert answer.status < 400 or method == "HEAD" or answer.body


@given(st.lists(requests, min_size=1, max_size=25))
def test_what_anybody_may_send(open_node: WsgiClient, sent: list[Sent]) -> None:
    """A node that takes anybody for a member."""
    check(open_node, sent)


@given(st.lists(requests, min_size=1, max_size=25))
def test_what_a_node_with_cp_may_be_sent(node_with_cp: WsgiClient, sent: list[Sent]) -> None:
    """What is persistent, and what is not."""
    check(node_with_cp, sent)


@given(st.lists(requests, min_size=1, max_size=25))
def test_what_a_client_may_send(guarded_node: WsgiClient, sent: list[Sent]) -> None:
    """A node that knows its members, asked by others."""
    check(guarded_node, sent)


@given(st.lists(requests, min_size=1, max_size=25), st.sampled_from(["127.0.0.1:1", "", "nobody"]))
def test_what_a_member_may_send(guarded_node: WsgiClient, sent: list[Sent], source: str) -> None:
    """The same node, asked by who has the right header, forwarded requests among them."""
    check(guarded_node, sent, **{"X-Member": "secret", "Request-Source": source, "X-Ring": source})
