"""The floor of a boot and of the client API: a bare waitress process with a constant answer."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from waitress.server import create_server

BODY = b"ok"


def main(argv: Sequence[str]) -> int:
    """Serve the constant on 127.0.0.1 at the port `argv[0]` until killed."""
    logging.getLogger("waitress.queue").setLevel(
        logging.ERROR
    )  # else each burst costs it a line, and no node
    create_server(_application, host="127.0.0.1", port=int(argv[0]), threads=4).run()
    return 0


def _application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", str(len(BODY))), ("Content-Type", "text/plain")])
    return [BODY]
