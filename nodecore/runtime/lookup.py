"""Where the list of members comes from (R16): a cluster.conf, an address server, or the configuration.

Nacos' own format, from a file or over HTTP: one `ip[:port]` a line or several with commas, `#` comments, port
8848 by default (reference nacos-1.4.md, 3.1). Ours alone: `ip:port=ip:port` says where *this* node dials the
member, `ip:port=ip:port=ip:port` also where it dials the member's Raft, so that a node learns the ways to a
member that comes while it runs. Invariant: a list has at least one member, each `ip:port`, none twice, or
`LookupFailed` is raised with one line.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from nodecore.config import NodeConfig, Timings
from nodecore.core.messages import Failure
from nodecore.runtime.exchange import Exchange
from nodecore.runtime.wire.http import HttpCall

DEFAULT_PORT = 8848
TRIES_AT_START = 5
"""Nacos' `nacos.core.address-server.retry`; nobody can be asked for the list before the first is there."""

_SETTLED_REAL_S = 1.0
"""Until then a file is read anew: it may have been written twice within one tick of its time of change."""

_USER_AGENT = "Nacos-Server:1.4.2"


class LookupFailed(Exception):
    """The list of members cannot be had; the message says where and what would be right."""


class LookupKind(StrEnum):
    """How a node learns who the members are."""

    FILE = "file"
    ADDRESS_SERVER = "address-server"
    CONFIGURATION = "configuration"
    STANDALONE = "standalone"


@dataclass(frozen=True, slots=True)
class MemberList:
    """All members, and where those are dialled that are not dialled at their own address."""

    addresses: tuple[str, ...]
    dial: Mapping[str, str] = field(default_factory=dict)
    raft_dial: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where their Raft is dialled, as far as the list says so."""


class MemberLookup(Protocol):
    """A place that can be asked for the list again and again."""

    @property
    def kind(self) -> LookupKind:
        """Which sort of place."""

    @property
    def place(self) -> str:
        """Path, URL, or "" for the configuration."""

    @property
    def period_s(self) -> float | None:
        """Real seconds between two looks; None: the list never changes."""

    def fetch(self) -> str:
        """Return the text of the list.

        Raises:
            LookupFailed: it cannot be had.
        """

    def parse(self, text: str) -> MemberList:
        """Return the members that a text names.

        Raises:
            LookupFailed: it names none, or what it names is no address.
        """

    def abort(self) -> None:
        """End a `fetch` that another thread is in, and every later one."""


@dataclass(frozen=True, slots=True)
class FixedMembers:
    """Members named in the configuration, or this node alone (standalone)."""

    members: MemberList
    kind: LookupKind
    place: str = ""
    period_s: None = None

    def fetch(self) -> str:
        """Return nothing: there is no text."""
        return ""

    def parse(self, _text: str) -> MemberList:
        """Return them."""
        return self.members

    def abort(self) -> None:
        """Nothing to end."""


class MembersFile:
    """A cluster.conf, read when it may have changed since it was last read.

    A look costs one call of the system then: each gives the interpreter to another thread and back.

    Args:
        path: of the file.
        period_s: real seconds between two looks.
        dial: the configured ways, which the file's own go before.
    """

    kind = LookupKind.FILE

    def __init__(self, path: Path, period_s: float, dial: tuple[tuple[str, str], ...] = ()) -> None:
        self.path = path
        self.period_s = period_s
        self._dial = dial
        self._seen: _Seen | None = None

    @property
    def place(self) -> str:
        """The path."""
        return str(self.path)

    def fetch(self) -> str:
        """Return the text of the file."""
        try:
            mark = _mark(self.path)
            if self._seen is None or self._seen.mark != mark:
                self._seen = _Seen(mark, time.monotonic(), self.path.read_text(encoding="utf-8"))
            elif time.monotonic() - self._seen.since_s < _SETTLED_REAL_S:
                self._seen = replace(self._seen, text=self.path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise LookupFailed(f"members file {self.path}: {error}") from error
        return self._seen.text

    def parse(self, text: str) -> MemberList:
        """Return the members it names."""
        return parse_members(text, f"members file {self.path}", self._dial)

    def abort(self) -> None:
        """Nothing to end: a file answers at once."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file looked like, since when, and its text."""

    mark: tuple[int, int, int]
    since_s: float
    """CLOCK_MONOTONIC."""
    text: str


