"""The real Toxiproxy: how its server is started, and when it is ready.

Invariant: an API that answers belongs to the process that we started. A Toxiproxy whose API port is taken
lives on without an API, and somebody else's may answer there.
"""

from collections.abc import Callable
from pathlib import Path

import psutil

from harness.links.api import LinkServerDied, ToxiproxyApi
from harness.links.link import socket_address
from harness.waiting import wait_for

START_REAL_S = 10.0
"""It takes 5 ms."""


def server_argv(path: Path, api_address: str) -> tuple[str, ...]:
    """Return the command line of a server whose API is at "127.0.0.1:PORT"; set LOG_LEVEL=warn beside it."""
    host, port = socket_address(api_address)
    return (str(path), "-host", host, "-port", str(port))


def wait_ready(api_address: str, *, pid: int, interrupt: Callable[[], object] = lambda: None) -> ToxiproxyApi:
    """Wait until the server answers and return its API.

    Args:
        api_address: "127.0.0.1:PORT".
        pid: of the process that was started.
        interrupt: called meanwhile; raises when the process has ended.

    Raises:
        LinkServerDied: the API is another process's, which had taken the port.
        WaitTimeout: no answer within 10 s real time.
        Exception: what `interrupt` raises.

    """
    api = ToxiproxyApi(api_address)
    try:
        wait_for(
            f"the link server at {api_address} to answer",
            lambda: api.version,
            bool,
            START_REAL_S,
            interrupt=interrupt,
            tolerate=(LinkServerDied,),
        )
        _check_owner(pid, api_address, interrupt)
    except BaseException:
        api.close()
        raise
    return api


def _check_owner(pid: int, api_address: str, interrupt: Callable[[], object]) -> None:
    if _listens(pid, api_address):
        return
    interrupt()
    if not _is_running(pid):
        raise LinkServerDied(f"the link server at {api_address} (pid {pid}) died when it had just started")
    raise LinkServerDied(
        f"the API at {api_address} is not of the link server that was started (pid {pid}): "
        "another process has taken its port"
    )


def _listens(pid: int, address: str) -> bool:
    """Tell whether a process, or one that it started, listens on an address."""
    try:
        started = psutil.Process(pid)
        connections = [
            connection
            for process in (started, *started.children(recursive=True))
            for connection in process.net_connections(kind="tcp4")
        ]
    except psutil.NoSuchProcess:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr == socket_address(address) for c in connections)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
