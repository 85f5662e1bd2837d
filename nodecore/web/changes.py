"""What changes a registered instance without registering it again: PATCH and metadata batches (9.1).

Invariant: a field that was not sent is None, never a default: a patch must not undo what it does not name.
"""

from nodecore.core.operations import ChangeMetadata, PatchInstance
from nodecore.core.records import DEFAULT_CLUSTER, InstanceId
from nodecore.errors import BadRequest, Malformed
from nodecore.runtime.wire.values import as_integer, as_object, as_text, load
from nodecore.web import parameters as read
from nodecore.web.parameters import Parameters

_EPHEMERAL, _PERSISTENT = "ephemeral", "persist"


def read_patch(parameters: Parameters) -> PatchInstance:
    """Return what PATCH /instance is to change of which instance."""
    return PatchInstance(
        namespace=read.namespace(parameters),
        service=read.grouped_service(parameters),
        ip=read.ip(parameters),
        port=read.port(parameters),
        cluster=read.cluster(parameters),
        weight=read.weight(parameters) if _names(parameters, "weight") else None,
        healthy=read.flag(parameters, ("healthy",), default=True) if _names(parameters, "healthy") else None,
        enabled=_enabled(parameters),
        metadata=read.metadata(parameters) if _names(parameters, "metadata") else None,
        app=read.optional(parameters, ("app",), "") or None,
    )


def read_metadata_change(parameters: Parameters, *, remove: bool) -> ChangeMetadata:
    """Return which names of the metadata of which instances are to change.

    Args:
        parameters: `consistencyType` names all of a kind, else `instances` is a JSON list of them.
        remove: DELETE takes the names out, PUT sets them.
    """
    read.required(parameters, "metadata")
    return ChangeMetadata(
        namespace=read.namespace(parameters),
        service=read.grouped_service(parameters),
        metadata=read.metadata(parameters),
        remove=remove,
        instances=_instances(parameters),
    )


def _instances(parameters: Parameters) -> tuple[InstanceId, ...] | None:
    kind = parameters.get("consistencyType", "").strip()
    if kind == _EPHEMERAL:
        return None
    if kind == _PERSISTENT:
        return ()  # this node has none
    if kind:
        raise BadRequest(f"consistencyType {kind[:80]!r} is neither {_EPHEMERAL} nor {_PERSISTENT}")
    text = parameters.get("instances", "").strip()
    items = load(text, "instances") if text else []
    if not isinstance(items, list):
        raise BadRequest("instances must be a JSON list of objects with ip and port")
    found = [_identity(item) for item in items]
    return tuple(identity for identity in found if identity is not None)


def _identity(item: object) -> InstanceId | None:
    """Return an instance of the list, None for a persistent one, of which this node has none."""
    try:
        fields = as_object(item, "one of instances")
        identity = (
            read.checked_ip(as_text(fields.get("ip"), "its ip")),
            read.checked_port(as_integer(fields.get("port"), "its port")),
            read.checked_cluster(as_text(fields.get("clusterName") or DEFAULT_CLUSTER, "its clusterName")),
        )
    except Malformed as error:
        raise BadRequest(f"instances: {error}") from error
    return None if fields.get("ephemeral") is False else identity


def _enabled(parameters: Parameters) -> bool | None:
    spelt = ("enabled", "enable")
    named = any(_names(parameters, name) for name in spelt)
    return read.flag(parameters, spelt, default=True) if named else None


def _names(parameters: Parameters, name: str) -> bool:
    return bool(parameters.get(name, "").strip())
