"""Switches as Nacos writes and reads them (reference/nacos-1.4.md section 8).

Invariant: what is read out of an entry and a value is a change that SwitchDomain can take as it is.
"""

import re
from collections.abc import Callable
from typing import Any

from nodecore.core.records import ServerStatus, SwitchDomain
from nodecore.errors import BadRequest
from nodecore.runtime.wire.values import load_object

Change = tuple[str, object]
Read = Callable[[str, str], object]

# The least that Nacos takes of each, in real milliseconds.
_PUSH_CACHE_MS = 10_000
_LIST_CACHE_MS = 1000
_SERVICE_STATUS_MS = 5000
_SERVER_STATUS_MS = 1000
_NUMBER_MAX = 10**12

_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}")
_LANGUAGES = {"go": "Go", "java": "Java", "python": "Python", "c": "C", "csharp": "CSharp"}


def switches_body(switches: SwitchDomain) -> dict[str, object]:
    """Return the whole object as GET /operator/switches shows it."""
    status = switches.overridden_server_status
    return {
        "name": "00-00---000-NACOS_SWITCH_DOMAIN-000---00-00",
        "masters": list(switches.masters),
        "adWeightMap": {},
        "defaultPushCacheMillis": switches.default_push_cache_ms,
        "clientBeatInterval": switches.client_beat_interval_ms,
        "defaultCacheMillis": switches.default_cache_ms,
        "distroThreshold": switches.distro_threshold,
        "healthCheckEnabled": switches.health_check_enabled,
        "autoChangeHealthCheckEnabled": switches.auto_change_health_check_enabled,
        "distroEnabled": switches.distro_enabled,
        "enableStandalone": switches.enable_standalone,
        "pushEnabled": switches.push_enabled,
        "checkTimes": switches.check_times,
        "httpHealthParams": {"max": 5000, "min": 500, "factor": 0.85},
        "tcpHealthParams": {"max": 5000, "min": 1000, "factor": 0.75},
        "mysqlHealthParams": {"max": 3000, "min": 2000, "factor": 0.65},
        "incrementalList": [],
        "serverStatusSynchronizationPeriodMillis": switches.server_status_period_ms,
        "serviceStatusSynchronizationPeriodMillis": switches.service_status_period_ms,
        "disableAddIP": switches.disable_add_ip,
        "sendBeatOnly": switches.send_beat_only,
        "lightBeatEnabled": switches.light_beat_enabled,
        "limitedUrlMap": dict(switches.limited_url_map),
        "distroServerExpiredMillis": switches.distro_server_expired_ms,
        **{f"push{language}Version": version for language, version in switches.push_versions},
        "enableAuthentication": switches.enable_authentication,
        "overriddenServerStatus": None if status is None else status.value,
        "defaultInstanceEphemeral": switches.default_instance_ephemeral,
        "healthCheckWhiteList": list(switches.health_check_white_list),
        "checksum": None,
    }


def read_switch(entry: str, value: str, now: SwitchDomain) -> tuple[Change, ...]:
    """Return the changes that `entry` and `value` of PUT /operator/switches ask for.

    Args:
        entry: a name of reference section 8; `batch` takes a JSON object of names as GET shows them.
        value: as text.
        now: the switches as they are.

    Raises:
        BadRequest: no such entry, or a value that it cannot have.
    """
    if entry == "batch":
        said = load_object(value, "value")
        return tuple(change for name in said for change in _shown(name, said[name], now))
    if entry == "pushVersion":
        return (("push_versions", _push_version(value, now)),)
    if entry not in _ENTRIES:
        known = ", ".join(sorted([*_ENTRIES, "batch", "pushVersion"]))
        raise BadRequest(f"entry {entry[:80]!r} is no switch; these are: {known}")
    name, read = _ENTRIES[entry]
    return ((name, read(entry, value)),)


