"""Which link server a session uses: the real Toxiproxy where there is one, else the embedded one.

Invariant: both are spoken to by one API; only this page, reports and `cutheal links serve` tell them apart.
"""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from harness.links.embedded import BACKEND
from harness.links.locate import INSTALL_COMMAND, find_server, locate

AUTO, TOXIPROXY, EMBEDDED = "auto", "toxiproxy", BACKEND
CHOICES = (AUTO, TOXIPROXY, EMBEDDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A link server that can be started.

    Args:
        name: `toxiproxy` or `embedded`.
        path: of the real server's program; None for the embedded one.
        is_fallback: whether it is the embedded one because no real one was found.

    """

    name: str
    path: Path | None = None
    is_fallback: bool = False

    @property
    def hint(self) -> str:
        """How to get the real server, if this stands in for it; else empty."""
        return f"`{INSTALL_COMMAND}` installs the real Toxiproxy" if self.is_fallback else ""


def choose(links: str) -> Backend:
    """Return the link server that `--links` asks for.

    Args:
        links: one of CHOICES.

    Raises:
        NoLinkServer: `toxiproxy` and there is none, or $TOXIPROXY_SERVER names no program.

    """
    if links == EMBEDDED:
        return Backend(name=EMBEDDED)
    if links == TOXIPROXY:
        return Backend(name=TOXIPROXY, path=find_server())
    place = locate()
    if place is None:
        return Backend(name=EMBEDDED, is_fallback=True)
    return Backend(name=TOXIPROXY, path=place.path)


def title(name: str, version: str) -> str:
    """Return how a report names a link server.

    Args:
        name: of the backend.
        version: that its API tells; the embedded server's own is that of cutheal.

    """
    if name == EMBEDDED:
        return f"{EMBEDDED} {metadata.version('cutheal')} (API of Toxiproxy {version})"
    return f"{name} {version}"
