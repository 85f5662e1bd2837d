"""The embedded link server's API: calls in any order against a model, and bytes that are no calls at all.

Not collected with the suite: `python -m tests.fuzz link_api` runs it with as many examples as are wanted.
"""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from harness.links.embedded.kinds import KINDS
from tests.contract.server import Answer, Server

names = st.sampled_from(["p", "q", "p-s1-s2"])
listens = st.sampled_from(["127.0.0.1:0", "localhost:0", "[::1]:0"])
odd_addresses = st.sampled_from(["", "127.0.0.1", "127.0.0.1:99999", "8.8.8.8:80", "nobody:1", "0.0.0.0:0"])
upstreams = st.sampled_from(["127.0.0.1:9", "localhost:9"])
toxic_names = st.sampled_from(["t", "u"])
numbers = st.integers(min_value=-(2**63), max_value=2**63 - 1)
small = st.integers(min_value=0, max_value=1000)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
odd_bodies = st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode())
paths = st.sampled_from(
    ["/version", "/reset", "/populate", "/proxies", "/proxies/p", "/proxies/p/toxics", "/proxies/p/toxics/t"]
) | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20).map(lambda text: f"/{text}")
methods = st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "BREW"])
ANSWERS = {200, 201, 204, 301, 400, 403, 404, 405, 409, 413, 417, 431}
"""What a call may be answered with, beside a 500 that Toxiproxy gives an address it cannot listen on."""


@st.composite
def toxic_bodies(draw: st.DrawFn) -> dict[str, Any]:
    """A toxic that could be, or nearly."""
    type_ = draw(st.sampled_from([*KINDS, "nonsense"]))
    attributes = KINDS[type_].attributes if type_ in KINDS else ("a",)
    body: dict[str, Any] = {
        "type": type_,
        "attributes": {name: draw(small | numbers | json_values) for name in attributes},
    }
    return body | draw(
        st.fixed_dictionaries(
            {},
            optional={
                "name": toxic_names,
                "stream": st.sampled_from(["upstream", "downstream", "UpStream", "sideways"]),
                "toxicity": st.floats(min_value=0, max_value=1) | json_values,
            },
        )
    )


def is_allowed(answer: Answer) -> bool:
    """Whether a call may be answered so; a 500 of our own making is no JSON."""
    is_refusal = answer.status == 500 and isinstance(answer.json, dict) and "error" in answer.json
    return answer.status in ANSWERS or is_refusal


