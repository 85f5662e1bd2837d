"""Where the list of members comes from (R16): a cluster.conf, the configuration, or nowhere (standalone).

Invariant: a lookup returns at least one address, each `ip:port`, none twice, or raises `LookupFailed` with
one line.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nodecore.config import NodeConfig

DEFAULT_PORT = 8848


class LookupFailed(Exception):
    """The list of members cannot be read; the message says where and what would be right."""


class MemberLookup(Protocol):
    """Reads the current list of members; asking again is how a change is noticed."""

    def read(self) -> tuple[str, ...]:
        """Return all members.

        Raises:
            LookupFailed: the list cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class FixedMembers:
    """Members named in the configuration, or this node alone (standalone)."""

    addresses: tuple[str, ...]

    def read(self) -> tuple[str, ...]:
        """Return them."""
        return self.addresses


@dataclass(frozen=True, slots=True)
class MembersFile:
    """A cluster.conf: one `ip[:port]` a line or several with commas, `#` comments, port 8848 by default."""

    path: Path

    def read(self) -> tuple[str, ...]:
        """Read the file.

        Raises:
            LookupFailed: it cannot be read, names no member, or a line is no address.
        """
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise LookupFailed(f"members file {self.path}: {error}") from error
        found = [
            self._address(part.strip(), number)
            for number, line in enumerate(lines, start=1)
            for part in line.partition("#")[0].split(",")
            if part.strip()
        ]
        if not found:
            raise LookupFailed(f"members file {self.path} names no member: one ip[:port] a line is needed")
        return tuple(dict.fromkeys(found))

    def _address(self, text: str, line: int) -> str:
        ip, separator, port = text.partition(":")
        port = port if separator else str(DEFAULT_PORT)
        if not ip or " " in ip or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise LookupFailed(f"members file {self.path}, line {line}: {text!r} is not ip[:port]")
        return f"{ip}:{int(port)}"


def member_lookup(config: NodeConfig) -> MemberLookup:
    """Choose the lookup that the configuration asks for."""
    if config.members_file is not None:
        return MembersFile(Path(config.members_file))
    return FixedMembers(config.members or (config.address,))