def _shown(name: str, value: Any, now: SwitchDomain) -> tuple[Change, ...]:
    """Read one name of a batch: as GET shows it, or as an entry."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if name in switches_body(now) and value is not None and not isinstance(value, dict | list):
        entry = _ENTRY_OF.get(name, name)
        if entry in _ENTRIES:
            return read_switch(entry, str(value), now)
    if name in _LISTS and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ((_LISTS[name], tuple(value)),)
    raise BadRequest(f"value: {name[:80]!r} is no switch that a batch can set to {str(value)[:80]!r}")


def _flag(entry: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise BadRequest(f"switch {entry} takes true or false, not {value[:80]!r}")
    return value.lower() == "true"


def _at_least(minimum: int) -> Read:
    def read(entry: str, value: str) -> int:
        number = int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else -1
        if not minimum <= number <= _NUMBER_MAX:
            raise BadRequest(f"switch {entry} takes a whole number from {minimum} on, not {value[:80]!r}")
        return number

    return read


def _threshold(entry: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 < number <= 1:
        raise BadRequest(f"switch {entry} takes a number above 0 and up to 1, not {value[:80]!r}")
    return number


def _status(entry: str, value: str) -> ServerStatus | None:
    if value in ("", "null"):
        return None
    if value not in set(ServerStatus):
        raise BadRequest(f"switch {entry} takes null or one of {', '.join(ServerStatus)}, not {value[:80]!r}")
    return ServerStatus(value)


def _names(_entry: str, value: str) -> tuple[str, ...]:
    return tuple(part for part in (p.strip() for p in value.split(",")) if part)


def _limited_urls(entry: str, value: str) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for part in _names(entry, value):
        url, _, code = part.rpartition(":")
        if not url or not (code.isascii() and code.isdigit() and 100 <= int(code[:9]) <= 599):
            sentence = f"switch {entry} takes url:code,url:code with codes 100 to 599, not {part[:80]!r}"
            raise BadRequest(sentence)
        found[url] = int(code)
    return tuple(sorted(found.items()))


def _push_version(value: str, now: SwitchDomain) -> tuple[tuple[str, str], ...]:
    language, _, version = value.partition(":")
    if language.lower() not in _LANGUAGES or not _VERSION.fullmatch(version):
        raise BadRequest(f"switch pushVersion takes {'|'.join(_LANGUAGES)}:x.y.z, not {value[:80]!r}")
    versions = dict(now.push_versions) | {_LANGUAGES[language.lower()]: version}
    return tuple(versions.items())


_ENTRIES: dict[str, tuple[str, Read]] = {
    "distroThreshold": ("distro_threshold", _threshold),
    "clientBeatInterval": ("client_beat_interval_ms", _at_least(1)),
    "pushCacheMillis": ("default_push_cache_ms", _at_least(_PUSH_CACHE_MS)),
    "defaultCacheMillis": ("default_cache_ms", _at_least(_LIST_CACHE_MS)),
    "masters": ("masters", _names),
    "distro": ("distro_enabled", _flag),
    "check": ("health_check_enabled", _flag),
    "healthCheckEnabled": ("health_check_enabled", _flag),
    "pushEnabled": ("push_enabled", _flag),
    "serviceStatusSynchronizationPeriodMillis": ("service_status_period_ms", _at_least(_SERVICE_STATUS_MS)),
    "serverStatusSynchronizationPeriodMillis": ("server_status_period_ms", _at_least(_SERVER_STATUS_MS)),
    "healthCheckTimes": ("check_times", _at_least(1)),
    "disableAddIP": ("disable_add_ip", _flag),
    "sendBeatOnly": ("send_beat_only", _flag),
    "limitedUrlMap": ("limited_url_map", _limited_urls),
    "enableStandalone": ("enable_standalone", _flag),
    "overriddenServerStatus": ("overridden_server_status", _status),
    "defaultInstanceEphemeral": ("default_instance_ephemeral", _flag),
    "distroServerExpiredMillis": ("distro_server_expired_ms", _at_least(1)),
    "lightBeatEnabled": ("light_beat_enabled", _flag),
    "autoChangeHealthCheckEnabled": ("auto_change_health_check_enabled", _flag),
}
"""Entry -> the field it sets and how its value is read."""

_ENTRY_OF = {
    "defaultPushCacheMillis": "pushCacheMillis",
    "distroEnabled": "distro",
    "checkTimes": "healthCheckTimes",
}
"""Where GET shows a switch under another name than its entry."""

_LISTS = {"healthCheckWhiteList": "health_check_white_list", "masters": "masters"}
