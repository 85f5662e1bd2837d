"""The answering end's line about a call between members; `runtime.peers` writes the calling end's."""

from nodecore.runtime.loop import Runtime
from nodecore.web.request import Request


def log_received(runtime: Runtime, request: Request, source: str, kind: str, keys: str) -> None:
    """Write one debug line with the call id, by which both ends' lines are matched.

    Args:
        runtime: whose log and address it is.
        request: carries X-Call-Id.
        source: the calling member's advertised address, "" if it gave none.
        kind: what was said, as the calling end names it.
        keys: what it was said about.
    """
    if not runtime.log.enabled("debug"):
        return
    fields = [
        ("call_id", request.header("X-Call-Id") or ""),
        ("source", source),
        ("target", runtime.config.address),
        ("kind", kind),
        ("keys", keys),
    ]
    runtime.log.write("debug", "call_received", fields)
