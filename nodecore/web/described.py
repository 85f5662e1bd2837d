"""What each route takes and answers, for `/openapi.json`: one entry per name in `routes.ROUTES`.

Invariant: a status that a handler can answer with stands here; a value that fits its schema is taken. Values
that Nacos' leniency takes beside these are not described.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nodecore.core.keys import EPHEMERAL_PREFIX, INSTANCES_PREFIX

Schema = Mapping[str, Any]

OBJECT: Schema = {"type": "object"}
OK: Schema = {"const": "ok"}
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_HOST = r"[0-9.]*[A-Za-z:_-][0-9A-Za-z.:_-]*"
_NAME = r"[0-9a-zA-Z._:-]+"
_WORD = r"[0-9a-zA-Z._-]+"


def _text(pattern: str, length_max: int = 200) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern})$", "minLength": 1, "maxLength": length_max}


_FLAG: Schema = {"type": "boolean"}
_ANY_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_PORT: Schema = {"type": "integer", "minimum": 0, "maximum": 65535}
_PAIRS: Schema = {
    **_text(f"{_WORD}={_WORD}(?:,{_WORD}={_WORD})*"),
    "description": "`k=v,k=v` or a JSON object",
}

SCHEMAS: Mapping[str, Schema] = {
    "namespaceId": _text(_WORD),
    "serviceName": {**_text(f"(?:{_NAME}@@)?{_NAME}"), "description": "bare, or group@@name"},
    "groupName": _text(_NAME),
    "clusterName": _text("[0-9a-zA-Z-]+"),
    "ip": _text(f"{_IPV4}|{_HOST}"),
    "port": _PORT,
    "weight": {"type": "number", "minimum": 0, "maximum": 10000},
    "healthy": _FLAG,
    "enabled": _FLAG,
    "ephemeral": {"enum": [True], "description": "false, a persistent instance, needs CP: 501 without"},
    "consistency": {
        "enum": ["linearizable", "stale"],
        "description": "of persistent data: linearizable (default) goes through the log of CP, stale is what "
        "this node has applied; lists are always stale",
    },
    "checkPort": _PORT,
    "useInstancePort4Check": _FLAG,
    "healthChecker": {
        "type": "string",
        "enum": ["TCP", "NONE", '{"type":"HTTP","path":"/health","headers":"","expectedResponseCode":200}'],
        "description": "a JSON object or a type: TCP, HTTP, MYSQL (with user, pwd, cmd), NONE; examples",
    },
    "debug": {**_FLAG, "description": "true: on this node alone"},
    "metadata": _PAIRS,
    "app": _text(_WORD),
    "clusters": {**_text("[0-9a-zA-Z-]+(?:,[0-9a-zA-Z-]+)*"), "description": "none: all"},
    "healthyOnly": _FLAG,
    "isCheck": _FLAG,
    "udpPort": {**_PORT, "description": "where to be pushed what changes; 0: nowhere"},
    "clientIP": _text(_IPV4),
    "beat": {
        "type": "string",
        "contentMediaType": "application/json",
        "enum": [
            '{"ip":"10.0.0.1","port":8080}',
            '{"ip":"10.0.0.1","port":8080,"cluster":"c1","weight":2.0,"ephemeral":true,"metadata":{"k":"v"}}',
        ],
        "description": "a full beat: the instance as a JSON object; these are examples",
    },
    "consistencyType": {"enum": ["ephemeral", "persist"]},
    "instances": {
        "type": "string",
        "contentMediaType": "application/json",
        "enum": ['[{"ip":"10.0.0.1","port":8080}]', "[]"],
        "description": "a JSON list of objects with ip, port and clusterName; these are examples",
    },
    "protectThreshold": {"type": "number", "minimum": 0, "maximum": 1},
    "selector": {"enum": ["none", '{"type":"none"}']},
    "pageNo": _COUNT,
    "pageSize": _COUNT,
    "expr": _ANY_TEXT,
    "responsibleOnly": _FLAG,
    "key": {**_text(f"{_WORD}##{_NAME}@@{_NAME}"), "description": "namespace##group@@name"},
    "withInstances": {**_FLAG, "default": True},
    "serviceNameParam": _ANY_TEXT,
    "groupNameParam": _ANY_TEXT,
    "instance": _ANY_TEXT,
    "hasIpCount": _FLAG,
    "entry": {"enum": ["lightBeatEnabled", "pushEnabled", "check"]},
    "value": {"enum": ["true", "false"]},
    "keyword": _ANY_TEXT,
    "source": _text(r"[0-9.]{1,40}:[0-9]{1,5}"),
    "id": _text("[A-Za-z0-9._-]+", 128),
}
"""What a parameter may be; one name means the same everywhere."""

_KEYS: Schema = {
    "type": "object",
    "required": ["keys"],
    "properties": {"keys": _text("[^,]+(?:,[^,]+)*", 2000)},
}
_INSTANCE: Schema = {
    "type": "object",
    "required": ["ip", "port"],
    "properties": {
        "ip": _ANY_TEXT,
        "port": {"type": "integer"},
        "clusterName": _ANY_TEXT,
        "weight": {"type": "number"},
        "healthy": _FLAG,
        "enabled": _FLAG,
        "ephemeral": _FLAG,
        "marked": _FLAG,
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
        "app": _ANY_TEXT,
    },
}
_DATUMS: Schema = {
    "type": "object",
    "propertyNames": _text(rf"{re.escape(EPHEMERAL_PREFIX)}{_WORD}##{_NAME}@@{_NAME}", 400),
    "additionalProperties": {
        "type": "object",
        "required": ["value"],
        "properties": {
            "key": _ANY_TEXT,
            "timestamp": {"type": "integer"},
            "value": {
                "type": "object",
                "required": ["instanceList"],
                "properties": {"instanceList": {"type": "array", "items": _INSTANCE}},
            },
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One route: `required` and `optional` are parameters, in the query or in a form body."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    body: Schema | None = None
    """Of the JSON it takes, None when it takes none."""
    answer: Schema | None = field(default_factory=lambda: OBJECT)
    """Of the JSON of a 200; with `const` a plain text; None when it never says 200."""
    refusals: tuple[int, ...] = ()
    """Other statuses, beside those of every route that takes parameters or a body or asks the core."""
    asks_core: bool = True


_WHERE = ("namespaceId", "groupName")
_PAGE = ("pageNo", "pageSize")
_ADDRESS = ("serviceName", "ip", "port")
_SERVICE = Described(required=("serviceName",), optional=_WHERE, refusals=(404,))
_REGISTER = Described(
    required=_ADDRESS,
    optional=(
        *_WHERE,
        *("clusterName", "weight", "healthy", "enabled", "ephemeral", "metadata", "app"),
    ),
    answer=OK,
    refusals=(403, 501),
)
_METADATA = Described(
    required=("serviceName", "metadata"),
    optional=(*_WHERE, "consistencyType", "instances"),
    refusals=(403, 404),
)
_PLAIN = Described()

DESCRIBED: Mapping[str, Described] = {
    "client.register": _REGISTER,
    "client.patch_instance": Described(
        required=_ADDRESS,
        optional=(*_WHERE, "clusterName", "weight", "healthy", "enabled", "ephemeral", "metadata", "app"),
        answer=OK,
        refusals=(403,),
    ),
    "client.deregister": Described(
        required=_ADDRESS, optional=(*_WHERE, "clusterName", "ephemeral"), answer=OK, refusals=(403, 501)
    ),
    "client.get_instance": Described(
        required=_ADDRESS,
        optional=(*_WHERE, "clusterName", "ephemeral", "consistency"),
        refusals=(403, 404),
    ),
    "client.list_instances": Described(
        required=("serviceName",),
        optional=(*_WHERE, "clusters", "healthyOnly", "isCheck", "udpPort", "clientIP", "app"),
        refusals=(403,),
    ),
    "client.beat": Described(
        required=_ADDRESS, optional=(*_WHERE, "clusterName", "beat"), refusals=(403, 501)
    ),
    "client.update_metadata": _METADATA,
    "client.remove_metadata": _METADATA,
    "catalog.statuses": Described(required=("key",), refusals=(404,)),
    "client.create_service": Described(
        required=("serviceName",),
        optional=(*_WHERE, "protectThreshold", "metadata", "selector"),
        answer=OK,
        refusals=(403,),
    ),
    "client.update_service": Described(
        required=("serviceName", "protectThreshold"),
        optional=(*_WHERE, "metadata", "selector"),
        answer=OK,
        refusals=(403,),
    ),
    "client.get_service": Described(
        required=("serviceName",), optional=(*_WHERE, "consistency"), refusals=(403, 404)
    ),
    "client.set_checks": Described(
        required=("serviceName", "clusterName"),
        optional=(*_WHERE, "healthChecker", "checkPort", "useInstancePort4Check", "metadata"),
        answer=OK,
        refusals=(403, 501),
    ),
    "client.set_health": Described(
        required=(*_ADDRESS, "healthy"), optional=(*_WHERE, "clusterName"), answer=OK, refusals=(403, 404)
    ),
    "client.delete_service": Described(
        required=("serviceName",), optional=_WHERE, answer=OK, refusals=(403,)
    ),
    "client.subscribers": Described(required=("serviceName",), optional=_WHERE, refusals=(403,)),
    "catalog.service_list": Described(required=_PAGE, optional=_WHERE),
    "catalog.service_names": Described(optional=("namespaceId", "expr", "responsibleOnly")),
    "catalog.service_checksum": _SERVICE,
    "catalog.services": Described(
        required=_PAGE,
        optional=(
            *("namespaceId", "withInstances", "serviceNameParam", "groupNameParam"),
            *("instance", "hasIpCount"),
        ),
        answer={"type": ["object", "array"]},
    ),
    "catalog.service": _SERVICE,
    "catalog.instances": Described(
        required=("serviceName", *_PAGE), optional=(*_WHERE, "clusterName"), refusals=(404,)
    ),
    "operator.health_server": _PLAIN,
    "operator.health_checkers": Described(asks_core=False),
    "operator.metrics": _PLAIN,
    "operator.servers": Described(optional=("healthy",)),
    "operator.switches": _PLAIN,
    "operator.change_switch": Described(required=("entry", "value"), optional=("debug",), answer=OK),
    "operator.responsible_server": Described(required=("serviceName",), optional=("groupName",)),
    "operator.members": Described(optional=("keyword",)),
    "operator.addresses": _PLAIN,
    "operator.own_member": _PLAIN,
    "operator.own_health": _PLAIN,
    "operator.lookup": Described(asks_core=False),
    "peer.report": Described(body=OBJECT, refusals=(403,)),
    "peer.service_status": Described(
        body={
            "type": "object",
            "required": ["clientIP", "statuses"],
            "properties": {"clientIP": _ANY_TEXT, "statuses": _ANY_TEXT},
        },
        answer=OK,
        refusals=(403,),
    ),
    "peer.put_datum": Described(body={**_DATUMS, "minProperties": 1}, answer=OK, refusals=(403,)),
    "peer.delete_datum": Described(body=_KEYS, answer=OK, refusals=(403,)),
    "peer.get_datum": Described(body=_KEYS, answer=_DATUMS, refusals=(403,)),
    "peer.get_datums": Described(answer=_DATUMS, refusals=(403,)),
    "peer.put_checksum": Described(
        required=("source",),
        body={"type": "object", "additionalProperties": {"type": "string"}},
        answer=OK,
        refusals=(403,),
    ),
    "peer.put_digest": Described(
        required=("source",),
        body={"type": "object", "required": ["digest"], "properties": {"digest": _ANY_TEXT}},
        answer={
            "type": "object",
            "required": ["wantsChecksums"],
            "properties": {"wantsChecksums": _FLAG},
        },
        refusals=(403,),
    ),
    "peer.instance_health": Described(
        required=("source",),
        body={
            "type": "object",
            "propertyNames": _text(rf"{re.escape(INSTANCES_PREFIX)}{_WORD}##{_NAME}@@{_NAME}", 400),
            "additionalProperties": {
                "type": "object",
                "propertyNames": _text(rf"{_IPV4}#[0-9]{{1,5}}#[0-9a-zA-Z-]+"),
                "additionalProperties": _FLAG,
            },
        },
        answer=OK,
        refusals=(403,),
    ),
    "observer.state": _PLAIN,
    "observer.probe_dial": Described(
        body={
            "type": "object",
            "propertyNames": _text(rf"{_IPV4}:[0-9]{{1,4}}"),
            "additionalProperties": {"anyOf": [_text(rf"{_IPV4}:[0-9]{{1,4}}"), {"type": "null"}]},
        },
        refusals=(403,),
        asks_core=False,
    ),
    "observer.raft": Described(asks_core=False),
    "observer.reset": Described(answer=OK, refusals=(403, 409)),
    "observer.probe": Described(required=("id",), asks_core=False),
    "observer.probes_seen": Described(required=("id",), asks_core=False),
    "about.openapi": Described(asks_core=False),
    "about.metrics": Described(answer={"type": "string"}),
}
