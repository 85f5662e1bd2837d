"""Who may speak as a member: the cluster's identity header (design section 4).

Invariant: with a header configured, nothing that only a member may say is taken without it.
"""

import hmac

from nodecore.config import NodeConfig
from nodecore.errors import Forbidden
from nodecore.web.request import Request


class PeerIdentity:
    """Checks the header whose name and value all members are configured with; unset: open."""

    def __init__(self, config: NodeConfig) -> None:
        self._header = config.identity_header
        self._value = config.identity_value.encode()

    @property
    def is_set(self) -> bool:
        """Whether members are known by a header at all."""
        return self._header is not None

    def check(self, request: Request) -> None:
        """Let a member's call pass.

        Raises:
            Forbidden: the header is missing or has another value.
        """
        if self._header is None:
            return
        given = (request.header(self._header) or "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self._value):
            raise Forbidden(f"access denied: a call between members needs the right {self._header} header")

    def forwarder(self, request: Request) -> str | None:
        """Return the address of the member that forwards this client request, None for a client itself.

        Raises:
            Forbidden: it claims to be forwarded but does not come from a member.
        """
        if "Nacos-Server" not in (request.header("User-Agent") or ""):
            return None
        self.check(request)
        return request.header("Request-Source") or ""
