"""What a probe says to whatever listens behind a link, and what it takes for an answer.

A node's HTTP ports take `POST PATH?id=ID`, its Raft port the greeting with which PySyncObj begins a
connection, an instance nothing that we know. Invariant: a probe changes nothing at its target but the list
of the probes that it has seen.
"""

import pickle
import struct
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import pbkdf2_hmac, sha256
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from harness.links.link import Channel

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

PYSYNCOBJ_SALT = b"\x15%q\xe6\xbb\x02\xa6\xf8\x13q\x90\xcf6+\x1e\xeb"
PYSYNCOBJ_ITERATIONS = 100_000
"""How PySyncObj 0.3 makes a key of its password (`pysyncobj/encryptor.py`)."""


class Dialect(Protocol):
    """How a target is probed."""

    @property
    def is_spoken(self) -> bool:
        """Whether probes say anything: else connections alone are looked at."""

    @property
    def is_lasting(self) -> bool:
        """Whether a connection over which a probe was answered takes another."""

    @property
    def hangs_up(self) -> bool:
        """Whether a target ends a connection over which it has heard nothing for a while."""

    def id_of(self, name: str) -> str:
        """Return the id of the probe of this name."""

    def request(self, probe_id: str) -> bytes:
        """Return what a probe says; nothing where it only connects."""

    def is_whole(self, received: bytes) -> bool:
        """Tell whether all of an answer has come."""

    def is_good(self, received: bytes) -> bool:
        """Tell whether a whole answer is that of somebody who takes probes."""

    def is_to(self, received: bytes, probe_id: str) -> bool:
        """Tell whether a whole answer is to this probe, as far as an answer tells."""


class Http:
    """Probes over HTTP: `POST PATH?id=ID` is remembered and answered with 200 and the id.

    Args:
        path: where.

    """

    is_spoken = True
    is_lasting = True
    hangs_up = False

    def __init__(self, path: str) -> None:
        self._path = path

    def id_of(self, name: str) -> str:
        """Return the name itself."""
        return name

    def request(self, probe_id: str) -> bytes:
        """Return the POST."""
        return http_request("POST", f"{self._path}?id={probe_id}")

    def is_whole(self, received: bytes) -> bool:
        """Look for the end of headers and for as much of a body as they announce."""
        head, blank, body = received.partition(b"\r\n\r\n")
        if not blank:
            return False
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                with suppress(ValueError):
                    return len(body) >= int(value)
        return True

    def is_good(self, received: bytes) -> bool:
        """Look for 200."""
        return received.split(b"\r\n", 1)[0].split(b" ")[1:2] == [b"200"]

    def is_to(self, received: bytes, probe_id: str) -> bool:
        """Look for the id in the body."""
        return probe_id.encode() in received.split(b"\r\n\r\n", 1)[1]


class Greeting:
    """Probes of a Raft port: PySyncObj's first message, which is a random key and here the probe's id.

    The target answers with a key of its own. It takes one greeting for each connection, and ends one over
    which it has heard nothing for its `connectionTimeout` as soon as anything comes.

    Args:
        secret: the password of the Raft cluster.

    """

    is_spoken = True
    is_lasting = False
    hangs_up = True

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def id_of(self, name: str) -> str:
        """Return 32 bytes in hexadecimal digits, the same for the same name."""
        return sha256(name.encode()).hexdigest()

    def request(self, probe_id: str) -> bytes:
        """Return the greeting, framed and encrypted as `pysyncobj/tcp_connection.py` does."""
        message = zlib.compress(pickle.dumps(bytes.fromhex(probe_id), protocol=2), 3)
        encrypted = self._fernet.encrypt_at_time(message, int(monotonic()))
        return struct.pack("i", len(encrypted)) + encrypted

    def is_whole(self, received: bytes) -> bool:
        """Any bytes will do: only who has understood the greeting says anything."""
        return bool(received)

    def is_good(self, received: bytes) -> bool:
        """Any bytes will do."""
        return bool(received)

    def is_to(self, received: bytes, probe_id: str) -> bool:  # noqa: ARG002 - the answer does not say
        """An answer does not say to what."""
        return bool(received)

    @cached_property
    def _fernet(self) -> "Fernet":
        from cryptography.fernet import Fernet  # noqa: PLC0415 - 65 ms that only clusters with Raft pay

        key = pbkdf2_hmac("sha256", self._secret.encode(), PYSYNCOBJ_SALT, PYSYNCOBJ_ITERATIONS)
        return Fernet(urlsafe_b64encode(key))


class Silent:
    """No probes: connections to the target are looked at, and nothing is sent over them.

    Args:
        is_lasting: whether one may be kept for the next look; a target that serves one connection at a time
            would serve nobody else.

    """

    is_spoken = False
    hangs_up = False

    def __init__(self, *, is_lasting: bool) -> None:
        self.is_lasting = is_lasting

    def id_of(self, name: str) -> str:
        """Return the name: nobody is told it."""
        return name

    def request(self, probe_id: str) -> bytes:  # noqa: ARG002 - nothing is said
        """Return nothing."""
        return b""

    def is_whole(self, received: bytes) -> bool:  # noqa: ARG002 - nothing was asked
        """What a target says unasked, such as a database's banner, is no answer."""
        return False

    def is_good(self, received: bytes) -> bool:  # noqa: ARG002 - nothing is said
        """Whoever is connected to is there."""
        return True

    def is_to(self, received: bytes, probe_id: str) -> bool:  # noqa: ARG002 - nothing is said
        """Nothing was said."""
        return True


def dialects(probe_path: str | None, secret: str) -> Mapping[Channel, Dialect]:
    """Return how the targets of each channel are probed.

    Args:
        probe_path: where nodes take probes over HTTP; None: nowhere.
        secret: the password of the Raft cluster; "": nobody can speak to its ports.

    """
    http: Dialect = Http(probe_path) if probe_path else Silent(is_lasting=True)
    raft: Dialect = Greeting(secret) if secret and probe_path else Silent(is_lasting=True)
    instance = Silent(is_lasting=False)
    return {Channel.PEER: http, Channel.CLIENT: http, Channel.RAFT: raft, Channel.PROBE: instance}


def ask_request(path: str, probe_ids: Sequence[str]) -> bytes:
    """Return the HTTP request that asks a target which ids it has seen."""
    return http_request("GET", f"{path}?id={','.join(probe_ids)}")


def http_request(method: str, path: str) -> bytes:
    """Return a request without a body."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode("ascii")
