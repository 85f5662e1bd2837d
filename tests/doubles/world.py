"""A link server, stand-in nodes and their links, for tests of the links alone."""

import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Self

from harness.links.api import ToxiproxyApi
from harness.links.fabric import PROBE_PATH, Links
from harness.links.link import Channel, Link
from harness.links.locate import find_server
from harness.links.toxiproxy import server_argv, wait_ready
from harness.ports import Reservations
from tests.doubles.bound import bound
from tests.doubles.greeted import Greeted
from tests.doubles.standin import StandIn

DEAF = Path(__file__).with_name("deaf_toxiproxy")
EMBEDDED = Path("embedded")
"""Instead of the path of a program: the embedded server."""


class LinkServerProcess:
    """A link server of its own, ended with the block."""

    def __init__(self, api_address: str, log: Path, path: Path | None = None) -> None:
        argv = (
            _embedded_argv(api_address)
            if path == EMBEDDED
            else server_argv(path or find_server(), api_address)
        )
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            bound(argv),
            env={**os.environ, "LOG_LEVEL": "error"},
            stdout=self._log,
            stderr=self._log,
        )
        self.api: ToxiproxyApi = wait_ready(api_address, pid=self.process.pid)

    def close(self) -> None:
        self.api.close()
        self.process.kill()
        self.process.wait()
        self._log.close()


class LinkWorld:
    """Nodes s1..sN that answer probes on a peer and a client port, and agents, all linked.

    Args:
        folder: of the link server's log.
        nodes: how many.
        agents: names of agents, which have client links to every node.
        path: of the link server's program, or EMBEDDED; None: the real one.
        probe_path: None: the nodes' links are looked at by connections alone.
        secret: of a Raft cluster: the nodes have Raft ports and links of channel raft too.

    """

    def __init__(
        self,
        folder: Path,
        nodes: int = 3,
        agents: Sequence[str] = (),
        path: Path | None = None,
        probe_path: str | None = PROBE_PATH,
        secret: str = "",
    ) -> None:
        self._path = path or find_server()
        self.ports = Reservations()
        self.names = [f"s{number}" for number in range(1, nodes + 1)]
        self._folder = folder
        (self._api_address,) = self.ports.reserve(1)
        self.server = LinkServerProcess(self._api_address, folder / "links.log", self._path)
        self.nodes: dict[str, tuple[StandIn, StandIn]] = {}
        self.rafts: dict[str, Greeted] = {}
        for name in self.names:
            peer, client = self.ports.reserve(2)
            seen: dict[str, float] = {}
            self.nodes[name] = (StandIn(peer, seen), StandIn(client, seen))
            if secret:
                (raft,) = self.ports.reserve(1)
                self.rafts[name] = Greeted(raft, seen, secret)
        self.links = Links(self.server.api, "w1", probe_path, secret)
        self.links.add([*self._peer_links(), *self._raft_links(), *self._client_links(agents)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.links.close()
        for ports in self.nodes.values():
            for port in ports:
                port.close()
        for raft in self.rafts.values():
            raft.close()
        self.server.close()
        self.ports.close()

    def replace_server(self) -> ToxiproxyApi:
        """Kill the link server and start another; return its API."""
        self.server.close()
        self.server = LinkServerProcess(self._api_address, self._folder / "links.log", self._path)
        return self.server.api

    def _peer_links(self) -> list[Link]:
        pairs = list(permutations(self.names, 2))
        return [
            Link(source=a, target=b, channel=Channel.PEER, listen=listen, upstream=self.nodes[b][0].address)
            for (a, b), listen in zip(pairs, self.ports.reserve(len(pairs)), strict=True)
        ]

    def _raft_links(self) -> list[Link]:
        pairs = list(permutations(self.rafts, 2))
        return [
            Link(
                source=a,
                target=b,
                channel=Channel.RAFT,
                listen=listen,
                upstream=self.rafts[b].address,
                asked=self.nodes[b][0].address,
            )
            for (a, b), listen in zip(pairs, self.ports.reserve(len(pairs)), strict=True)
        ]

    def _client_links(self, agents: Sequence[str]) -> list[Link]:
        pairs = [(agent, name) for agent in agents for name in self.names]
        return [
            Link(source=a, target=b, channel=Channel.CLIENT, listen=listen, upstream=self.nodes[b][1].address)
            for (a, b), listen in zip(pairs, self.ports.reserve(len(pairs)), strict=True)
        ]


def _embedded_argv(api_address: str) -> Sequence[str]:
    return (sys.executable, "-m", "harness.links.embedded.main", "--listen", api_address, "--seed", "1")
