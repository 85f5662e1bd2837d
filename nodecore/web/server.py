"""All of waitress: two servers in one process on one loop in the main thread, drained by SIGTERM.

With one pool, waiting clients starve peers (2.7 s against 1 ms, reference/measured.md), so each port has its
own threads, for what the loop cannot answer at once (nodecore.web.at_once). Invariant: after `stop`, what was
received whole is answered before `run` returns, within `DRAIN_REAL_S`; no new connection is taken.
"""

import os
import signal
import socket
import time
from typing import Any

from waitress import wasyncore
from waitress.server import create_server
from waitress.trigger import trigger

from nodecore.config import Limits
from nodecore.web.application import Application
from nodecore.web.at_once import Dispatcher

DRAIN_REAL_S = 5.0
"""Longer than a forward waits at time_scale 1; then even a request that hangs is given up."""

_POLL_REAL_S = 10.0
"""How often idle connections are looked at; work itself wakes the loop."""
_DRAIN_POLL_REAL_S = 0.01
_SELECT_DESCRIPTORS_MAX = 1024
"""The kernel's limit. Below it select is taken: waitress registers every connection anew, in Python, at each
poll, which was a quarter of the processor time of a client's request."""
_BACKLOG = 1024
"""As waitress'."""


def bind(host: str, port: int) -> socket.socket:
    """Bind a socket for `Servers`, also where a reservation with SO_REUSEADDR holds the port.

    It listens from now on: members that start together then wait for each other instead of finding nobody.

    Raises:
        OSError: the port is taken or the host is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


class Servers:
    """The client port and the peer port of a node.

    Args:
        application: serves both.
        client: a bound socket for clients.
        peer: a bound socket for other members.
        limits: threads, connections, bytes, idle time.
    """

    def __init__(
        self, application: Application, client: socket.socket, peer: socket.socket, limits: Limits
    ) -> None:
        self._map: dict[int, Any] = {}
        self._dispatchers = (Dispatcher(limits.client_threads), Dispatcher(limits.peer_threads))
        self._servers = [
            _server(application, bound, dispatcher, limits, self._map)
            for bound, dispatcher in zip((client, peer), self._dispatchers, strict=True)
        ]
        self._signals_wake = False
        self._stopping = False

    def requests_now(self) -> int:
        """Return how many requests wait for a thread or are being answered; from any thread."""
        return sum(dispatcher.requests_now() for dispatcher in self._dispatchers)

    def wake_on_signals(self) -> None:
        """Have every signal wake the loop, so that its handler runs at once; for the main thread.

        CPython runs handlers between two steps of the main thread only: a signal that comes just before the
        loop waits would otherwise be noticed when something else wakes it, up to 10 s later.
        """
        wakening: Any = trigger(self._map)  # type: ignore[arg-type]  # the stubs know another waitress
        os.set_blocking(wakening.trigger, False)
        signal.set_wakeup_fd(wakening.trigger, warn_on_full_buffer=False)
        self._signals_wake = True

    def run(self) -> None:
        """Serve until `stop`, then drain and return."""
        for dispatcher in self._dispatchers:
            dispatcher.run_in_this_thread()
        while not self._stopping:
            self._poll(_POLL_REAL_S)
        self._drain()

    def stop(self) -> None:
        """Ask `run` to end; may be called from a signal handler."""
        self._stopping = True
        for server in self._servers:
            server.trigger.pull_trigger()  # its own would not wake the loop's thread, which handles signals

    def _drain(self) -> None:
        for server in self._servers:
            wasyncore.dispatcher.close(
                server
            )  # the listener alone: server.close() would take the trigger too
        deadline_s = time.monotonic() + DRAIN_REAL_S
        self._poll(0)
        while self._is_busy() and time.monotonic() < deadline_s:
            self._poll(_DRAIN_POLL_REAL_S)
        for dispatcher in self._dispatchers:
            dispatcher.shutdown(deadline_s - time.monotonic())
        if self._signals_wake:
            signal.set_wakeup_fd(-1)
        for open_one in list(self._map.values()):
            open_one.close()

    def _is_busy(self) -> bool:
        return any(
            channel.requests or channel.total_outbufs_len
            for server in self._servers
            for channel in server.active_channels.values()
        )

    def _poll(self, timeout_s: float) -> None:
        many = max(self._map) >= _SELECT_DESCRIPTORS_MAX
        wasyncore.loop(timeout=timeout_s, use_poll=many, map=self._map, count=1)
        for dispatcher in self._dispatchers:
            dispatcher.serve()


def _server(
    application: Application,
    bound: socket.socket,
    dispatcher: Dispatcher,
    limits: Limits,
    shared: dict[int, Any],
) -> Any:
    made: Any = create_server(
        dispatcher.telling(application),
        map=shared,
        sockets=[bound],
        _dispatcher=dispatcher,  # type: ignore[arg-type]  # it fulfils what is used of it
        connection_limit=limits.connections_max,
        channel_timeout=limits.channel_idle_real_s,
        max_request_body_size=limits.body_bytes_max,
        clear_untrusted_proxy_headers=False,  # nothing reads them; clearing would wrap every call
        ident="nodecore",
    )
    made.pull_trigger = dispatcher.waking(made.pull_trigger)
    return made
