"""How an agent learns of services: it asks for their lists, as clients do, and is pushed to in between.

It calls itself a Java client of the original, as npm's client does, for only those are pushed to. Every push,
and every list that is not as before, is one line in its log, which is where a test reads it. Invariant: no
datagram, whatever is in it, ends the thread that receives.
"""

import gzip
import json
import selectors
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from harness.kept_connections import KeptConnections

HEADERS = {"User-Agent": "Nacos-Java-Client:v1.4.6"}
LIST_PATH = "/nacos/v1/ns/instance/list"
HOST = "127.0.0.1"
DATAGRAM_BYTES_MAX = 65_535
PROBES_MAX = 1024
RENEWALS = 2
"""How often each server is asked in the time that a list is good for: a subscription must not lapse."""

Say = Callable[[str, str, object], None]
"""Writes a line to the log: event, service, detail."""


class Watch:
    """Receives pushes, from each server on a socket of its own, and asks for lists.

    Args:
        servers: name -> (address to ask at, address where that server's pushes come in at the relay).
        say: writes to the log.

    """

    def __init__(self, servers: Mapping[str, tuple[str, str]], say: Say) -> None:
        self._servers = servers
        self._say = say
        self._seen: dict[str, object] = {}
        self._probes: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._sockets = {name: _udp_socket() for name in servers}

    @property
    def listening(self) -> dict[str, str]:
        """Where the pushes of each server are received."""
        return {name: "{}:{}".format(*sock.getsockname()) for name, sock in self._sockets.items()}

    def close(self) -> None:
        """Close every socket."""
        for sock in self._sockets.values():
            sock.close()

    def receive(self) -> None:
        """Take pushes and answer probes, for ever."""
        with selectors.DefaultSelector() as selector:
            for name, sock in self._sockets.items():
                selector.register(sock, selectors.EVENT_READ, name)
            while True:
                for key, _ in selector.select():
                    datagram, sender = self._sockets[key.data].recvfrom(DATAGRAM_BYTES_MAX)
                    answer = self.answer(datagram, key.data)
                    if answer is not None:
                        self._sockets[key.data].sendto(json.dumps(answer).encode(), sender)

    def answer(self, datagram: bytes, server: str) -> dict[str, object] | None:
        """Return what a datagram from a server is answered; None: nothing."""
        try:
            said = json.loads(gzip.decompress(datagram) if datagram[:2] == b"\x1f\x8b" else datagram)
            match said["type"]:
                case "dom":
                    self._take(json.loads(said["data"]), "push", server)
                    return {"type": "push-ack", "lastRefTime": str(said["lastRefTime"]), "data": ""}
                case "cutheal-probe":
                    self._probes[said["id"]] = None
                    if len(self._probes) > PROBES_MAX:
                        self._probes.popitem(last=False)
                    return {"type": "cutheal-probe", "id": said["id"]}
                case "cutheal-seen":
                    seen = [probe for probe in said["ids"] if probe in self._probes]
                    return {"type": "cutheal-seen", "seen": seen}
                case _:
                    self._say("not_understood", "", f"{server}: of type {said['type']!r}")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError, EOFError) as error:
            self._say("not_understood", "", f"{server}: {type(error).__name__}: {error}")
        return None

    def ask(self, service: str, first: int, timeout_real_s: float) -> float | None:
        """Ask one server after another until one answers; return when to ask again, in real seconds.

        Whoever begins with each server in turn is subscribed to all of them, all the time.

        Args:
            service: grouped name.
            first: number of the server to begin with.
            timeout_real_s: how long an answer is waited for.

        Returns None when no server answered.

        """
        names = list(self._servers)
        begin = first % len(names)
        for name in (*names[begin:], *names[:begin]):
            listed = self._list(name, service, timeout_real_s)
            if listed is not None:
                self._take(listed, "poll", name)
                return float(listed["cacheMillis"]) / 1000 / (RENEWALS * len(names))
        return None

    def _list(self, name: str, service: str, timeout_real_s: float) -> dict[str, Any] | None:
        address, push = self._servers[name]
        parameters = {"serviceName": service, "clientIP": HOST, "udpPort": push.rpartition(":")[2]}
        connection = KeptConnections(address, timeout_real_s)
        try:
            answer = connection.send("GET", f"{LIST_PATH}?{urlencode(parameters)}", HEADERS)
            return dict(json.loads(answer.body)) if answer.is_ok else None
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def _take(self, listed: Mapping[str, Any], how: str, server: str) -> None:
        service, hosts = str(listed["name"]), listed["hosts"]
        with self._lock:
            is_news = how == "push" or self._seen.get(service) != hosts
            self._seen[service] = hosts
            if is_news:
                self._say("sees", service, {"how": how, "node": server, "hosts": hosts})


def _udp_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((HOST, 0))
    return made
