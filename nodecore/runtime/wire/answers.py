"""The answerer's half of the peer protocol: requests to messages, the core's answers to responses."""

from typing import assert_never

from nodecore.core.answers import Refused
from nodecore.core.messages import (
    Accepted,
    DataAnswer,
    DigestAnswer,
    ForwardAnswer,
    NotLoadedAnswer,
    PeerAnswer,
    Pull,
    Report,
    ReportAnswer,
    ServiceStatus,
    SnapshotAnswer,
    SyncData,
    SyncDelete,
    Verify,
    VerifyDigest,
)
from nodecore.errors import Malformed
from nodecore.runtime.wire.calls import (
    BY_DIGEST,
    MERGES_OWED_HEADER,
    ROOT_HEADER,
    VERIFY_HEADER,
    split_addresses,
)
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.records import decode_datums, decode_member, encode_datums
from nodecore.runtime.wire.values import JSON_TYPE, TEXT_TYPE, as_object, as_text, dump, load_object

_JSON = {"Content-Type": JSON_TYPE}
_TEXT = {"Content-Type": TEXT_TYPE}


def decode_report(body: bytes) -> Report:
    """Read POST /core/cluster/report."""
    return Report(decode_member(body))


def decode_sync_data(body: bytes) -> SyncData:
    """Read PUT /distro/datum.

    Raises:
        Malformed: also for an empty map, in Nacos' words.
    """
    data = decode_datums(body)
    if not data:
        raise Malformed("receive empty entity!")
    return SyncData(data)


def decode_sync_delete(body: bytes) -> SyncDelete:
    """Read DELETE /distro/datum."""
    return SyncDelete(_decode_keys(body))


def decode_pull(body: bytes) -> Pull:
    """Read GET /distro/datum, whose keys are in a JSON body."""
    return Pull(_decode_keys(body))


def decode_status(body: bytes) -> tuple[str, ServiceStatus]:
    """Read POST /service/status: the sender's address, and what it says of its services."""
    fields = load_object(body, "the service status")
    said = load_object(as_text(fields.get("statuses"), "statuses"), "statuses")
    checksums = as_object(said.get("serviceName2Checksum"), "serviceName2Checksum")
    return as_text(fields.get("clientIP"), "clientIP"), ServiceStatus(
        namespace=as_text(said.get("namespaceId"), "namespaceId"),
        checksums=tuple(
            (as_text(name, "a service"), as_text(checksums[name], "a checksum")) for name in sorted(checksums)
        ),
    )


def decode_verify(body: bytes, ring: str | None) -> Verify:
    """Read PUT /distro/checksum; `ring` is the X-Ring header, None from a foreign sender."""
    checksums = load_object(body, "the map of checksums")
    return Verify(
        checksums=tuple(
            (as_text(key, "a key"), as_text(checksums[key], "a checksum")) for key in sorted(checksums)
        ),
        ring=None if ring is None else split_addresses(ring),
    )


def decode_digest(body: bytes) -> VerifyDigest:
    """Read PUT /distro/digest."""
    return VerifyDigest(as_text(load_object(body, "the body").get("digest"), "digest"))


def encode_peer_answer(  # noqa: PLR0911  one return per answer
    answer: PeerAnswer,
) -> HttpAnswer:
    """Return the response for what the core answered a peer."""
    match answer:
        case Accepted():
            return HttpAnswer(status=200, headers=_TEXT, body=b"ok")
        case ReportAnswer():
            return _reported(answer)
        case DigestAnswer(wants_checksums):
            return HttpAnswer(status=200, headers=_JSON, body=dump({"wantsChecksums": wants_checksums}))
        case NotLoadedAnswer():
            return HttpAnswer(status=503, headers=_JSON, body=dump({"loaded": False}))
        case DataAnswer(data):
            return HttpAnswer(status=200, headers=_JSON, body=encode_datums(data))
        case SnapshotAnswer():
            return _snapshot(answer)
        case Refused(status=status, message=message):
            return HttpAnswer(status=status, headers=_TEXT, body=message.encode())
        case ForwardAnswer():
            raise TypeError("a forward is answered as a client request, not as a peer message")
        case _:
            assert_never(answer)


def envelope(data: object, code: int = 200, message: str | None = None) -> dict[str, object]:
    """Return the wrapping of everything under /nacos/v1/core."""
    return {"code": code, "message": message, "data": data}


def _reported(answer: ReportAnswer) -> HttpAnswer:
    headers = _JSON | ({VERIFY_HEADER: BY_DIGEST} if answer.takes_digest else {})
    return HttpAnswer(status=200, headers=headers, body=dump(envelope("true" if answer.known else "false")))


def _snapshot(answer: SnapshotAnswer) -> HttpAnswer:
    said = {MERGES_OWED_HEADER: ",".join(answer.merges_owed), ROOT_HEADER: answer.root}
    headers = _JSON | {name: value for name, value in said.items() if value}
    return HttpAnswer(status=200, headers=headers, body=encode_datums(answer.data))


def _decode_keys(body: bytes) -> tuple[str, ...]:
    keys = as_text(load_object(body, "the body").get("keys"), "keys")
    found = tuple(key for key in keys.split(",") if key)
    if not found:
        raise Malformed('the body must name keys: {"keys": "k1,k2"}')
    return found