def _mark(path: Path) -> tuple[int, int, int]:
    """Return what is another when the file has changed, but for changes within one tick of the kernel."""
    seen = path.stat()
    return (seen.st_ino, seen.st_size, seen.st_mtime_ns)


class AddressServer:
    """An HTTP server that answers GET with a cluster.conf; only a whole 200 counts, redirects do not.

    Args:
        url: http only.
        dial: the configured ways, which the list's own go before.
        timings: scaled; how often it is asked, and how long an answer may take, all of it.
    """

    kind = LookupKind.ADDRESS_SERVER

    def __init__(self, url: str, dial: tuple[tuple[str, str], ...], timings: Timings) -> None:
        parts = urlsplit(url)
        self.place = url
        self.period_s = timings.lookup_server_s
        self._dial = dial
        self._timeout_s = timings.lookup_server_timeout_s
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._exchange = Exchange(parts.netloc, {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"})

    def fetch(self) -> str:
        """Ask once."""
        answer = self._exchange.perform(
            HttpCall(method="GET", target=self._target), "lookup", self._timeout_s
        )
        self._exchange.close()
        if isinstance(answer, Failure):
            raise LookupFailed(f"address server {self.place}: no answer: {answer}")
        if answer.status != 200:
            raise LookupFailed(
                f"address server {self.place} answered {answer.status}; right would be 200 and a list"
            )
        try:
            return answer.body.decode()
        except UnicodeDecodeError as error:
            raise LookupFailed(f"address server {self.place}: {error}") from error

    def parse(self, text: str) -> MemberList:
        """Return the members it names."""
        return parse_members(text, f"address server {self.place}", self._dial)

    def abort(self) -> None:
        """End a call at once."""
        self._exchange.abort()


def member_lookup(config: NodeConfig) -> MemberLookup:
    """Choose the lookup that the configuration asks for."""
    timings = config.timings.scaled(config.time_scale)
    if config.members_file is not None:
        return MembersFile(Path(config.members_file), timings.lookup_file_s, config.dial)
    if config.address_server is not None:
        return AddressServer(config.address_server, config.dial, timings)
    if config.members:
        return FixedMembers(MemberList(config.members, dict(config.dial)), LookupKind.CONFIGURATION)
    return FixedMembers(MemberList((config.address,), dict(config.dial)), LookupKind.STANDALONE)


def first_list(lookup: MemberLookup) -> MemberList:
    """Return the list that a node starts with; an address server is asked up to five times.

    Raises:
        LookupFailed: without a list a node does not start.
    """
    tries = TRIES_AT_START if lookup.kind is LookupKind.ADDRESS_SERVER else 1
    for tries_left in reversed(range(tries)):
        try:
            return lookup.parse(lookup.fetch())
        except LookupFailed:
            if tries_left == 0:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def parse_members(text: str, where: str, dial: tuple[tuple[str, str], ...] = ()) -> MemberList:
    """Return the members that a cluster.conf names; a member's own `=link` goes before `dial`.

    Raises:
        LookupFailed: there is none, or a line names no address; the message begins with `where`.
    """
    found: dict[str, tuple[str | None, str | None]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        for part in line.partition("#")[0].split(","):
            if part.strip():
                address, link, raft = _member(part.strip(), f"{where}, line {number}")
                before = found.get(address, (None, None))
                found[address] = (link or before[0], raft or before[1])
    if not found:
        raise LookupFailed(f"{where} names no member: one ip[:port] a line is needed")
    links = {address: link for address, (link, _) in found.items() if link is not None}
    rafts = {address: raft for address, (_, raft) in found.items() if raft is not None}
    return MemberList(tuple(found), dict(dial) | links, rafts)


def _member(text: str, where: str) -> tuple[str, str | None, str | None]:
    """Return a member's address, where it is dialled, and where its Raft is."""
    right = f"{where}: {text[:80]!r} is not ip[:port] or ip:port=ip:port or ip:port=ip:port=ip:port"
    ways = [_address(part.strip(), right) for part in text.split("=")]
    if len(ways) > 3:
        raise LookupFailed(right)
    link, raft = [*ways[1:], None, None][:2]
    return ways[0], link, raft


def _address(text: str, wrong: str) -> str:
    ip, separator, port = text.partition(":")
    port = port if separator else str(DEFAULT_PORT)
    if not ip or set(ip) & set(" \t/<>{}\"'") or not ip.isprintable() or not _is_port(port):
        raise LookupFailed(wrong)
    return f"{ip}:{int(port)}"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536
