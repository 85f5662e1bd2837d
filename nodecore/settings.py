"""From command line and TOML to a `NodeConfig`.

Invariant: what is wrong is said in one line, with where it stands and what would be right; a flag wins over
the file; nothing is silently ignored.
"""

import argparse
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from nodecore.config import TIME_SCALE_MIN, Limits, NodeConfig, Profile, Timings

LOG_LEVELS = ("debug", "info", "warning", "error")
_STRINGS = frozenset(
    {
        *("name", "host", "address", "members_file", "address_server"),
        *("identity_header", "identity_value", "data_dir"),
    }
)
_KEYS = frozenset(f.name for f in fields(NodeConfig))


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_Table = TypeVar("_Table", Timings, Limits)


class SettingsError(Exception):
    """The node cannot be started as told; one line."""


def parse(argv: Sequence[str]) -> NodeConfig:
    """Return the configuration that a command line (and the file it names) asks for.

    Raises:
        SettingsError: one line that says what is wrong.
        SystemExit: after `--help`.
    """
    flags = _PARSER.parse_args(argv)
    given = _from_file(flags.config) if flags.config else {}
    given = given | _from_flags(flags)
    return _validated(_build(given, [_assignment(text) for text in flags.set]))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message} (see python -m nodecore --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m nodecore",
        description="Run one node of the naming service. It prints one JSON line when it is ready, logs to "
        "stderr, and ends with exit status 0 on SIGTERM after answering what is in flight; SIGUSR1 dumps all "
        "stacks.",
        epilog="Durations are document seconds: time_scale makes them real. "
        f"Timings: {_names(Timings)}. Limits: {_names(Limits)}. "
        "Exit status: 0 after SIGTERM or Ctrl-C, 1 when a port is taken, 2 when the configuration is wrong.",
        allow_abbrev=False,
    )
    for option, settings in _OPTIONS.items():
        parser.add_argument(option, default=None, **settings)
    parser.add_argument("--config", metavar="FILE", help="TOML file with the same names (client_port = 8848)")
    parser.add_argument(
        "--set",
        metavar="timings.NAME=NUMBER",
        action="append",
        default=[],
        help="any timing or limit, for example timings.verify_s=10 or limits.client_threads=8; repeatable",
    )
    return parser


_OPTIONS: dict[str, dict[str, Any]] = {
    "--name": {"help": "the node's name in logs and call ids (default: node)"},
    "--host": {"help": "interface to listen on (default: 127.0.0.1)"},
    "--client-port": {"type": int, "metavar": "PORT", "help": "port for clients (default: 8848; 0: any)"},
    "--peer-port": {"type": int, "metavar": "PORT", "help": "port for other members (default: any)"},
    "--address": {
        "metavar": "IP:PORT",
        "help": "what all members know this node by (default: host:client-port)",
    },
    "--member": {
        "action": "append",
        "dest": "members",
        "metavar": "IP:PORT",
        "help": "a member, this node included; repeatable or a comma list; none: standalone",
    },
    "--members-file": {
        "metavar": "FILE",
        "help": "a cluster.conf, read again when it changes: one ip[:port] a line, # comments; "
        "ip:port=ip:port names the member and where it is dialled",
    },
    "--address-server": {
        "metavar": "URL",
        "help": "an HTTP server that answers GET with a cluster.conf; asked again every 5 s",
    },
    "--dial": {
        "action": "append",
        "metavar": "ADVERTISED=LINK",
        "help": "where to dial a member: the link must lead to its peer port; repeatable",
    },
    "--raft-port": {
        "type": int,
        "metavar": "PORT",
        "help": "have CP: persistent data on Raft, which listens on this port (0: any; default: no CP)",
    },
    "--raft-dial": {
        "action": "append",
        "metavar": "ADVERTISED=IP:PORT",
        "help": "where to dial a member's Raft (default: its ip, its port minus 1000); repeatable",
    },
    "--raft-join": {
        "action": "store_true",
        "help": "join a cluster that runs: lead only when its leader has added this node",
    },
    "--probe-dial": {
        "action": "append",
        "metavar": "IP:PORT=IP:PORT",
        "help": "where to dial an instance to check it; repeatable, and PUT /cutheal/probe-dial later",
    },
    "--data-dir": {"metavar": "DIR", "help": "journal and snapshot of Raft (default: in memory)"},
    "--time-scale": {"type": float, "metavar": "X", "help": "real seconds per document second (default: 1)"},
    "--profile": {"help": "documented (default) or corrected"},
    "--identity-header": {"metavar": "NAME", "help": "header that every call between members must carry"},
    "--identity-value": {"metavar": "VALUE", "help": "its value"},
    "--log-level": {"metavar": "LEVEL", "help": "debug, info (default), warning or error"},
}


