"""`python -m nodecore`: one node, from its command line to its exit status.

It prints one JSON line when it is ready, logs to stderr, drains on SIGTERM and dumps all stacks on SIGUSR1.
"""

import faulthandler
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace

from nodecore.config import NodeConfig
from nodecore.core.node import Node
from nodecore.runtime.logs import NodeLog, bridge_libraries
from nodecore.runtime.lookup import LookupFailed, MemberList, MemberLookup, first_list, member_lookup
from nodecore.runtime.loop import Runtime
from nodecore.settings import SettingsError, parse
from nodecore.web.application import node_application
from nodecore.web.server import Servers, bind

EXIT_PORT_TAKEN = 1
EXIT_MISCONFIGURED = 2

_ANY_INTERFACE = ("0.0.0.0", "::")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a node until SIGTERM or SIGINT; return its exit status.

    Args:
        argv: the command line without the program; `sys.argv[1:]` by default.
    """
    try:
        config = parse(sys.argv[1:] if argv is None else argv)
        client, peer = _bind(config)
        config = _completed(config, client, peer)
        lookup = member_lookup(config)
        config = _with_members(config, first_list(lookup))
    except (SettingsError, LookupFailed) as error:
        sys.stderr.write(f"nodecore: {error}\n")
        return EXIT_MISCONFIGURED
    except OSError as error:
        sys.stderr.write(f"nodecore: {error}\n")
        return EXIT_PORT_TAKEN
    _serve(config, lookup, client, peer)
    return 0


def _bind(config: NodeConfig) -> tuple[socket.socket, socket.socket]:
    client = _bind_port(config.host, config.client_port, "client port")
    try:
        return client, _bind_port(config.host, config.peer_port, "peer port")
    except OSError:
        client.close()
        raise


def _bind_port(host: str, port: int, what: str) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        raise OSError(f"the {what} {host}:{port} cannot be bound: {error.strerror or error}") from error


def _completed(config: NodeConfig, client: socket.socket, peer: socket.socket) -> NodeConfig:
    if not config.address and config.host in _ANY_INTERFACE:
        raise SettingsError(f"host {config.host} needs an address: what do the members know this node by?")
    client_port: int = client.getsockname()[1]
    address = config.address or f"{config.host}:{client_port}"
    return replace(config, client_port=client_port, peer_port=peer.getsockname()[1], address=address)


def _with_members(config: NodeConfig, found: MemberList) -> NodeConfig:
    return replace(config, members=found.addresses, dial=tuple(found.dial.items()))


def _serve(config: NodeConfig, lookup: MemberLookup, client: socket.socket, peer: socket.socket) -> None:
    log = NodeLog(config.name, config.log_level)
    bridge_libraries(log)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    runtime = Runtime(Node(config), config, log, lookup)
    application = node_application(runtime, lambda: servers.requests_now())  # noqa: PLW0108 - made below
    servers = Servers(application, client, peer, config.limits)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: servers.stop())
    servers.wake_on_signals()
    if config.identity_header is None:
        log.write("warning", "peer_identity_unset", [("meaning", "anybody may speak as a member")])
    runtime.start()
    _announce(config)
    servers.run()
    runtime.stop()
    log.write("info", "stopped")


def _announce(config: NodeConfig) -> None:
    ready = {
        "name": config.name,
        "address": config.address,
        "client_url": f"http://{config.host}:{config.client_port}",
        "peer_url": f"http://{config.host}:{config.peer_port}",
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
