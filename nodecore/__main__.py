"""`python -m nodecore`: one node, from its command line to its exit status.

It prints one JSON line when it is ready, logs to stderr, drains on SIGTERM and dumps all stacks on SIGUSR1.
"""

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nodecore.config import Limits, NodeConfig
from nodecore.core.node import Node
from nodecore.persistence import start_persistence
from nodecore.runtime.arrivals import Arrivals
from nodecore.runtime.logs import NodeLog, bridge_libraries
from nodecore.runtime.lookup import LookupFailed, MemberList, MemberLookup, first_list, member_lookup
from nodecore.runtime.loop import Runtime
from nodecore.runtime.stacks import dump_stacks_on
from nodecore.settings import SettingsError, check_raft, parse
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
        bound = _bind(config)
        config = _completed(config, bound)
        lookup = member_lookup(config)
        config = _with_members(config, first_list(lookup))
        check_raft(config)
    except (SettingsError, LookupFailed) as error:
        sys.stderr.write(f"nodecore: {error}\n")
        return EXIT_MISCONFIGURED
    except OSError as error:
        sys.stderr.write(f"nodecore: {error}\n")
        return EXIT_PORT_TAKEN
    _serve(config, lookup, bound)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """The node's ports, listening."""

    client: socket.socket
    peer: socket.socket
    raft: socket.socket | None


def _bind(config: NodeConfig) -> _Bound:
    with contextlib.ExitStack() as undo:
        client = undo.enter_context(_bind_port(config.host, config.client_port, "client port"))
        peer = undo.enter_context(_bind_port(config.host, config.peer_port, "peer port"))
        raft = None
        if config.raft_port is not None:
            raft = undo.enter_context(_bind_port(config.host, config.raft_port, "Raft port"))
        undo.pop_all()
        return _Bound(client=client, peer=peer, raft=raft)


def _bind_port(host: str, port: int, what: str) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        raise OSError(f"the {what} {host}:{port} cannot be bound: {error.strerror or error}") from error


def _completed(config: NodeConfig, bound: _Bound) -> NodeConfig:
    if not config.address and config.host in _ANY_INTERFACE:
        raise SettingsError(f"host {config.host} needs an address: what do the members know this node by?")
    client_port = _port_of(bound.client)
    return replace(
        config,
        client_port=client_port,
        peer_port=_port_of(bound.peer),
        raft_port=None if bound.raft is None else _port_of(bound.raft),
        address=config.address or f"{config.host}:{client_port}",
    )


def _port_of(bound: socket.socket) -> int:
    port: int = bound.getsockname()[1]
    return port


def _with_members(config: NodeConfig, found: MemberList) -> NodeConfig:
    ways = dict(config.raft_dial) | dict(found.raft_dial)
    return replace(
        config, members=found.addresses, dial=tuple(found.dial.items()), raft_dial=tuple(ways.items())
    )


def _serve(config: NodeConfig, lookup: MemberLookup, bound: _Bound) -> None:
    log = NodeLog(config.name, config.log_level)
    bridge_libraries(log)
    dump_stacks_on(signal.SIGUSR1)
    runtime = Runtime(Node(config), config, log, lookup)
    arrivals = Arrivals(config.limits.probe_ids_max)
    raft = None if bound.raft is None else start_persistence(config, runtime, bound.raft, arrivals)
    application = node_application(
        runtime,
        lambda: servers.requests_now(),  # noqa: PLW0108 - made below
        arrivals,
        lambda: None if raft is None else raft.status(),
        raft,
    )
    servers = Servers(application, bound.client, bound.peer, _limits(config))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: servers.stop())
    servers.wake_on_signals()
    if config.identity_header is None:
        log.write("warning", "peer_identity_unset", [("meaning", "anybody may speak as a member")])
    runtime.start()
    _announce(config)
    servers.run()
    if raft is not None:
        raft.shutdown()
    runtime.stop()
    log.write("info", "stopped")


def _limits(config: NodeConfig) -> Limits:
    """A node with CP has threads of its own for those who wait for it."""
    limits = config.limits
    if config.raft_port is None:
        return limits
    return replace(limits, client_threads=limits.client_threads + limits.cp_waiting_max)


def _announce(config: NodeConfig) -> None:
    ready = {
        "name": config.name,
        "address": config.address,
        "client_url": f"http://{config.host}:{config.client_port}",
        "peer_url": f"http://{config.host}:{config.peer_port}",
        "pid": os.getpid(),
    }
    if config.raft_port is not None:
        ready["raft"] = f"{config.host}:{config.raft_port}"
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