def _names(kind: type[Timings] | type[Limits]) -> str:
    return ", ".join(f"{f.name} ({f.default})" for f in fields(kind))


def _from_file(path: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"config {path}: {error}") from error
    unknown = sorted(set(content) - _KEYS)
    if unknown:
        raise SettingsError(
            f"config {path}: unknown name {unknown[0]!r}; known are {', '.join(sorted(_KEYS))}"
        )
    return content


def _from_flags(flags: argparse.Namespace) -> dict[str, Any]:
    given = {name: value for name, value in vars(flags).items() if value is not None and name in _KEYS}
    if "members" in given:
        given["members"] = [part for text in given["members"] for part in text.split(",") if part]
    for name, option in (("dial", "--dial"), ("raft_dial", "--raft-dial"), ("probe_dial", "--probe-dial")):
        if name in given:
            given[name] = dict(_pair(text, option) for text in given[name])
    return given


def _pair(text: str, option: str) -> tuple[str, str]:
    left, separator, right = text.partition("=")
    if not (left and separator and right):
        raise SettingsError(f"{option} {text!r} must have the form LEFT=RIGHT")
    return left, right


def _assignment(text: str) -> tuple[str, str, float]:
    name, value = _pair(text, "--set")
    section, _, field_name = name.partition(".")
    try:
        return section, field_name, float(value)
    except ValueError as error:
        raise SettingsError(f"--set {text!r}: {value!r} is not a number") from error


def _build(given: Mapping[str, Any], assignments: Sequence[tuple[str, str, float]]) -> NodeConfig:
    timings = _table(Timings(), _section(given, "timings"), "timings")
    limits = _table(Limits(), _section(given, "limits"), "limits")
    for section, name, value in assignments:
        if section == "timings":
            timings = _table(timings, {name: value}, section)
        elif section == "limits":
            limits = _table(limits, {name: value}, section)
        else:
            raise SettingsError(f"--set {section}.{name}: the name must begin with timings. or limits.")
    rest = {name: _typed(name, value) for name, value in given.items() if name not in ("timings", "limits")}
    return NodeConfig(**({"name": "node"} | rest), timings=timings, limits=limits)


