"""`cutheal links serve`: a link server of its own, until Ctrl-C, for other programs and by hand.

Invariant: what is printed first says where the API answers, and it does; the server ends with this command.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
from functools import partial

from harness.exit_codes import ExitCode
from harness.links.api import LinkServerDied
from harness.links.backend import EMBEDDED, TOXIPROXY, title
from harness.links.embedded import API_VERSION
from harness.links.embedded import main as embedded
from harness.links.locate import find_server
from harness.links.toxiproxy import server_argv, wait_ready
from harness.ports import HOST
from harness.processes import arm_parent_death
from harness.waiting import WaitTimeout

PORT_DEFAULT = 8474
"""Toxiproxy's own."""

PORT_MAX = 65535


AWAITED = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
"""What ends a real server's wait; blocked meanwhile, so that none of them comes unseen."""


class CannotServe(Exception):
    """The port is taken, or not ours to take; the message says what would be right."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `links serve` to the command's words."""
    parser = commands.add_parser("links", help="a link server of its own: real or embedded")
    parser.set_defaults(run=run)
    server = parser.add_subparsers(required=True, metavar="serve").add_parser(
        "serve",
        help="run a link server until Ctrl-C",
        description="Run a link server with Toxiproxy's HTTP API on loopback, until Ctrl-C or SIGTERM.",
    )
    server.add_argument(
        "--backend", choices=(EMBEDDED, TOXIPROXY), default=EMBEDDED, help="(default: %(default)s)"
    )
    server.add_argument(
        "--port",
        type=_port,
        default=PORT_DEFAULT,
        metavar="N",
        help="of the API; 0 is any (default: %(default)s)",
    )
    server.add_argument(
        "--seed", type=int, metavar="N", help="of what befalls connections; embedded only (default: drawn)"
    )
    server.add_argument("--json", action="store_true", help="print one JSON document on stdout instead")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; return an exit code.

    Raises:
        NoLinkServer: `--backend toxiproxy` and there is none.
        LinkServerDied: the real server ended.

    """
    serve = _serve_embedded if arguments.backend == EMBEDDED else _serve_toxiproxy
    try:
        return serve(arguments)
    except CannotServe as problem:
        return _complain(str(problem), ExitCode.NOT_SO)
    except WaitTimeout as problem:
        return _complain(str(problem), ExitCode.DIED)


def _serve_embedded(arguments: argparse.Namespace) -> int:
    listener = _listen(arguments.port)
    address = f"{HOST}:{listener.getsockname()[1]}"
    ready = partial(_tell, arguments, EMBEDDED, API_VERSION, address, os.getpid())
    return embedded.serve(listener, arguments.seed, ready)


def _serve_toxiproxy(arguments: argparse.Namespace) -> int:
    if arguments.seed is not None:
        return _complain(f"--seed {arguments.seed}: the real Toxiproxy draws from no seed", ExitCode.MISTAKE)
    argv_of = partial(server_argv, find_server())
    with _listen(arguments.port) as free:
        address = f"{HOST}:{free.getsockname()[1]}"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    server = subprocess.Popen(
        argv_of(address),
        env={"LOG_LEVEL": "error", **os.environ},
        stdout=sys.stderr,
        preexec_fn=_begin_child,  # noqa: PLW1509 - there is one thread
    )
    try:
        api = wait_ready(address, pid=server.pid, interrupt=lambda: _raise_if_ended(server))
        _tell(arguments, TOXIPROXY, api.version, address, server.pid)
        api.close()
        if signal.sigwait(AWAITED) == signal.SIGCHLD:
            _raise_if_ended(server)
        return ExitCode.DONE
    finally:
        server.kill()
        server.wait()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_child() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
    arm_parent_death()


def _raise_if_ended(server: "subprocess.Popen[bytes]") -> None:
    if server.poll() is not None:
        raise LinkServerDied(f"the link server (pid {server.pid}) ended with status {server.returncode}")


def _listen(port: int) -> socket.socket:
    try:
        return embedded.listen(f"{HOST}:{port}")
    except OSError as problem:
        raise CannotServe(
            f"cannot listen on {HOST}:{port}: {os.strerror(problem.errno or 0).lower()}; "
            "--port 0 takes any that is free"
        ) from problem


def _tell(arguments: argparse.Namespace, backend: str, version: str, address: str, pid: int) -> None:
    url = f"http://{address}"
    if arguments.json:
        line = json.dumps({"backend": backend, "version": version, "api": url, "pid": pid})
    else:
        line = f"links  {title(backend, version)}  {url}/proxies\nCtrl-C ends it"
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; right would be 0 to {PORT_MAX}")
    return int(text)


def _complain(text: str, code: ExitCode) -> int:
    sys.stderr.write(f"cutheal: {text}\n")
    return code
