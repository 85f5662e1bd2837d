"""MySQL servers for checks: a double that answers as one that refuses, and MariaDB where it is installed."""

import getpass
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.ports import Reservations
from harness.waiting import wait_for
from tests.doubles.bound import bound

START_REAL_S = 60.0
"""Of a server whose folder is empty, on a machine that is busy with other tests."""

MISSING = "no MariaDB here: apt-get install mariadb-server"


def mariadb_server() -> str | None:
    """Return where the server is installed, None where it is not."""
    return shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def greeting(connection: socket.socket) -> None:
    """Say hello as protocol 10 has it."""
    body = b"\x0a" + b"8.0.36\x00" + struct.pack("<I", 7) + b"12345678\x00"
    body += struct.pack("<HBHH", 0xF7FF, 45, 2, 0x8000) + bytes([21]) + bytes(10) + b"123456789012\x00"
    connection.sendall(_packet(0, body + b"mysql_native_password\x00"))


def refusing(number: int, sentence: str) -> Callable[[socket.socket], None]:
    """Return how a server behaves that greets and then says no."""

    def behave(connection: socket.socket) -> None:
        greeting(connection)
        connection.recv(4096)
        connection.sendall(_packet(2, b"\xff" + struct.pack("<H", number) + b"#28000" + sentence.encode()))

    return behave


@dataclass(frozen=True, slots=True)
class MariaDb:
    """A server of our own; everybody may log in."""

    address: str
    process: subprocess.Popen[bytes]


@contextmanager
def running_mariadb(program: str, folder: Path) -> Iterator[MariaDb]:
    """Start a server on a reserved port, in an empty folder; it ends with this test, or with this process."""
    with Reservations() as ports:
        (address,) = ports.reserve(1)
        flags = {
            "datadir": folder / "data",
            "socket": folder / "socket",
            "pid-file": folder / "pid",
            "bind-address": "127.0.0.1",
            "port": address.rpartition(":")[2],
            "innodb-buffer-pool-size": "8M",
            "innodb-log-file-size": "4M",
            "performance-schema": "OFF",
        }
        (folder / "data").mkdir()
        argv = [program, "--no-defaults", "--skip-grant-tables", "--skip-networking=0", "--skip-log-bin"]
        argv += [f"--{name}={value}" for name, value in flags.items()]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(bound([*argv, f"--user={getpass.getuser()}"]), stdout=log, stderr=log)
        try:
            wait_for("MariaDB listens", lambda: _listens(address, process, folder), bool, START_REAL_S)
            yield MariaDb(address, process)
        finally:
            process.kill()
            process.wait()


def _listens(address: str, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "log").read_text()[-2000:]
    host, _, port = address.rpartition(":")
    with socket.socket() as connection:
        return connection.connect_ex((host, int(port))) == 0


def _packet(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body
