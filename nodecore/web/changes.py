"""What changes a registered instance without registering it again: PATCH and metadata batches (9.1).

Invariant: a field that was not sent is None, never a default: a patch must not undo what it does not name.
"""

from dataclasses import replace

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
        weight=read.weight(parameters) if read.says(parameters, "weight") else None,
        healthy=read.flag(parameters, ("healthy",), default=True)
        if read.says(parameters, "healthy")
        else None,
        enabled=_enabled(parameters),
        metadata=read.metadata(parameters) if read.says(parameters, "metadata") else None,
        app=read.optional(parameters, ("app",), "") or None,
        ephemeral=read.kind(parameters),
    )


def read_metadata_changes(parameters: Parameters, *, remove: bool) -> list[ChangeMetadata]:
    """Return which names of the metadata of which instances are to change, each kind for itself.

    Args:
        parameters: `consistencyType` names all of a kind, else `instances` is a JSON list of them.
        remove: DELETE takes the names out, PUT sets them.
    """
    read.required(parameters, "metadata")
    change = ChangeMetadata(
        namespace=read.namespace(parameters),
        service=read.grouped_service(parameters),
        metadata=read.metadata(parameters),
        remove=remove,
        instances=None,
    )
    kind = parameters.get("consistencyType", "").strip()
    if kind and kind not in (_EPHEMERAL, _PERSISTENT):
        raise BadRequest(f"consistencyType {kind[:80]!r} is neither {_EPHEMERAL} nor {_PERSISTENT}")
    if kind:
        return [replace(change, ephemeral=kind == _EPHEMERAL)]
    persistent, ephemeral = _instances(parameters)
    changes = [replace(change, ephemeral=False, instances=persistent)] if persistent else []
    return [*changes, replace(change, instances=ephemeral)] if ephemeral or not persistent else changes


def _instances(parameters: Parameters) -> tuple[tuple[InstanceId, ...], tuple[InstanceId, ...]]:
    """Return the persistent and the ephemeral ones that are named."""
    text = parameters.get("instances", "").strip()
    items = load(text, "instances") if text else []
    if not isinstance(items, list):
        raise BadRequest("instances must be a JSON list of objects with ip and port")
    found = [_identity(item) for item in items]
    kinds = (False, True)
    persistent, ephemeral = (tuple(i for i, is_ephemeral in found if is_ephemeral is k) for k in kinds)
    return persistent, ephemeral


def _identity(item: object) -> tuple[InstanceId, bool]:
    """Return an instance of the list, and whether it is an ephemeral one."""
    try:
        fields = as_object(item, "one of instances")
        identity = (
            read.checked_ip(as_text(fields.get("ip"), "its ip")),
            read.checked_port(as_integer(fields.get("port"), "its port")),
            read.checked_cluster(as_text(fields.get("clusterName") or DEFAULT_CLUSTER, "its clusterName")),
        )
    except Malformed as error:
        raise BadRequest(f"instances: {error}") from error
    return identity, fields.get("ephemeral") is not False


def _enabled(parameters: Parameters) -> bool | None:
    spelt = ("enabled", "enable")
    named = any(read.says(parameters, name) for name in spelt)
    return read.flag(parameters, spelt, default=True) if named else None