def _section(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = given.get(name, {})
    if not isinstance(section, dict):
        raise SettingsError(f"{name} must be a table of numbers")
    return section


def _table(table: _Table, changes: Mapping[str, Any], section: str) -> _Table:
    known = {f.name: type(getattr(table, f.name)) for f in fields(table)}
    for name, value in changes.items():
        if name not in known:
            raise SettingsError(f"{section}.{name} does not exist; known are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise SettingsError(f"{section}.{name} must be a number above 0, not {value!r}")
        if not math.isfinite(value):
            raise SettingsError(f"{section}.{name} must be a finite number, not {value!r}")
        if known[name] is int and value != int(value):
            raise SettingsError(f"{section}.{name} must be a whole number, not {value!r}")
    return replace(table, **{name: known[name](value) for name, value in changes.items()})


def _typed(name: str, value: object) -> Any:
    if name in _STRINGS or name in ("profile", "log_level"):
        return _choice(name, _string(name, value))
    if name in ("client_port", "peer_port", "raft_port"):
        return _port(name, value)
    if name == "raft_join":
        return _flag(name, value)
    if name == "time_scale":
        return _time_scale(value)
    if name == "members":
        return _addresses(name, value)
    return _dial(name, value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false, not {value!r}")
    return value


def _string(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise SettingsError(f"{name} must be printable text, not {value!r}")
    return value


def _choice(name: str, value: str) -> object:
    if name == "profile":
        if value not in list(Profile):
            raise SettingsError(f"profile must be {' or '.join(Profile)}, not {value!r}")
        return Profile(value)
    if name == "log_level" and value not in LOG_LEVELS:
        raise SettingsError(f"log_level must be one of {', '.join(LOG_LEVELS)}, not {value!r}")
    return value


def _port(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        raise SettingsError(f"{name} must be a port from 0 to 65535, not {value!r}")
    return value


def _time_scale(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= TIME_SCALE_MIN:
        raise SettingsError(
            f"time_scale must be at least {TIME_SCALE_MIN}, not {value!r}: "
            "below that live instances expire from scheduling noise alone"
        )
    return float(value)


def _addresses(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise SettingsError(f"{name} must be a list of ip:port, not {value!r}")
    return tuple(dict.fromkeys(_address(name, item) for item in value))


def _address(name: str, value: object) -> str:
    ip, _, port = str(value).rpartition(":")
    if not (ip and port.isascii() and port.isdigit() and 0 < int(port) < 65536 and not set(ip) & set(" ,/")):
        raise SettingsError(f"{name}: {value!r} is not ip:port")
    return f"{ip}:{int(port)}"


def _dial(name: str, value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise SettingsError(f"{name} must be a table of advertised address to link address, not {value!r}")
    return tuple((_address(name, advertised), _address(name, link)) for advertised, link in value.items())


def _validated(config: NodeConfig) -> NodeConfig:
    if not config.name:
        raise SettingsError("name must not be empty")
    places = (bool(config.members), config.members_file is not None, config.address_server is not None)
    if sum(places) > 1:
        raise SettingsError(
            "members, members_file and address_server exclude each other: name the members in one place"
        )
    _check_address_server(config.address_server)
    if config.identity_value and not config.identity_header:
        raise SettingsError("identity_value without identity_header: name the header that carries it")
    if config.identity_header is not None and not _HEADER_NAME.fullmatch(config.identity_header):
        raise SettingsError(f"identity_header {config.identity_header!r} is not the name of an HTTP header")
    if config.address:
        return replace(config, address=_address("address", config.address))
    return config


def check_raft(config: NodeConfig) -> None:
    """See that a node with CP can run among these members; without CP there is nothing to see.

    Raises:
        SettingsError: members without a common secret, or timings that contradict each other.
    """
    if config.raft_port is None:
        if config.raft_dial or config.raft_join or config.data_dir is not None:
            raise SettingsError("raft_dial, raft_join and data_dir need raft_port: without it there is no CP")
        return
    if len(config.members) > 1 and not config.identity_value:
        raise SettingsError(
            "several members with CP need identity_header and identity_value: the value is the secret that "
            "their Raft connections are encrypted with"
        )
    real = config.timings.scaled(config.time_scale)
    for less, more, times in (
        ("raft_append_s", "raft_election_min_s", 3),
        ("raft_election_min_s", "raft_election_max_s", 1),
        ("raft_append_s", "raft_fallback_s", 1),
        ("raft_election_max_s", "raft_connection_s", 1),
    ):
        if not getattr(real, less) * times < getattr(real, more):
            factor = f"{times} times " if times > 1 else ""
            raise SettingsError(f"timings.{more} must be more than {factor}timings.{less}")


def _check_address_server(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        right = parts.scheme == "http" and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        right = False
    if not right or not url.isascii() or " " in url:
        raise SettingsError(f"address_server {url!r} is not http://HOST[:PORT]/PATH")


# Built once per process: forked nodes need not build it again.
_PARSER = _parser()