class Calls(RuleBasedStateMachine):
    """Makes calls, and keeps the names of proxies and of their toxics as the answers say they are."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.known: dict[str, set[str]] = {}

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        answer = self.server.ask(method, path, body)
        assert is_allowed(answer), (method, path, body, answer)
        return answer

    @rule(name=names, listen=listens | odd_addresses, upstream=upstreams | odd_addresses, on=st.booleans())
    def create(self, name: str, listen: str, upstream: str, on: bool) -> None:
        body = {"name": name, "listen": listen, "upstream": upstream, "enabled": on}
        answer = self.ask("POST", "/proxies", body)
        if answer.status == 201:
            assert name not in self.known
            self.known[name] = set()

    @rule(named=st.lists(names, unique=True, max_size=3), listen=listens, upstream=upstreams)
    def populate(self, named: list[str], listen: str, upstream: str) -> None:
        body = [{"name": name, "listen": listen, "upstream": upstream} for name in named]
        answer = self.ask("POST", "/populate", body)
        assert answer.status == 201, answer
        told = {
            one["name"]: {toxic["name"] for toxic in one["toxics"]} for one in answer.json["proxies"] or []
        }
        assert told.keys() == set(named)
        self.known |= told

    @rule(name=names, listen=listens | odd_addresses, upstream=upstreams | odd_addresses, on=st.booleans())
    def update(self, name: str, listen: str, upstream: str, on: bool) -> None:
        answer = self.ask(
            "PATCH", f"/proxies/{name}", {"listen": listen, "upstream": upstream, "enabled": on}
        )
        assert (answer.status == 404) == (name not in self.known)

    @rule(name=names)
    def delete(self, name: str) -> None:
        assert self.ask("DELETE", f"/proxies/{name}").status == (204 if name in self.known else 404)
        self.known.pop(name, None)

    @rule(name=names, body=toxic_bodies())
    def add_toxic(self, name: str, body: dict[str, Any]) -> None:
        answer = self.ask("POST", f"/proxies/{name}/toxics", body)
        if answer.status == 200:
            assert answer.json["name"] not in self.known[name]
            self.known[name].add(answer.json["name"])

    @rule(name=names, toxic=toxic_names, body=toxic_bodies())
    def update_toxic(self, name: str, toxic: str, body: dict[str, Any]) -> None:
        answer = self.ask("PATCH", f"/proxies/{name}/toxics/{toxic}", body)
        assert (answer.status == 404) == (toxic not in self.known.get(name, ()))

    @rule(name=names, toxic=toxic_names)
    def remove_toxic(self, name: str, toxic: str) -> None:
        is_there = toxic in self.known.get(name, ())
        answer = self.ask("DELETE", f"/proxies/{name}/toxics/{toxic}")
        assert answer.status == (204 if is_there else 404)
        if is_there:
            self.known[name].discard(toxic)

    @rule()
    def reset(self) -> None:
        """One proxy that cannot listen ends it, after some or all others were reset, in no certain order."""
        is_done = self.ask("POST", "/reset").status == 204
        told = self.told()
        assert all(not told[name] or (told[name] == had and not is_done) for name, had in self.known.items())
        self.known = told

    @rule(method=st.sampled_from(["GET", "HEAD", "OPTIONS", "PUT", "BREW"]), path=paths, body=odd_bodies)
    def odd(self, method: str, path: str, body: bytes) -> None:
        self.ask(method, path, body)

    @invariant()
    def has_what_it_said(self) -> None:
        assert self.told() == self.known

    def told(self) -> dict[str, set[str]]:
        proxies = self.ask("GET", "/proxies").json
        return {name: {toxic["name"] for toxic in one["toxics"]} for name, one in proxies.items()}

    def teardown(self) -> None:
        self.server.tidy()


def test_calls_in_any_order(server: Server) -> None:
    """What is there is what the answers said; no call is a 500 but for an address."""
    run_state_machine_as_test(lambda: Calls(server))  # type: ignore[arg-type]  # takes whatever makes one


@given(method=methods, path=paths, body=odd_bodies)
def test_a_call_with_any_body(server: Server, method: str, path: str, body: bytes) -> None:
    """Nothing is there to act on, and every call has an answer."""
    answer = server.ask(method, path, body)
    server.tidy()
    assert is_allowed(answer), (method, path, body, answer)


LINES = st.sampled_from(
    [
        *[b"GET /version HTTP/1.1\r\n", b"POST /proxies HTTP/1.0\r\n", b"GET", b"\r\n", b"\r\n\r\n", b"\n"],
        *[
            b"Host: a\r\n",
            b"Content-Length: 5\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 99999999999\r\n",
        ],
        *[b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n", b"ffffffffffffffffff\r\n"],
        *[b"Expect: 100-continue\r\n", b"Connection: close\r\n", b": \r\n", b"A" * 9000, b"\x00", b"\xff"],
    ]
)


@given(st.lists(LINES | st.binary(max_size=30), max_size=12).map(b"".join))
def test_any_bytes(server: Server, raw: bytes) -> None:
    """Who sends them and then no more is heard out and left; the server goes on."""
    peer = server.says(raw)
    peer.sends_no_more()
    peer.hears_some_end()
    server.tidy()
    assert server.ask("GET", "/version").status == 200
    assert Path(f"/proc/{server.process.pid}").exists()
