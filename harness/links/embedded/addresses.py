"""Addresses as Go writes and reads them, and the rule that they are loopback.

Invariant: what comes out of `listen_address` and `dial_addresses` can be reached from this machine only. The
texts of `BadAddress` are those of Go's `net` package, for clients compare them.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass

PORT_MAX = 65535
EVERYWHERE = ("", "0.0.0.0", "::")


class BadAddress(Exception):
    """An address that Go cannot read; the message is Go's."""


class NotLoopback(Exception):
    """An address of other machines; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Address:
    """A loopback address; `port` 0 is one that the kernel deals."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def family(self) -> socket.AddressFamily:
        """Which kind of socket reaches it."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET


def listen_address(text: str) -> Address:
    """Return the address that a `listen` names; nothing at all names 127.0.0.1:0.

    Raises:
        BadAddress: it cannot be read.
        NotLoopback: other machines could reach it.

    """
    if not text:
        return Address("127.0.0.1", 0)
    host, port_text = _split(text)
    port = _port(port_text)
    loopback = _loopback(host)
    if loopback is None:
        raise NotLoopback(
            f"listen {text}: the embedded link server listens on loopback only; "
            f"right would be 127.0.0.1:{port}"
        )
    return Address(loopback, port)


def dial_addresses(text: str) -> list[Address]:
    """Return the addresses to try, in order, for an `upstream`.

    Raises:
        BadAddress: it cannot be read.
        NotLoopback: it leads to another machine.

    """
    host, port_text = _split(text)
    port = _port(port_text)
    if host == "localhost":
        return [Address("127.0.0.1", port), Address("::1", port)]
    loopback = "127.0.0.1" if host in EVERYWHERE else _loopback(host)
    if loopback is None:
        raise NotLoopback(
            f"upstream {text}: the embedded link server dials loopback only; right would be 127.0.0.1:{port}"
        )
    return [Address(loopback, port)]


def _loopback(host: str) -> str | None:
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return str(address) if address.is_loopback else None


def _split(text: str) -> tuple[str, str]:
    """Split as Go's net.SplitHostPort does."""
    bracketed = re.fullmatch(r"\[([^\[\]]*)\]:([^:\[\]]*)", text)
    plain = re.fullmatch(r"([^:\[\]]*):([^:\[\]]*)", text)
    matched = bracketed or plain
    if matched:
        return matched[1], matched[2]
    raise BadAddress(f"address {text}: {_why_not(text)}")


def _why_not(text: str) -> str:
    host, closing, rest = text.partition("]")
    if ":" not in text or (host.startswith("[") and closing and ":" not in rest[:1]):
        return "missing port in address"
    if host.startswith("[") and not closing:
        return "missing ']' in address"
    if rest.count(":") > 1 or (not host.startswith("[") and text.count(":") > 1):
        return "too many colons in address"
    return "unexpected '[' in address" if "[" in text[1:] else "unexpected ']' in address"


def _port(text: str) -> int:
    if not text:
        return 0
    if re.fullmatch(r"[+-]?[0-9]+", text):
        if 0 <= (number := int(text[:30])) <= PORT_MAX:
            return number
        raise BadAddress(f"address {text}: invalid port")
    try:
        return socket.getservbyname(text, "tcp")
    except (OSError, ValueError):
        raise BadAddress(f"lookup tcp/{text}: unknown port") from None
