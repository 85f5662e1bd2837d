"""The MySQL check (R19): against MariaDB where it is installed, and against doubles."""

import signal
import socket
import sys
from pathlib import Path

import pytest

from nodecore.core.findings import Finding, Found
from nodecore.core.records import Checker, CheckerKind
from nodecore.runtime.mysql_check import MISSING, check_mysql
from tests.doubles.mysql_server import MISSING as NO_MARIADB
from tests.doubles.mysql_server import mariadb_server, refusing, running_mariadb
from tests.doubles.peer import Behaviour, peer
from tests.runtime.test_probes import PATIENCE_S, Asked, ask, hang_up, nobody, say_nothing

__all__ = ["ask"]

pytestmark = pytest.mark.requirement("R19")


def no_mysql(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    hang_up(connection)


CHECKER = Checker(kind=CheckerKind.MYSQL, user="prober", password="secret")


@pytest.mark.skipif(mariadb_server() is None, reason=NO_MARIADB)
def test_a_real_server_passes_while_it_executes_the_command(tmp_path: Path, ask: Asked) -> None:
    """It passes, fails a command that makes no sense, is silent when stopped, and refuses when it is gone."""
    program = mariadb_server()
    assert program is not None
    with running_mariadb(program, tmp_path) as server:
        assert ask(server.address, CHECKER).finding == Finding(found=Found.ANSWERED)
        nonsense = Checker(kind=CheckerKind.MYSQL, command="SELECT nothing FROM nowhere")
        failed = ask(server.address, nonsense).finding
        assert (failed.found, "nowhere" in failed.why or "No database" in failed.why) == (Found.FAILED, True)
        server.process.send_signal(signal.SIGSTOP)
        assert ask(server.address, CHECKER, timeout_s=0.2).finding.found is Found.SILENT
        server.process.kill()
        server.process.wait()
        assert ask(server.address, CHECKER).finding.found is Found.REFUSED


@pytest.mark.parametrize(
    ("behaviour", "found", "why"),
    [
        (refusing(1045, "Access denied for user 'prober'"), Found.FAILED, "Access denied for user 'prober'"),
        (refusing(1040, "Too many connections"), Found.FAILED, "Too many connections"),
        (hang_up, Found.BROKEN, "Lost connection"),
        (no_mysql, Found.BROKEN, ""),
    ],
    ids=["denied", "full", "closed", "no MySQL"],
)
def test_a_server_that_says_no_is_told_from_one_that_says_nothing_sensible(
    behaviour: Behaviour, found: Found, why: str
) -> None:
    """The one is down at once, the other only when it stays so."""
    with peer(behaviour) as there:
        finding = check_mysql(there, CHECKER, PATIENCE_S)
    assert finding.found is found, finding
    assert why in finding.why


def test_who_does_not_even_greet_is_silent_and_who_is_not_there_refuses() -> None:
    """Within the time-out, whichever it is."""
    with peer(say_nothing) as there:
        assert check_mysql(there, CHECKER, 0.05).found is Found.SILENT
    with nobody() as gone:
        assert check_mysql(gone, CHECKER, PATIENCE_S).found is Found.REFUSED


def test_a_node_without_pymysql_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, ask: Asked) -> None:
    """It is an extra, and the health of nobody's instances depends on whether a node has it."""
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with nobody() as there:
        assert ask(there, CHECKER).finding == Finding(found=Found.UNABLE, why=MISSING)
    assert "pip install 'cutheal[mysql]'" in MISSING
