"""Starts the embedded link server: what the launcher forks and `cutheal links serve` runs.

Invariant: `ready` is called when the API answers; SIGTERM and SIGINT end the process with status 0, and every
proxied connection with it.
"""

import argparse
import gc
import os
import resource
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from harness.links.embedded.addresses import BadAddress, NotLoopback, listen_address
from harness.links.embedded.api_server import ApiServer
from harness.links.embedded.loop import READ, Loop
from harness.links.embedded.routes import Routes

BACKLOG = 1024


def main(argv: Sequence[str]) -> int:
    """Serve with the API at `--listen` until SIGTERM or SIGINT; return the exit status."""
    parser = argparse.ArgumentParser(prog="embedded")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args(argv)
    try:
        listener = listen(arguments.listen)
    except (OSError, BadAddress, NotLoopback) as problem:
        sys.stderr.write(f"cannot listen on {arguments.listen}: {problem}\n")
        return 1
    return serve(listener, arguments.seed)


def listen(address: str) -> socket.socket:
    """Return a listening socket for the API.

    Raises:
        OSError: the port is taken.
        BadAddress, NotLoopback: the address cannot be read, or could be reached by other machines.

    """
    wanted = listen_address(address)
    listener = socket.socket(wanted.family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((wanted.host, wanted.port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def serve(listener: socket.socket, seed: int | None, ready: Callable[[], None] = lambda: None) -> int:
    """Serve the API on a listening socket; return 0 after SIGTERM or SIGINT.

    Args:
        listener: of the API.
        seed: of what befalls connections; None draws one.
        ready: called when requests are answered.

    """
    _raise_descriptor_limit()
    gc.freeze()
    loop = Loop()
    routes = Routes(loop, secrets.randbits(63) if seed is None else seed)
    server = ApiServer(loop, listener, routes)
    waker = _stop_on_signals(loop)
    ready()
    try:
        loop.run()
    finally:
        server.close()
        routes.close()
        _forget_signals(loop, waker)
        loop.close()
    return 0


def _raise_descriptor_limit() -> None:
    """Two descriptors a connection: take what is allowed, as Go does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _stop_on_signals(loop: Loop) -> socket.socket:
    waker, writes = socket.socketpair()
    waker.setblocking(False)
    writes.setblocking(False)
    signal.set_wakeup_fd(writes.detach(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: loop.stop())
    loop.watch(waker, READ, lambda _mask: _drain(waker))
    return waker


def _drain(waker: socket.socket) -> None:
    waker.recv(4096)


def _forget_signals(loop: Loop, waker: socket.socket) -> None:
    os.close(signal.set_wakeup_fd(-1))
    loop.forget(waker)
    waker.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
