"""How a cluster is checked, as Nacos writes it: the object `healthChecker` (reference nacos-1.4.md 5.4, 9.2).

Invariant: what is read can be checked by a node as it is; a password is read and never shown.
"""

import re
from collections.abc import Mapping
from typing import Any

from nodecore.core.records import Checker, CheckerKind, ClusterChecks, Metadata
from nodecore.errors import BadRequest, Malformed
from nodecore.runtime.wire.values import as_integer, as_metadata, as_text, load_object

_TEXT_LENGTH_MAX = 2000
_PATH = re.compile(r"/[\x21-\x7e]*")
_HEADER = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`~-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")


def cluster_body(checks: ClusterChecks) -> dict[str, object]:
    """Return a cluster as GET /service shows it."""
    metadata = dict(checks.metadata)
    return {"name": checks.name, "healthChecker": checker_body(checks.checker), "metadata": metadata}


def checker_body(checker: Checker) -> dict[str, object]:
    """Return the object; of MySQL without the password."""
    shown: dict[str, object] = {"type": checker.kind.value}
    if checker.kind is CheckerKind.HTTP:
        headers = "|".join(f"{name}:{value}" for name, value in checker.headers)
        code = checker.expected_code
        return shown | {"path": checker.path, "headers": headers, "expectedResponseCode": code}
    if checker.kind is CheckerKind.MYSQL:
        return shown | {"user": checker.user, "cmd": checker.command}
    return shown


def read_checker(text: str) -> Checker:
    """Read `healthChecker`: a JSON object, or the type alone; nothing is TCP.

    Raises:
        BadRequest: no such type, or a value that it cannot have.
    """
    if not text:
        return Checker()
    try:
        given = load_object(text, "healthChecker") if text.startswith("{") else {"type": text}
        return _checker(given)
    except Malformed as error:
        raise BadRequest(f"healthChecker: {error}") from error


def _checker(given: Mapping[str, Any]) -> Checker:
    kind = as_text(given.get("type") or "TCP", "type").upper()
    if kind not in set(CheckerKind):
        raise BadRequest(f"healthChecker: type {kind[:80]!r} is none of {', '.join(CheckerKind)}")
    return Checker(
        kind=CheckerKind(kind),
        path=_matching(given.get("path") or "/", "path", _PATH),
        headers=_headers(given.get("headers") or {}),
        expected_code=_code(given.get("expectedResponseCode", 200)),
        user=_short(given.get("user") or "", "user"),
        password=_short(given.get("pwd") or "", "pwd"),
        command=_short(given.get("cmd") or "SELECT 1", "cmd"),
    )


def _headers(given: object) -> Metadata:
    """Read `name:value|name:value`, or a JSON object."""
    if isinstance(given, str):
        pairs = (part.partition(":") for part in given.split("|") if part.strip())
        given = {name.strip(): value.strip() for name, _, value in pairs}
    headers = as_metadata(given, "headers")
    for name, value in headers:
        if not (_HEADER.fullmatch(name) and _VALUE.fullmatch(value)):
            raise BadRequest(f"healthChecker: headers: {f'{name}:{value}'[:80]!r} is no name:value of HTTP")
    return headers


def _code(given: object) -> int:
    code = as_integer(given, "expectedResponseCode")
    if not 100 <= code <= 599:
        raise BadRequest(f"healthChecker: expectedResponseCode {code} is out of range: 100 to 599")
    return code


def _matching(given: object, what: str, pattern: re.Pattern[str]) -> str:
    text = _short(given, what)
    if not pattern.fullmatch(text):
        raise BadRequest(f"healthChecker: {what} {text[:80]!r} must be like /health, without blanks")
    return text


def _short(given: object, what: str) -> str:
    text = as_text(given, what)
    if len(text) > _TEXT_LENGTH_MAX:
        raise BadRequest(f"healthChecker: {what} has {len(text)} characters, the limit is {_TEXT_LENGTH_MAX}")
    return text
