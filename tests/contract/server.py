"""A server under the contract, and what a check can do with it.

Invariant: after `tidy` the server has no proxy, and nothing of the check before is open.
"""

import http.client
import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.links.api import ToxiproxyApi
from harness.links.calls import delete_proxy
from harness.links.link import socket_address
from harness.ports import Reservations
from harness.waiting import WaitTimeout, wait_for
from tests.contract.peers import Listener, Patience, Peer, dial

API_REAL_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the API as it came; `json` is None where the body is no JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def is_error(self, status: int, error: str) -> None:
        """Assert that this is Toxiproxy's error of that status and sentence, to the byte."""
        assert (self.status, self.json) == (status, {"error": error, "status": status}), self
        assert self.body.endswith(b"}\n"), self
        assert self.headers["content-type"] == "text/plain; charset=utf-8", self


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A connection through a proxy: both its ends."""

    client: Peer
    upstream: Peer

    def carries_both_ways(self) -> None:
        """A word gets through each way."""
        self.client.sends(b"there")
        self.upstream.hears(b"there")
        self.upstream.sends(b"back")
        self.client.hears(b"back")


class Server:
    """A link server that runs.

    Args:
        name: real, embedded or deaf.
        process: its process.
        api: its API.
        patience: how long to wait for it.

    """

    def __init__(self, name: str, process: subprocess.Popen[bytes], api: ToxiproxyApi, patience: Patience):
        self.name = name
        self.process = process
        self.api = api
        self.patience = patience
        self.ports = Reservations()
        self._open = ExitStack()

    # ---- the API ----

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask over a connection of its own; `body` is sent as it is if it is bytes or text, else as JSON."""
        data = body.encode() if isinstance(body, str) else body
        data = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
        connection = http.client.HTTPConnection(*socket_address(self.api.api_address), timeout=API_REAL_S)
        try:
            connection.request(method, path, data, dict(headers or {}))
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=told, body=response.read())
        finally:
            connection.close()

    def does(self, method: str, path: str, body: object = None) -> Any:
        """Ask, insist on a 2xx, and return the JSON of the answer."""
        answer = self.ask(method, path, body)
        assert 200 <= answer.status < 300, f"{method} {path} {body}: {answer}"
        return answer.json

    def says(self, raw: bytes) -> Peer:
        """Say these bytes to the API; return who hears what it answers."""
        peer = self.connects(self.api.api_address)
        peer.sends(raw)
        return peer

    # ---- proxies and toxics ----

    def proxy(self, name: str = "p", upstream: str = "127.0.0.1:9", **fields: object) -> str:
        """Make a proxy; return where it listens."""
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": upstream} | fields
        return str(self.does("POST", "/proxies", body)["listen"])

    def update(self, proxy: str = "p", **fields: object) -> Any:
        """Change a proxy; return it."""
        return self.does("PATCH", f"/proxies/{proxy}", fields)

    def toxic(
        self,
        type_: str,
        stream: str = "downstream",
        *,
        proxy: str = "p",
        name: str = "t",
        toxicity: float = 1.0,
        **attributes: object,
    ) -> Any:
        """Add a toxic; return it as it is told."""
        body = {
            "type": type_,
            "stream": stream,
            "name": name,
            "toxicity": toxicity,
            "attributes": attributes,
        }
        return self.does("POST", f"/proxies/{proxy}/toxics", body)

    def change(self, name: str = "t", proxy: str = "p", **fields: object) -> Any:
        """Update a toxic; return it as it is told."""
        return self.does("PATCH", f"/proxies/{proxy}/toxics/{name}", fields)

    def remove(self, name: str = "t", proxy: str = "p") -> None:
        """Remove a toxic."""
        self.does("DELETE", f"/proxies/{proxy}/toxics/{name}")

    def reserve(self) -> str:
        """Return an address that nobody else gets."""
        return self.ports.reserve(1)[0]

    # ---- connections ----

    def listener(self) -> Listener:
        """Listen where proxies can lead to."""
        listener = Listener(self.patience)
        self._open.callback(listener.close)
        return listener

    def connects(self, address: str) -> Peer:
        """Connect to an address."""
        connection = self._open.enter_context(dial(address, self.patience))
        return Peer(connection, self.patience)

    def accepts(self, listener: Listener) -> Peer:
        """Accept the next connection of a listener."""
        return Peer(self._open.enter_context(listener.accepts()), self.patience)

    def wire(self, listen: str, listener: Listener) -> Wire:
        """Connect through a proxy, and see the connection arrive; no byte has passed."""
        client = self.connects(listen)
        return Wire(client=client, upstream=self.accepts(listener))

    def live_wire(self, listen: str, listener: Listener) -> Wire:
        """Connect through a proxy and pass a word each way: both directions are surely set up."""
        wire = self.wire(listen, listener)
        wire.carries_both_ways()
        return wire

    # ---- the life of the server ----

    def open_files(self) -> int:
        """Return how many files and sockets the server has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def comes_to(self, name: str, holds: Callable[[], bool]) -> None:
        """Assert that a named condition holds before long."""
        try:
            wait_for(name, holds, bool, self.patience.comes_s)
        except WaitTimeout as problem:
            raise AssertionError(str(problem)) from problem

    def tidy(self) -> None:
        """Close what the check has opened and delete all proxies."""
        self._open.close()
        self.api.batch([delete_proxy(_quoted(name)) for name in self.api.proxies()])
        self.ports.close()
        self.ports = Reservations()

    def is_alive(self) -> None:
        """Assert that the server lives and answers."""
        assert self.process.poll() is None, f"the server has ended with {self.process.returncode}"
        assert self.ask("GET", "/version").status == 200

    def close(self) -> None:
        """End the server."""
        self._open.close()
        self.ports.close()
        self.api.close()
        self.process.kill()
        self.process.wait()


def _quoted(name: str) -> str:
    """A name as it goes into a path; checks use some that need it."""
    return "".join(
        c if c.isascii() and c.isalnum() else "".join(f"%{b:02X}" for b in c.encode()) for c in name
    )
