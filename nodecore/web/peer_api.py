"""The API between members: `/nacos/v1/ns/distro/*` and `/nacos/v1/core/cluster/report` (R12-R15, R17).

Invariant: nothing reaches the core that does not carry the cluster's identity, or that is not whole.
"""

from nodecore.core.messages import Accepted, DataAnswer, FetchSnapshot, PeerMessage, SnapshotAnswer
from nodecore.core.records import instances_in
from nodecore.errors import Malformed
from nodecore.runtime.loop import Runtime
from nodecore.runtime.wire.answers import (
    decode_digest,
    decode_pull,
    decode_report,
    decode_status,
    decode_sync_data,
    decode_sync_delete,
    decode_verify,
    encode_peer_answer,
    envelope,
)
from nodecore.runtime.wire.calls import RING_HEADER, describe_keys
from nodecore.runtime.wire.client import json_answer
from nodecore.runtime.wire.health import decode_health
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.web.identity import PeerIdentity
from nodecore.web.parameters import required
from nodecore.web.received import log_received
from nodecore.web.replies import await_reply
from nodecore.web.request import Request


class PeerApi:
    """Answers other members."""

    def __init__(self, runtime: Runtime, identity: PeerIdentity) -> None:
        self._runtime = runtime
        self._identity = identity

    def put_datum(self, request: Request) -> HttpAnswer:
        """PUT /distro/datum: changed datums."""
        self._identity.check(request)
        return self._answer(request, decode_sync_data(request.body()))

    def delete_datum(self, request: Request) -> HttpAnswer:
        """DELETE /distro/datum: deleted keys."""
        self._identity.check(request)
        return self._answer(request, decode_sync_delete(request.body()))

    def get_datum(self, request: Request) -> HttpAnswer:
        """GET /distro/datum, with the keys in a JSON body."""
        self._identity.check(request)
        return self._answer(request, decode_pull(request.body()))

    def get_datums(self, request: Request) -> HttpAnswer:
        """GET /distro/datums: the snapshot."""
        self._identity.check(request)
        return self._answer(request, FetchSnapshot())

    def put_checksum(self, request: Request) -> HttpAnswer:
        """PUT /distro/checksum?source=: verify."""
        self._identity.check(request)
        source = required(request.query_parameters(), "source")
        message = decode_verify(request.body(), request.header(RING_HEADER))
        return self._answer(request, message, source)

    def put_digest(self, request: Request) -> HttpAnswer:
        """PUT /distro/digest?source=: verify between our own nodes, as long as nothing differs."""
        self._identity.check(request)
        source = required(request.query_parameters(), "source")
        return self._answer(request, decode_digest(request.body()), source)

    def service_status(self, request: Request) -> HttpAnswer:
        """POST /service/status: a foreign member's health checksums, which ask for ours in return.

        One of our own nodes is known by the call id, and is not answered with another: it would never end.
        """
        self._identity.check(request)
        source, message = decode_status(request.body())
        if request.header("X-Call-Id") is not None:
            return encode_peer_answer(Accepted())
        return self._answer(request, message, source)

    def instance_health(self, request: Request) -> HttpAnswer:
        """PUT /health/instances?source=: the health of persistent instances that the source checks (R19)."""
        self._identity.check(request)
        source = required(request.query_parameters(), "source")
        return self._answer(request, decode_health(request.body()), source)

    def report(self, request: Request) -> HttpAnswer:
        """POST /core/cluster/report; what is no member is refused inside the envelope, as Nacos does."""
        self._identity.check(request)
        try:
            message = decode_report(request.body())
        except Malformed as error:
            return json_answer(envelope(None, code=400, message=f"Node information is illegal: {error}"))
        return self._answer(request, message, message.member.address)

    def _answer(self, request: Request, message: PeerMessage, source: str = "") -> HttpAnswer:
        source = source or request.header("Request-Source") or ""
        log_received(self._runtime, request, source, type(message).__name__, describe_keys(message))
        answer = await_reply(self._runtime.ask_as_peer(message, source, may_wait=request.may_wait))
        if isinstance(answer, DataAnswer | SnapshotAnswer):
            request.leave_if_long(instances_in(*answer.data))
        return encode_peer_answer(answer)
