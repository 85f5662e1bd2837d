"""The caller's half of the peer protocol: messages to requests, answers to the core's words.

Paths and bodies are those of reference/nacos-1.4.md 1.9 and nacos-observed.md c; what is ours alone
(DELETE of datums, X-Ring, X-Merges-Owed, X-Root) is in documents/requirements.md R12-R14. The digest of
verify is ours too: only who has said so in the answer to a report (X-Verify) is sent one.
"""

from typing import assert_never
from urllib.parse import quote, urlencode

from nodecore.core.answers import Refused, Relayed
from nodecore.core.messages import (
    Accepted,
    DataAnswer,
    DigestAnswer,
    FetchSnapshot,
    Forward,
    ForwardAnswer,
    InstanceHealth,
    NotLoadedAnswer,
    PeerAnswer,
    PeerMessage,
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
from nodecore.core.operations import (
    Beat,
    ChangeMetadata,
    DeregisterInstance,
    InstanceWrite,
    PatchInstance,
    RegisterInstance,
    SetHealth,
)
from nodecore.core.records import Instance
from nodecore.errors import Malformed
from nodecore.runtime.wire.health import encode_health
from nodecore.runtime.wire.http import HttpAnswer, HttpCall
from nodecore.runtime.wire.records import decode_datums, encode_datums, member_body
from nodecore.runtime.wire.values import JSON_TYPE, as_flag, dump, load_object

DATUM = "/nacos/v1/ns/distro/datum"
DATUMS = "/nacos/v1/ns/distro/datums"
CHECKSUM = "/nacos/v1/ns/distro/checksum"
DIGEST = "/nacos/v1/ns/distro/digest"
STATUS = "/nacos/v1/ns/service/status"
REPORT = "/nacos/v1/core/cluster/report"
INSTANCE = "/nacos/v1/ns/instance"
BEAT = "/nacos/v1/ns/instance/beat"
HEALTH = "/nacos/v1/ns/health/instances"
SET_HEALTH = "/nacos/v1/ns/health/instance"
METADATA_BATCH = "/nacos/v1/ns/instance/metadata/batch"
RING_HEADER = "X-Ring"
MERGES_OWED_HEADER = "X-Merges-Owed"
ROOT_HEADER = "X-Root"
VERIFY_HEADER = "X-Verify"
BY_DIGEST = "digest"
"""In the answer to a report: a member that takes a digest before, and mostly instead of, the checksums."""
FORM_TYPE = "application/x-www-form-urlencoded;charset=UTF-8"

_JSON = (("Content-Type", JSON_TYPE),)
_FORM = (("Content-Type", FORM_TYPE),)
_MESSAGE_LENGTH_MAX = 200


def encode_call(  # noqa: C901, PLR0911  one return per message
    message: PeerMessage, source: str
) -> HttpCall:
    """Return the request that says `message`; `source` is the caller's advertised address."""
    match message:
        case Report(member):
            return HttpCall(method="POST", target=REPORT, body=dump(member_body(member)), headers=_JSON)
        case SyncData(data):
            return HttpCall(method="PUT", target=DATUM, body=encode_datums(data), headers=_JSON)
        case SyncDelete(keys):
            return HttpCall(method="DELETE", target=DATUM, body=_keys(keys), headers=_JSON)
        case Verify():
            return _verify(message, source)
        case VerifyDigest(digest):
            body = dump({"digest": digest})
            return HttpCall(method="PUT", target=_from(DIGEST, source), body=body, headers=_JSON)
        case Pull(keys):
            return HttpCall(method="GET", target=DATUM, body=_keys(keys), headers=_JSON)
        case FetchSnapshot():
            return HttpCall(method="GET", target=DATUMS)
        case ServiceStatus():
            return HttpCall(method="POST", target=STATUS, body=_status(message, source), headers=_JSON)
        case InstanceHealth():
            target = _from(HEALTH, source)
            return HttpCall(method="PUT", target=target, body=encode_health(message), headers=_JSON)
        case Forward(operation):
            return _forward(operation)
        case _:
            assert_never(message)


def decode_answer(message: PeerMessage, answer: HttpAnswer) -> PeerAnswer:
    """Return what the peer said to `message`.

    Raises:
        Malformed: a 200 whose body is not the answer to that message.
    """
    if isinstance(message, Forward):
        return ForwardAnswer(Relayed(status=answer.status, content_type=JSON_TYPE, body=answer.body))
    if answer.status == 503 and _says_not_loaded(answer.body):
        return NotLoadedAnswer()
    if answer.status not in (200, 304):
        return Refused(status=answer.status, message=_sentence(answer), definite=answer.status < 500)
    return _decode_success(message, answer)


def describe_keys(message: PeerMessage) -> str:  # noqa: PLR0911  one return per message
    """Return the key or keys that a message is about, for the log; "" when it is about none."""
    match message:
        case SyncData(data):
            return ",".join(d.key for d in data)
        case SyncDelete(keys) | Pull(keys):
            return ",".join(keys)
        case Verify() | ServiceStatus():
            return ",".join(key for key, _ in message.checksums)
        case Forward(RegisterInstance(instance=instance)):
            return instance.service
        case InstanceHealth(health):
            return ",".join(key for key, _ in health)
        case Forward(
            DeregisterInstance() | PatchInstance() | ChangeMetadata() | Beat() | SetHealth() as operation
        ):
            return operation.service
        case _:
            return ""


def _decode_success(message: PeerMessage, answer: HttpAnswer) -> PeerAnswer:
    match message:
        case Report():
            by_digest = answer.headers.get(VERIFY_HEADER.lower()) == BY_DIGEST
            return _report_answer(answer.body, takes_digest=by_digest)
        case VerifyDigest():
            wanted = as_flag(load_object(answer.body, "the answer to a digest").get("wantsChecksums"), "it")
            return DigestAnswer(wants_checksums=wanted)
        case Pull():
            return DataAnswer(decode_datums(answer.body))
        case FetchSnapshot():
            owed = answer.headers.get(MERGES_OWED_HEADER.lower(), "")
            root = answer.headers.get(ROOT_HEADER.lower(), "")
            return SnapshotAnswer(
                data=decode_datums(answer.body), merges_owed=split_addresses(owed), root=root
            )
        case _:
            return _accepted(answer)


def split_addresses(text: str) -> tuple[str, ...]:
    """Split `ip:port,ip:port`; empty parts are dropped."""
    return tuple(part for part in (p.strip() for p in text.split(",")) if part)


def _verify(message: Verify, source: str) -> HttpCall:
    ring = () if message.ring is None else ((RING_HEADER, ",".join(message.ring)),)
    return HttpCall(
        method="PUT",
        target=_from(CHECKSUM, source),
        body=dump(dict(message.checksums)),
        headers=_JSON + ring,
    )


def _from(path: str, source: str) -> str:
    return f"{path}?source={quote(source, safe=':')}"


def _keys(keys: tuple[str, ...]) -> bytes:
    return dump({"keys": ",".join(keys)})


def _status(message: ServiceStatus, source: str) -> bytes:
    said = {"namespaceId": message.namespace, "serviceName2Checksum": dict(message.checksums)}
    return dump({"clientIP": source, "statuses": dump(said).decode()})


def _forward(operation: InstanceWrite) -> HttpCall:
    match operation:
        case RegisterInstance():
            return _form_call("POST", INSTANCE, _registration(operation))
        case DeregisterInstance():
            parameters = _identity(operation) | {"ephemeral": _flag(operation.ephemeral)}
            return _query_call("DELETE", INSTANCE, parameters)
        case Beat():
            return _form_call("PUT", BEAT, _identity(operation) | _full_beat(operation.instance))
        case PatchInstance():
            return _query_call("PATCH", INSTANCE, _identity(operation) | _patch(operation))
        case ChangeMetadata():
            method = "DELETE" if operation.remove else "PUT"
            return _query_call(method, METADATA_BATCH, _metadata_change(operation))
        case SetHealth():
            parameters = _identity(operation) | {"healthy": _flag(operation.healthy)}
            return _query_call("PUT", SET_HEALTH, parameters)
        case _:
            assert_never(operation)


def _form_call(method: str, path: str, parameters: dict[str, str]) -> HttpCall:
    return HttpCall(method=method, target=path, body=urlencode(parameters).encode(), headers=_FORM)


def _query_call(method: str, path: str, parameters: dict[str, str]) -> HttpCall:
    return HttpCall(method=method, target=f"{path}?{urlencode(parameters)}")


def _identity(operation: DeregisterInstance | PatchInstance | Beat | SetHealth) -> dict[str, str]:
    return {
        "namespaceId": operation.namespace,
        "serviceName": operation.service,
        "ip": operation.ip,
        "port": str(operation.port),
        "clusterName": operation.cluster,
    }


def _registration(operation: RegisterInstance) -> dict[str, str]:
    instance = operation.instance
    return {
        "namespaceId": operation.namespace,
        "serviceName": instance.service,
        "ip": instance.ip,
        "port": str(instance.port),
        "clusterName": instance.cluster,
        "weight": repr(instance.weight),
        "healthy": _flag(instance.healthy),
        "enabled": _flag(instance.enabled),
        "ephemeral": _flag(instance.ephemeral),
        "app": instance.app,
        "metadata": dump(dict(instance.metadata)).decode(),
    }


def _patch(operation: PatchInstance) -> dict[str, str]:
    given = {
        "weight": None if operation.weight is None else repr(operation.weight),
        "healthy": None if operation.healthy is None else _flag(operation.healthy),
        "enabled": None if operation.enabled is None else _flag(operation.enabled),
        "metadata": None if operation.metadata is None else dump(dict(operation.metadata)).decode(),
        "app": operation.app,
        "ephemeral": None if operation.ephemeral is None else _flag(operation.ephemeral),
    }
    return {name: value for name, value in given.items() if value is not None}


def _metadata_change(operation: ChangeMetadata) -> dict[str, str]:
    said = {
        "namespaceId": operation.namespace,
        "serviceName": operation.service,
        "metadata": dump(dict(operation.metadata)).decode(),
    }
    if operation.instances is None:
        return said | {"consistencyType": "ephemeral"}
    named = [
        {"ip": ip, "port": port, "clusterName": cluster, "ephemeral": True}
        for ip, port, cluster in operation.instances
    ]
    return said | {"instances": dump(named).decode()}


def _full_beat(instance: Instance | None) -> dict[str, str]:
    if instance is None:
        return {}
    beat = {
        "ip": instance.ip,
        "port": instance.port,
        "cluster": instance.cluster,
        "serviceName": instance.service,
        "weight": instance.weight,
        "ephemeral": instance.ephemeral,
        "metadata": dict(instance.metadata),
    }
    return {"beat": dump(beat).decode()}


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _report_answer(body: bytes, *, takes_digest: bool) -> PeerAnswer:
    envelope = load_object(body, "the answer to a report")
    code = envelope.get("code")
    if code != 200:
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        return Refused(status=status, message=f"the report was answered with code {code!r}")
    known = str(envelope.get("data")).lower() != "false"
    return ReportAnswer(known=known, takes_digest=takes_digest)


def _accepted(answer: HttpAnswer) -> PeerAnswer:
    if answer.status == 200 and answer.body.strip() != b"ok":
        raise Malformed("a 200 whose body is not ok")
    return Accepted()


def _says_not_loaded(body: bytes) -> bool:
    try:
        return load_object(body, "the answer").get("loaded") is False
    except Malformed:
        return False


def _sentence(answer: HttpAnswer) -> str:
    text = answer.body.decode(errors="replace").strip().partition("\n")[0]
    return text[:_MESSAGE_LENGTH_MAX] or f"status {answer.status} without a sentence"
