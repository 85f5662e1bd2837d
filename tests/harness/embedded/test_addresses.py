"""Addresses: what Go reads, what it says to the rest, and that nothing but loopback comes out."""

import ipaddress
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.links.embedded.addresses import (
    Address,
    BadAddress,
    NotLoopback,
    dial_addresses,
    listen_address,
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("127.0.0.2:080", "127.0.0.2:80"),
        ("localhost:80", "127.0.0.1:80"),
        ("[::1]:80", "[::1]:80"),
        ("127.0.0.1:", "127.0.0.1:0"),
        ("127.0.0.1:http", "127.0.0.1:80"),
        ("", "127.0.0.1:0"),
    ],
)
def test_a_listen_address_is_told_as_go_tells_it(text: str, told: str) -> None:
    """So that a comparison with what is bound is exact."""
    assert str(listen_address(text)) == told


@pytest.mark.parametrize(
    "text", [":80", "0.0.0.0:80", "[::]:80", "8.8.8.8:80", "example.com:80", "[fe80::1]:80"]
)
def test_what_other_machines_could_reach_is_not_listened_on(text: str) -> None:
    """The sentence names what would be right."""
    with pytest.raises(NotLoopback, match=r"loopback only; right would be 127\.0\.0\.1:80"):
        listen_address(text)


def test_only_loopback_is_dialled() -> None:
    """An address without a host is this machine; localhost may be of either kind."""
    assert dial_addresses(":80") == dial_addresses("0.0.0.0:80") == [Address("127.0.0.1", 80)]
    assert dial_addresses("localhost:80") == [Address("127.0.0.1", 80), Address("::1", 80)]
    with pytest.raises(NotLoopback, match=r"upstream 10\.0\.0\.1:80: .*right would be 127\.0\.0\.1:80"):
        dial_addresses("10.0.0.1:80")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", "address abc: missing port in address"),
        ("::1:80", "address ::1:80: too many colons in address"),
        ("[::1", "address [::1: missing ']' in address"),
        ("[::1]", "address [::1]: missing port in address"),
        ("[::1]80", "address [::1]80: missing port in address"),
        ("127.0.0.1:99999", "address 99999: invalid port"),
        ("127.0.0.1:-1", "address -1: invalid port"),
        ("127.0.0.1:nonsense", "lookup tcp/nonsense: unknown port"),
    ],
)
def test_what_go_cannot_read_is_said_in_its_words(text: str, message: str) -> None:
    """Each of these was asked of the real server."""
    with pytest.raises(BadAddress) as caught:
        listen_address(text)
    assert str(caught.value) == message


def found_in(text: str) -> list[Address]:
    """Return the addresses that a text is read as, to listen on or to dial."""
    found = []
    with suppress(BadAddress, NotLoopback):
        found.append(listen_address(text))
    with suppress(BadAddress, NotLoopback):
        found += dial_addresses(text)
    return found


@settings(deadline=None)
@given(st.text(max_size=30) | st.text("[]:.0123456789abfx%", max_size=30))
def test_any_text_is_loopback_or_refused(text: str) -> None:
    """Whatever it is."""
    assert all(ipaddress.ip_address(address.host).is_loopback for address in found_in(text))
