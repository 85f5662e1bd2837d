"""The OpenAPI 3.1 document of a node, made of its table of routes: what `GET /openapi.json` answers.

Invariant: it has one operation for each route, and says of it what its handler's docstring says.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from nodecore.web.described import DESCRIBED, OK, SCHEMAS, Described, Schema

_TEXT = "text/plain"
_JSON = "application/json"
_TITLE = "nodecore, a service registry with the API of Nacos 1.4"
_DESCRIPTION = (
    "Parameters may stand in the query or in a form body; the query wins. "
    "Calls between members need the cluster's identity header where one is configured."
)


def document(routes: Iterable[tuple[str, str, str]], docs: Mapping[str, str]) -> dict[str, Any]:
    """Return the document.

    Args:
        routes: method, path and name of each route.
        docs: what is to be said of each name: the handler's docstring.
    """
    paths: dict[str, dict[str, Any]] = {}
    for method, path, name in routes:
        operation = _operation(method, path, name, docs[name])
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": "1.4", "description": _DESCRIPTION},
        "paths": paths,
    }


def _operation(method: str, path: str, name: str, doc: str) -> dict[str, Any]:
    described = DESCRIBED[name]
    operation: dict[str, Any] = {
        "operationId": f"{method.lower()} {path}",
        "tags": [name.partition(".")[0]],
        "summary": doc.partition("\n")[0].rpartition(f"{method} ")[2],
        "parameters": [
            *(_parameter(parameter, required=True) for parameter in described.required),
            *(_parameter(parameter, required=False) for parameter in described.optional),
        ],
        "responses": _responses(described),
    }
    if described.body is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": described.body}}}
    return operation


def _parameter(name: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": SCHEMAS[name]}


def _responses(described: Described) -> dict[str, Any]:
    answers = {} if described.answer is None else {"200": _answer(described.answer)}
    return answers | {str(status): _refusal(status) for status in sorted(_statuses(described))}


def _statuses(described: Described) -> set[int]:
    reads = bool(described.required or described.optional or described.body is not None)
    return {
        *described.refusals,
        *((400, 413) if reads else ()),
        *((503,) if described.asks_core else ()),
    }


def _answer(schema: Schema) -> dict[str, Any]:
    kind = _TEXT if schema is OK or schema.get("type") == "string" else _JSON
    return {"description": "done, or what was asked for", "content": {kind: {"schema": schema}}}


def _refusal(status: int) -> dict[str, Any]:
    said = {_TEXT: {"schema": {"type": "string"}}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        said[_JSON] = {"schema": {"type": "object"}}
    return {"description": _REASONS[status], "content": said}


_REASONS = {
    400: "the request makes no sense; the sentence says why",
    403: "not the identity of a member",
    404: "there is no such thing here",
    409: "not now; the sentence says why",
    413: "the body is too large",
    501: "it needs CP, which this node has not",
    503: "not loaded yet, switched off, too busy, or the responsible node did not answer",
}
