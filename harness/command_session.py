"""What commands that run a cluster share: their options, and a session of their own."""

import argparse
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.links.backend import AUTO, CHOICES
from harness.session import Session, SessionOptions
from harness.spec import TIME_SCALE_DEFAULT


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that runs a cluster."""
    parser.add_argument(
        "--links",
        choices=CHOICES,
        default=AUTO,
        help="link server: a real Toxiproxy is found by $TOXIPROXY_SERVER, on PATH, or where "
        "`cutheal toxiproxy install` puts it; auto takes the embedded one where there is none",
    )
    parser.add_argument(
        "--time-scale",
        type=float,
        default=TIME_SCALE_DEFAULT,
        metavar="F",
        help="real seconds per document second, 0.02 to 1 (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of everything drawn (default: %(default)s)")
    parser.add_argument("--node-log-level", choices=("debug", "info", "warning"), default="info")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout instead")


@contextmanager
def command_session(arguments: argparse.Namespace) -> Iterator[Session]:
    """Give a session in a temporary folder that its launcher makes, and that goes with it."""
    folder = Path(tempfile.gettempdir()) / f"cutheal-{secrets.token_hex(6)}"
    options = SessionOptions(
        folder=folder / "command",
        run_folder=folder,
        worker="command",
        links=arguments.links,
        time_scale=arguments.time_scale,
        seed=arguments.seed,
        node_log_level=arguments.node_log_level,
    )
    session = Session(options)
    try:
        yield session
    finally:
        session.close()
