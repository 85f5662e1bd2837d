"""Who may speak to a Raft port, and that its greetings are remembered for who probes links."""

import pickle
import socket
import struct
import zlib

import pytest
from cryptography.fernet import Fernet

from harness.waiting import wait_for
from nodecore.raft.replica import key_of
from nodecore.raft.transport import raft_address
from tests.runtime.raft_members import PATIENCE_S, SECRET, Member, leader_of, members

HELLO = bytes(range(32))


def framed(secret: str, message: object) -> bytes:
    packed = Fernet(key_of(secret)).encrypt(zlib.compress(pickle.dumps(message, 2), 3))
    return struct.pack("i", len(packed)) + packed


def port_of(member: Member) -> int:
    port = member.config.raft_port
    assert port is not None
    return port


def said_to(member: Member, *messages: bytes) -> bytes:
    """What a stranger hears until it is hung up on, or has got something."""
    with socket.create_connection(("127.0.0.1", port_of(member)), PATIENCE_S) as stranger:
        for message in messages:
            stranger.sendall(message)
        return stranger.recv(65536)


def test_a_greeting_with_the_secret_is_answered_and_remembered() -> None:
    """The id of a probe is the key that it greets with; without the secret nobody is heard."""
    with members(1) as (alone,):
        leader_of([alone])
        assert said_to(alone, framed(SECRET, HELLO)) != b""
        assert alone.arrivals.seen([HELLO.hex()])[HELLO.hex()] is not None
        other = bytes(reversed(HELLO))
        assert said_to(alone, framed("guessed", other)) == b""
        assert alone.arrivals.seen([other.hex()]) == {other.hex(): None}


@pytest.mark.parametrize("message", [b"short", "readonly", ["status"], {"type": "request_vote"}])
def test_nobody_but_a_member_gets_further(message: object) -> None:
    """PySyncObj would take operators' orders and followers that only read from whoever has the secret."""
    with members(1) as (alone,):
        leader_of([alone])
        assert said_to(alone, framed(SECRET, message)) == b""
        wait_for("it still leads", alone.leads, bool, PATIENCE_S)


def test_a_members_raft_is_dialled_at_its_port_minus_1000_unless_told_otherwise() -> None:
    """As in Nacos."""
    assert raft_address({}, "10.0.0.1:8848") == ("10.0.0.1", 7848)
    assert raft_address({"10.0.0.1:8848": "127.0.0.1:9"}, "10.0.0.1:8848") == ("127.0.0.1", 9)
